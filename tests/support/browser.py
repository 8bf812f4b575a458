"""A headless Chromium that keeps a record of what a page does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESK = (390, 844), (1280, 900)
"""Width and height of the windows that pages are looked at in."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium; the test is skipped where there is none."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"there is no Chromium on the path ({', '.join(NAMES)}); install the package `chromium`")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Opened:
    """A page in a window, and what it did."""

    page: Page
    """The page."""
    console: list[str] = field(default_factory=list)
    """What it wrote to the console, warnings and errors of the browser included."""
    errors: list[str] = field(default_factory=list)
    """Uncaught errors."""
    requests: list[str] = field(default_factory=list)
    """Every address it asked for, its own first."""

    def figure(self, name: str) -> str:
        """The text of a main figure."""
        return " ".join(self.page.locator(f'[data-figure="{name}"]').inner_text().split())

    def bottom(self, selector: str) -> float:
        """Where an element ends, in pixels from above."""
        box = self.page.locator(selector).first.bounding_box()
        assert box is not None
        return box["y"] + box["height"]


@contextmanager
def opened(browser: Browser, file: Path, size: tuple[int, int] = PHONE, scheme: str = "light") -> Iterator[Opened]:
    """Open a file in a window of a size, for people who like it ``light`` or ``dark``."""
    dark = scheme == "dark"
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        service_workers="block",
    )
    seen = Opened(page)
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request.url))
    try:
        page.goto(file.as_uri(), wait_until="load")
        yield seen
    finally:
        page.close()
