"""Pictures for the documentation, left in --pictures: they show what they are said to show."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.support.browser import resize
from tests.support.fakes.harness_report import finished_run
from tests.support.fakes.live_screen import screen
from verification.reports.html import to_html
from verification.run.live.figures import Latency
from verification.run.live.screen import Screen

pytestmark = pytest.mark.promise("documented")

_LARGEST = 200_000
_TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 12px; background: #16181d; color: #d8dee9 }}
pre {{ margin: 0; font: 14px/1.165 "DejaVu Sans Mono", monospace }}
</style><pre>{code}</pre>"""


@pytest.fixture
def pictures(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """Return the folder for the pictures, by default one that is forgotten."""
    folder: Path = pytestconfig.getoption("--pictures") or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def draw(browser: WebDriver, html: str, size: tuple[int, int], page: Path, file: Path) -> str:
    """Leave a picture of the top of a page, small enough for a README; return what it reads."""
    page.write_text(html, encoding="utf-8")
    resize(browser, *size)
    browser.get(page.as_uri())
    assert browser.save_screenshot(str(file))
    assert file.stat().st_size < _LARGEST
    text: str = browser.execute_script("return document.body.innerText")
    return text


@pytest.fixture
def report(pytestconfig: pytest.Config) -> str:
    """Return the page of the last `make verify`, or of a made-up run."""
    file: Path | None = pytestconfig.getoption("--report")
    return to_html(finished_run()) if file is None else file.read_text(encoding="utf-8")


def test_report(browser: WebDriver, report: str, tmp_path: Path, pictures: Path) -> None:
    """The report of a run in which every promise was kept."""
    text = draw(browser, report, (1200, 570), tmp_path / "page.html", pictures / "report.png")
    assert "Every promise is kept" in text


def usual(busy: Screen) -> Screen:
    """Return the screen with figures as one sees them on most days."""
    assert busy.ingest is not None
    assert busy.consumer is not None
    rules = {"required": 31, "range": 22, "not-empty": 19, "type": 14, "one-of": 9, "unique": 2}
    ingest = replace(busy.ingest, rules=rules)
    consumer = replace(busy.consumer, latency=Latency(0.03, 0.167), dead_letters=0)
    return replace(busy, ingest=ingest, consumer=consumer, seen=2)


def test_live_view(browser: WebDriver, tmp_path: Path, pictures: Path) -> None:
    """The live view of a pipeline under load, in the colours of a terminal."""
    console = Console(file=io.StringIO(), record=True, width=100, height=24, force_terminal=True)
    console.print(usual(screen(notable=2, looks=80)))
    html = console.export_html(inline_styles=True, code_format=_TERMINAL)
    text = draw(browser, html, (880, 270), tmp_path / "page.html", pictures / "live.png")
    assert "212.5 /s" in text
    assert "bidding logic" in text
