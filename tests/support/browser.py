"""The Chromium of this system, driven by selenium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.webdriver import WebDriver

# Nothing but the page, and nothing sent anywhere.
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def binary() -> str | None:
    """Return the browser's program, None where it or its driver is missing."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found if shutil.which("chromedriver") else None


@contextmanager
def start_browser(profile: Path) -> Iterator[WebDriver]:
    """Start it with a profile of its own; end it afterwards."""
    options = webdriver.ChromeOptions()
    options.binary_location = binary() or ""
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield started
    started.quit()


def resize(browser: WebDriver, width: int, height: int = 900) -> None:
    """Be a window of this size in pixels, or a telephone where it is narrow."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def console(browser: WebDriver) -> list[dict[str, Any]]:
    """Return what the browser has logged since the last call."""
    found: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's
    return found
