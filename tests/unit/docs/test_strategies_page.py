"""The code in docs/strategies.md works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from consumer.bidding.strategies import SHIPPED
from consumer.bootstrap import load_extensions
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.settings.consumer import load_settings
from tests.support.pages import blocks
from verification.project import ROOT

PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
FILES = ("strategy.py", "test_strategy.py", "sink.py", "test_sink.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Save each piece of code under the name that the page gives it."""
    (tmp_path / "ours").mkdir()
    pieces = blocks("docs/strategies.md", "python")
    for name, code in zip(FILES, pieces, strict=True):
        assert f"`ours/{name}`" in PAGE
        (tmp_path / "ours" / name).write_text(code, encoding="utf-8")
    return tmp_path


def test_its_tests_pass(folder: Path) -> None:
    """Both contracts are kept, by the command that the page shows."""
    assert "$ PYTHONPATH=. pytest ours" in PAGE
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "ours"]
    # without the plugins of ours, whose start takes longer than the tests
    path = {"PYTHONPATH": f"{folder}:{ROOT}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environ = {**os.environ, **path}
    ran = subprocess.run(
        command, cwd=folder, env=environ, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"\b12 passed", ran.stdout), ran.stdout


def test_the_service_takes_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the settings that the page shows, those of the sink included."""
    monkeypatch.syspath_prepend(folder)
    environ = dict(re.findall(r"(BIDDING_STRATEGY|CONSUMER_SINKS|OURS_CSV)=(\S+) ", PAGE))
    environ["OURS_CSV"] = str(folder / "bids.csv")
    made = load_extensions(
        load_settings(environ), environ, ConsumerMetrics(CollectorRegistry()), Clock()
    )
    made.sinks.start()
    made.sinks.drain(5, Clock())
    assert made.strategy.name == "first_only"
    assert [sink.name for sink in made.sinks.dropping] == ["csv"]
    assert (folder / "bids.csv").exists()


def test_a_package_has_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed with the page's entry point, the strategy is found by its short name."""
    (table,) = blocks("docs/strategies.md", "toml")
    groups = tomllib.loads(table)["project"]["entry-points"]
    lines = [
        line
        for group, names in groups.items()
        for line in (f"[{group}]", *(f"{name} = {place}" for name, place in names.items()))
    ]
    package = folder / "ours-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(folder)
    environ = {"BIDDING_STRATEGY": "first_only"}
    made = load_extensions(
        load_settings(environ), environ, ConsumerMetrics(CollectorRegistry()), Clock()
    )
    assert type(made.strategy).__module__ == "ours.strategy"


def test_every_shipped_strategy_is_on_the_page() -> None:
    """One line of the table each."""
    assert all(f"| `{name}` |" in PAGE for name in SHIPPED)


def test_a_strategy_is_fifteen_lines() -> None:
    """The first piece of code is as short as promised, blank lines and imports aside."""
    first = blocks("docs/strategies.md", "python")[0]
    code = [line for line in first.splitlines() if line and not line.startswith("from ")]
    assert len(code) <= 15
