"""The picture of the architecture shows what there is."""

from __future__ import annotations

import re

from common.kafka import KafkaSettings
from common.settings import read
from docs.diagram import PICTURE, SOURCE, mark
from verification.project import ROOT


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
