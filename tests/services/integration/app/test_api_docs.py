"""/docs in a real browser, in front of the real service."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from tests.services.conftest import Kafka
from tests.services.integration.app.conftest import Service
from tests.support.browser import console, resize
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.promise("documented"), pytest.mark.promise("secured")]

_LOADED = "return performance.getEntriesByType('resource').map(entry => entry.name)"
_BODY = ".opblock-post .body-param__text"
_SIZE = "const page = document.documentElement; return [page.scrollWidth, page.scrollHeight]"
_STATUS = ".live-responses-table tbody .response-col_status"
_ANSWER = ".live-responses-table .highlight-code code"
_TALLEST = 4000


def click(browser: WebDriver, selector: str) -> None:
    """Click on what the selector finds, as soon as it is there."""

    def clicked() -> bool:
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        with suppress(StaleElementReferenceException):
            for first in found[:1]:
                browser.execute_script("arguments[0].click()", first)
                return True
        return False

    eventually(clicked, selector, 30)


def seen(browser: WebDriver, selector: str) -> list[str]:
    """Return the texts that the selector finds; none of a page that is being drawn anew."""
    with suppress(StaleElementReferenceException):
        return [each.text for each in browser.find_elements(By.CSS_SELECTOR, selector)]
    return []


def draw(browser: WebDriver, width: int, file: Path) -> None:
    """Leave a picture of the page, from its top to its end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    browser.execute_script("scrollTo(0, 0)")
    resize(browser, width, min(browser.execute_script(_SIZE)[1], _TALLEST))
    assert browser.save_screenshot(str(file))
    resize(browser, width)


def draw_answer(browser: WebDriver, file: Path) -> None:
    """Leave a picture of what was sent and what came back, small enough for a page of docs."""
    resize(browser, 1200, 895)
    answer = browser.find_element(By.CSS_SELECTOR, ".live-responses-table")
    browser.execute_script("arguments[0].scrollIntoView({block: 'end'})", answer)
    assert browser.save_screenshot(str(file))


@pytest.mark.parametrize("width", [400, 1400])
def test_a_sample_can_be_tried_out(  # noqa: PLR0913  what a page is looked at with
    *,
    width: int,
    browser: WebDriver,
    kafka: Kafka,
    service: Service,
    pytestconfig: pytest.Config,
    tmp_path: Path,
) -> None:
    """Two clicks send a sample, show 202, and the sample is on the topic; all of it local."""
    pictures: Path = pytestconfig.getoption("--pictures") or tmp_path
    resize(browser, width)
    console(browser)
    browser.get(f"{service.home}/docs")
    click(browser, ".opblock-post .opblock-summary-control")
    eventually(lambda: browser.find_elements(By.CSS_SELECTOR, _BODY), "the sample", 30)
    draw(browser, width, pictures / f"api-{width}.png")
    click(browser, ".opblock-post button.execute")
    (status, *_) = eventually(lambda: seen(browser, _STATUS), "an answer", 30)
    assert status.split()[0] == "202"
    (shown, *_) = eventually(lambda: seen(browser, _ANSWER), "its body", 30)
    answer = json.loads(shown)
    draw(browser, width, pictures / f"api-sent-{width}.png")
    draw_answer(browser, pictures / "api.png")
    resize(browser, width)
    assert console(browser) == []
    assert browser.execute_script(_SIZE)[0] == width, "the page scrolls sideways"
    loaded = browser.execute_script(_LOADED)
    assert f"{service.home}/openapi.json" in loaded
    assert all(name.startswith((service.home, "data:")) for name in loaded)
    records = {(r.partition, r.offset): r for r in read_all(kafka.bootstrap_servers, service.topic)}
    record = records[answer["partition"], answer["offset"]]
    assert json.loads(record.value)["id"] == answer["id"] == record.key.decode()


def test_what_the_page_forbids_itself(service: Service) -> None:
    """The page may load from and talk to its own server alone, and nobody may frame it."""
    for path in ("/docs", "/docs/start.js", "/docs/swagger-ui/swagger-ui-bundle.js"):
        answer = service.ingest.get_admin(path)
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
