"""The HTML report as a person sees it, in a real browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.support.browser import console, resize
from tests.support.fakes.harness_report import finished_run
from verification.checklist.registry import CHECKS
from verification.reports.html import to_html
from verification.reports.run_report import RunReport

pytestmark = pytest.mark.promise("honest")

WIDTHS = (400, 1400)
_BROKEN = "resilience.kafka-pod-deleted"
REPORTS = {
    "passed": finished_run(),
    "failed": finished_run(failed=["pipeline.accepts", _BROKEN], skipped=["static.dockerfiles"]),
}
# Everything that sticks out of the page, or whose content is cut off at its right.
_OVERFLOWING = """
const found = [];
for (const element of document.body.querySelectorAll("*")) {
  const box = element.getBoundingClientRect();
  const clipped = getComputedStyle(element).overflowX === "hidden";
  const outside = box.width && (box.right > innerWidth + 1 || box.left < -1);
  const width = element.clientWidth;
  if (outside || (!clipped && width && element.scrollWidth > width + 1))
    found.push(element.outerHTML.slice(0, 120));
}
if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
return found;
"""
_SMALL_TEXT = """
return [...document.querySelectorAll("body *")]
  .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .filter(element => parseFloat(getComputedStyle(element).fontSize) < 11.5)
  .map(element => element.outerHTML.slice(0, 80));
"""
_SEEN = """
return [...document.querySelectorAll("[data-check]")]
  .filter(element => element.getBoundingClientRect().height > 10)
  .map(element => [element.dataset.check, element.innerText]);
"""


@dataclass(frozen=True)
class Page:
    """A report that is open in the browser, its width in pixels."""

    browser: WebDriver
    name: str
    width: int

    def ask(self, script: str) -> Any:  # noqa: ANN401  whatever the page answers
        """Run a script in the page."""
        return self.browser.execute_script(script)

    def open_everything(self) -> None:
        """Unfold every check."""
        self.ask("document.querySelectorAll('details').forEach(element => element.open = true)")


def _opened(browser: WebDriver, report: RunReport, name: str, width: int, folder: Path) -> Page:
    file = folder / f"{name}.html"
    file.write_text(to_html(report), encoding="utf-8")
    resize(browser, width)
    console(browser)
    browser.get(file.as_uri())
    return Page(browser, name, width)


@pytest.fixture(params=[(name, width) for name in REPORTS for width in WIDTHS], ids=str)
def page(request: pytest.FixtureRequest, browser: WebDriver, tmp_path: Path) -> Page:
    """Open each report at each width."""
    name, width = request.param
    return _opened(browser, REPORTS[name], name, width, tmp_path)


def test_console_is_silent(page: Page) -> None:
    """The browser has nothing to complain about."""
    assert console(page.browser) == []


def test_every_check_is_there(page: Page) -> None:
    """Each check of the registry is on the page, in sight, with its promise."""
    seen = dict(page.ask(_SEEN))
    assert list(seen) == [check.id for check in CHECKS]
    for check in CHECKS:
        assert " ".join(check.statement.split()) in " ".join(seen[check.id].split())


def test_nothing_sticks_out(page: Page) -> None:
    """Neither folded nor unfolded does anything reach beyond the page's width."""
    assert page.ask("return innerWidth") == page.width
    assert page.ask(_OVERFLOWING) == []
    page.open_everything()
    assert page.ask(_OVERFLOWING) == []


def test_text_can_be_read(page: Page) -> None:
    """No text is smaller than twelve pixels, rounded."""
    page.open_everything()
    assert page.ask(_SMALL_TEXT) == []


def test_verdict_is_seen_first(page: Page) -> None:
    """Without scrolling one sees how it ended, and what has failed."""
    header = "return document.querySelector('header')"
    shown = page.ask(f"{header}.innerText")
    assert ("Every promise is kept" in shown) is (page.name == "passed")
    promise = next(check.statement for check in CHECKS if check.id == _BROKEN)
    assert (promise in shown) is (page.name == "failed")
    assert page.ask(f"{header}.getBoundingClientRect().top") < 100


def test_failure_is_unfolded(page: Page) -> None:
    """A failed check shows its hint at once, the others keep theirs folded."""
    script = "return [...document.querySelectorAll('details[open]')].map(x => x.dataset.check)"
    expected = {"pipeline.accepts", _BROKEN} if page.name == "failed" else set()
    assert set(page.ask(script)) == expected


def test_drawings_are_drawn(page: Page) -> None:
    """Ledger strips, latencies and timeline have bars with an extent."""
    for selector in ("#ledger rect", "#latency rect", "#timeline .track span"):
        script = (
            f"return [...document.querySelectorAll('{selector}')]"
            ".filter(x => x.getBoundingClientRect().width > 0.5).length"
        )
        assert page.ask(script) > 5, selector
    ledgers = page.ask("return [...document.querySelectorAll('[data-ledger]')].length")
    assert ledgers == sum(check.category == "resilience" for check in CHECKS)


def test_overflow_would_be_found(page: Page) -> None:
    """A line that is too wide is seen by the very script that finds none."""
    page.ask("document.querySelector('h1').style.whiteSpace = 'nowrap'")
    page.ask("document.querySelector('h1').textContent = 'x'.repeat(1000)")
    page.ask("document.querySelector('h1').style.overflowWrap = 'normal'")
    assert page.ask(_OVERFLOWING) != []
