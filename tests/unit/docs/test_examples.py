"""The code on the pages works as it stands, and the examples are what they are said to be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry

from app.problems import InvalidBidRequest
from app.settings import build_validation
from app.settings import load_settings as load_ingest_settings
from common import decisions
from consumer.bidding.strategies import SHIPPED
from consumer.bootstrap import Extensions, load_extensions
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.settings.consumer import load_settings
from docs.decision_page import schema
from tests.support.pages import PAGES, blocks
from tests.unit.app.openrtb.full_request import full
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")

STRATEGIES, VALIDATION, DECISIONS = (
    f"docs/{name}.md" for name in ("strategies", "validation", "decisions")
)
FILES = ("strategy.py", "test_strategy.py", "sink.py", "test_sink.py")
EXAMPLES = blocks(DECISIONS, "json")
Offers = Callable[[bytes], list[tuple[str, float]]]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget what one page calls `ours` before the next page does."""
    yield
    for name in [*sys.modules]:
        if name.partition(".")[0] == "ours":
            del sys.modules[name]


def refused(document: dict[str, Any], **environ: str) -> InvalidBidRequest:
    """Return what the ingest has against a bid request."""
    with pytest.raises(InvalidBidRequest) as caught:
        build_validation(load_ingest_settings(environ))(document)
    return caught.value


class TestValidation:
    """docs/validation.md: a refusal, and a schema of one's own."""

    def test_a_schema_of_ones_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Saved as ours.py, it accepts and refuses what the page says."""
        (code,) = blocks(VALIDATION, "python")
        (tmp_path / "ours.py").write_text(code, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        ours = {"BID_SCHEMA": "ours:OurRequest"}
        validate = build_validation(load_ingest_settings(ours))
        for seats in ({"names": ["a"]}, {"group": "b"}, {"group": "b", "more": 1}):
            validate({**full(), "ext": seats})
        wrong: tuple[object, ...] = (None, {}, {"names": []}, "a")
        for ext in wrong:
            assert refused({**full(), "ext": ext}, **ours).violations[0].path == "ext"
        found = refused({**full(), "ext": {"names": [""]}}, **ours)
        assert found.violations[0].path == "ext.names[0]"

    def test_the_refusal(self) -> None:
        """A video without its mimes is refused in the words of the page."""
        (shown,) = blocks(VALIDATION, "json")
        request = full()
        del request["imp"][0]["video"]["mimes"]
        assert refused(request).document() == json.loads(shown)


class TestDecisions:
    """docs/decisions.md: its examples, the schema beside it, and the reader that it shows."""

    @pytest.fixture
    def offers(self) -> Offers:
        """Run the code of the page, and return its reader."""
        (reader,) = blocks(DECISIONS, "python")
        names: dict[str, Any] = {}
        exec(reader, names)  # noqa: S102  our own page
        found: Offers = names["offers"]
        return found

    @pytest.mark.parametrize("example", EXAMPLES)
    def test_an_example_is_a_decision(self, example: str) -> None:
        """Each is valid by the schema, and read by the harness's reader."""
        Draft202012Validator(schema()).validate(json.loads(example))
        decisions.read(example.encode())

    def test_the_schema_lets_members_come(self) -> None:
        """No object of it is closed: a reader that holds decisions to it goes on later."""
        assert "additionalProperties" not in json.dumps(schema())

    @pytest.mark.parametrize("later", [{}, {"later": {"x": 1}}])
    def test_the_reader_reads(self, offers: Offers, later: dict[str, object]) -> None:
        """The code finds the offers, whatever members a decision has besides."""
        bid, no_bid = (json.dumps({**json.loads(text), **later}).encode() for text in EXAMPLES)
        assert offers(bid) == [("1", 0.25), ("2", 1.5)]
        assert offers(no_bid) == []

    def test_the_reader_refuses_another_version(self, offers: Offers) -> None:
        """It does as the page says, and does not guess."""
        with pytest.raises(ValueError, match="version 2"):
            offers(json.dumps({**json.loads(EXAMPLES[0]), "version": 2}).encode())


class TestStrategies:
    """docs/strategies.md: a strategy and a sink of one's own."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Save each piece of code under the name that the page gives it."""
        (tmp_path / "ours").mkdir()
        for name, code in zip(FILES, blocks(STRATEGIES, "python"), strict=True):
            assert f"`ours/{name}`" in PAGES[STRATEGIES]
            (tmp_path / "ours" / name).write_text(code, encoding="utf-8")
        return tmp_path

    def loaded(self, environ: dict[str, str]) -> Extensions:
        """Return what the service makes of settings."""
        metrics = ConsumerMetrics(CollectorRegistry())
        return load_extensions(load_settings(environ), environ, metrics, Clock())

    def test_their_tests_pass(self, folder: Path) -> None:
        """Both contracts are kept, by the command that the page shows."""
        assert "$ PYTHONPATH=. pytest ours" in PAGES[STRATEGIES]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "ours"]
        # without the plugins of ours, whose start takes longer than the tests
        path = {"PYTHONPATH": f"{folder}:{ROOT}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environ = {**os.environ, **path}
        ran = subprocess.run(
            command, cwd=folder, env=environ, check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout
        assert re.search(r"\b12 passed", ran.stdout), ran.stdout

    def test_the_service_takes_them(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Under the settings that the page shows, those of the sink included."""
        monkeypatch.syspath_prepend(folder)
        shown = r"(BIDDING_STRATEGY|CONSUMER_SINKS|OURS_CSV)=(\S+) "
        environ = dict(re.findall(shown, PAGES[STRATEGIES]))
        environ["OURS_CSV"] = str(folder / "bids.csv")
        made = self.loaded(environ)
        made.sinks.start()
        made.sinks.drain(5, Clock())
        assert made.strategy.name == "first_only"
        assert [sink.name for sink in made.sinks.dropping] == ["csv"]
        assert (folder / "bids.csv").exists()

    def test_a_package_has_them(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Installed with the page's entry point, the strategy is found by its short name."""
        (table,) = blocks(STRATEGIES, "toml")
        package = folder / "ours-1.0.dist-info"
        package.mkdir()
        (package / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
        groups = tomllib.loads(table)["project"]["entry-points"]
        lines = [
            line
            for group, names in groups.items()
            for line in (f"[{group}]", *(f"{name} = {place}" for name, place in names.items()))
        ]
        (package / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(folder)
        made = self.loaded({"BIDDING_STRATEGY": "first_only"})
        assert type(made.strategy).__module__ == "ours.strategy"

    def test_the_page_is_as_short_and_as_whole_as_it_says(self) -> None:
        """It has a line for every shipped strategy; one's own takes fifteen, imports aside."""
        assert all(f"| `{name}` |" in PAGES[STRATEGIES] for name in SHIPPED)
        first = blocks(STRATEGIES, "python")[0].splitlines()
        assert len([line for line in first if line and not line.startswith("from ")]) <= 15
