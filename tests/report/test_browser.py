"""The page as people see it: in a real browser, on a phone and a desk, by day and by night, on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from preceptor.report.page import render_page
from preceptor.report.schema import Report
from support.browser import DESK, PHONE, chromium, opened
from support.reports import full, report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report as a run leaves it: the page and its figures."""
    place = tmp_path_factory.mktemp("report")
    write(place, full())
    return place


def write(place: Path, made: Report) -> Path:
    (place / "report.json").write_text(json.dumps(made.model_dump(mode="json", by_alias=True)), "utf-8")
    (place / "index.html").write_text(render_page(made), "utf-8")
    return place / "index.html"


SEES_WELL = """() => {
  const clear = [];
  for (const element of document.querySelectorAll('main *')) {
    const box = element.getBoundingClientRect();
    if (element.closest('.wide, svg, pre') || !box.width) continue;
    if (box.right > innerWidth + 0.5 || box.left < -0.5) clear.push(element.outerHTML.slice(0, 80));
  }
  return clear;
}"""
"""Elements that stick out of the window, but for tables and texts that scroll by themselves."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_it_opens_without_an_error_or_a_request(
    browser: Browser, directory: Path, size: tuple[int, int], scheme: str
) -> None:
    file = directory / "index.html"
    with opened(browser, file, size, scheme) as seen:
        seen.page.mouse.wheel(0, 20_000)
        assert seen.console == []
        assert seen.errors == []
        assert seen.requests == [file.as_uri()]
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert seen.page.evaluate(SEES_WELL) == []


@pytest.mark.parametrize("made", [full(), report()], ids=["full", "small"])
def test_the_main_figures_equal_the_stored_ones(browser: Browser, tmp_path: Path, made: Report) -> None:
    file = write(tmp_path, made)
    stored: dict[str, Any] = json.loads((tmp_path / "report.json").read_text("utf-8"))
    private = stored["private"]
    with opened(browser, file) as seen:
        assert seen.figure("sentence") == stored["sentence"]
        assert seen.figure("private.before") == f"{100 * private['before']:.1f} %"
        assert seen.figure("private.after") == f"{100 * private['after']:.1f} %"
        assert seen.figure("private.gainPoints") == f"{private['gainPoints']:+.1f}"
        low, high = private["interval"]
        assert seen.figure("private.interval") == f"{low:+.1f} to {high:+.1f}"
        assert seen.figure("private.relativeGain") == f"{100 * private['relativeGain']:+,.0f} %"
        assert seen.figure("private.items") == f"{private['items']}"
        assert seen.figure("funnel.made") == f"{stored['funnel']['made']:,}"
        cost = f"${stored['budget']['usd']['spent']:.2f}" if "usd" in stored["budget"] else "no model asked"
        assert seen.figure("cost") == cost
        alarms = f"⚠ {len(stored['alarms'])} alarms" if stored["alarms"] else "Nothing alarmed"
        assert seen.figure("alarms").startswith(alarms)


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_first_screen_says_what_matters(browser: Browser, directory: Path, size: tuple[int, int]) -> None:
    with opened(browser, directory / "index.html", size) as seen:
        for name in ("sentence", "private.before", "private.after", "private.interval", "cost", "alarms"):
            assert seen.bottom(f'[data-figure="{name}"]') <= size[1], name


def test_the_night_is_dark_and_paper_is_white(browser: Browser, directory: Path) -> None:
    brightness = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    with opened(browser, directory / "index.html", scheme="dark") as seen:
        assert max(seen.page.evaluate(brightness)) < 64
        seen.page.emulate_media(media="print", color_scheme="dark")
        assert min(seen.page.evaluate(brightness)) == 255
    with opened(browser, directory / "index.html", scheme="light") as seen:
        assert min(seen.page.evaluate(brightness)) == 255


def test_what_is_folded_on_the_screen_is_printed(browser: Browser, directory: Path) -> None:
    with opened(browser, directory / "index.html") as seen:
        folded = seen.page.locator("#samples details").last.locator("pre").first
        digest = seen.page.locator("#digests td").first
        seen.page.locator('label[for="samples-0"]').click()
        assert not folded.is_visible()
        seen.page.emulate_media(media="print")
        assert (folded.bounding_box() or {"height": 0})["height"] > 10
        assert (digest.bounding_box() or {"height": 0})["height"] > 10
        assert not seen.page.locator("nav").is_visible()


@pytest.mark.parametrize("group", ["samples", "failures"])
def test_rows_are_browsed_by_skill_without_a_script(browser: Browser, directory: Path, group: str) -> None:
    with opened(browser, directory / "index.html") as seen:
        assert seen.page.locator("script").count() == 0
        rows = seen.page.locator(f"#{group} details")
        assert [rows.nth(place).is_visible() for place in range(20)] == [True] * 20
        seen.page.locator(f'label[for="{group}-1"]').click()
        assert [rows.nth(place).is_visible() for place in range(20)] == [place % 3 == 1 for place in range(20)]
        rows.nth(1).locator("summary").click()
        assert rows.nth(1).locator("pre").first.is_visible()


def test_hostile_texts_do_nothing_and_do_not_break_the_page(browser: Browser, tmp_path: Path) -> None:
    hostile = (
        "</style></title><script>document.title='taken'</script><img src='http://x.invalid/a.png'>\u202egnp" + "w" * 900
    )
    rows = tuple(row.model_copy(update={"skill": hostile, "prompt": hostile}) for row in full().samples)
    poisoned = full(
        name=hostile, sentence=hostile, description=hostile, alarms=(hostile,), samples=rows, student=hostile
    )
    file = write(tmp_path, poisoned)
    with opened(browser, file) as seen:
        assert seen.console == []
        assert seen.requests == [file.as_uri()]
        assert "<script>" in seen.page.title()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert seen.page.evaluate(SEES_WELL) == []
