"""A real browser to look at the report with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.support.browser import start_browser


@pytest.fixture(scope="session")
def browser(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:  # noqa: ARG001  needed
    """Start the Chromium of this system with a profile of its own; end it afterwards."""
    with start_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started
