"""A real browser to look at the report with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.support.browser import MISSING, binary, chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """Start the Chromium of this system with a profile of its own; end it afterwards."""
    if binary() is None:
        pytest.skip(MISSING)
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started
