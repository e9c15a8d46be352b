"""The picture of the architecture shows what there is."""

from __future__ import annotations

import re
import tomllib

import pytest

from common.kafka import KafkaSettings
from common.settings import read
from docs.diagram import PICTURE, SOURCE, mark
from docs.private_api import USES, Use, missing
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")


def test_current() -> None:
    """The picture was drawn from the source as it is: `make pictures` draws it anew."""
    assert mark(SOURCE.read_bytes()) in PICTURE.read_text(encoding="utf-8")


def test_names_are_ours() -> None:
    """Each file and folder in the picture is there, each topic is the default one."""
    source = SOURCE.read_text(encoding="utf-8")
    for folder, text in re.findall(r'label="[^"]*: (\w+)/"(.*?)\n  }', source, re.DOTALL):
        names = re.findall(r"(\w+(?:\.py|/))", text)
        assert len(names) >= 4
        assert [name for name in names if not (ROOT / folder / name).exists()] == []
    kafka = read(KafkaSettings, {})
    topics = {kafka.topic_bid_requests, kafka.topic_bid_decisions, kafka.topic_dead_letters}
    assert set(re.findall(r'label="([\w.]+)", shape=cylinder', source)) == topics


def test_links_lead_somewhere() -> None:
    """No page refers to a page, picture or folder that is not there."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.file}: {use.owner}")
def test_private_names_are_there(use: Use) -> None:
    """What a library does not promise is looked for by name, used where it is said, and tested."""
    assert missing(use) == []
    text = (ROOT / use.file).read_text(encoding="utf-8")
    assert [name for name in (*use.names, *use.made) if name not in text] == []
    assert (ROOT / use.test).exists()


def test_no_other_private_names_are_used() -> None:
    """Whatever breaks ruff's rule about them in the services stands in the table."""
    listed = {use.file for use in USES}
    files = [file for room in ("app", "common", "consumer") for file in (ROOT / room).rglob("*.py")]
    using = {str(file.relative_to(ROOT)) for file in files if "SLF001" in file.read_text("utf-8")}
    assert using <= listed


def test_versions_of_what_is_used_by_private_names_are_bounded() -> None:
    """No new version of such a library comes without somebody who looks at it."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    wanted = [row for rows in groups.values() for row in rows if isinstance(row, str)]
    for library in {use.library for use in USES}:
        assert [row for row in wanted if re.fullmatch(rf"{library}>=[\d.]+,<[\d.]+", row)], library


@pytest.mark.parametrize(("way", "most"), [("one bid", 12), ("one record", 15)])
def test_ways_are_short_and_lead_through_what_is_there(way: str, most: int) -> None:
    """The rows of each way name files and folders, no more than were promised."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition(f"## The way of {way}\n")[2].partition("\n## ")[0]
    rooms = re.findall(r"^\| \d+ \| `([^`]+)` ", section, re.MULTILINE)
    assert 10 <= len(rooms) <= most
    assert [room for room in rooms if not (ROOT / room).exists()] == []
