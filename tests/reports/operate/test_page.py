"""The page of a pipeline: in a real browser, wide and on a phone, dark and light; users' names are text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PHONE, axe, is_wider_than_screen, opened
from playwright.sync_api import Browser
from watched_pipeline import answer, at, label, looked, pipeline, stream, whole_rounds

from reports.operate.page import render_pipeline, write_pipeline_page
from search.operate.monitoring.alerts import alert
from search.operate.monitoring.page_data import page_data
from search.operate.watching.watch import watch

HOSTILE = "</td><script>window.hacked = 1</script>&'{{7*7}}"
pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Data of a pipeline with everything on its page, of users who name things as they like."""
    with pipeline(tmp_path_factory.mktemp("page"), "triggers.performance.bound=0.9") as context:
        whole_rounds(context, HOSTILE)
        images = stream(
            context, range(40, 80), lambda day, group: 0.5 if day > 70 else 1.0, stores=3, a_day=2, pictures=True
        )
        answer(context, images, "v0002")
        label(context, images)
        for day in (60, 74, 76):
            then = at(context, day)
            looked(then, watch(then, then.journal.state()).to_json())
        then = at(context, 79)
        alert(then, f"a step failed: {HOSTILE}")
        state = then.journal.state()
        yield page_data(then, state, watch(then, state).to_json())


def test_names_are_text(data: dict[str, Any]) -> None:
    html = render_pipeline(data)
    assert "<script>window.hacked" not in html
    assert "{{7*7}}" in html


def test_a_page_without_anything_on_it(tmp_path: Path, browser: Browser) -> None:
    with pipeline(tmp_path) as context:
        write_pipeline_page(page_data(context, context.journal.state(), {}), tmp_path / "new" / "page.html")
    with opened(browser, tmp_path / "new" / "page.html") as page:
        assert page.text_content(".verdict strong") == "Nothing serves yet."
        assert axe(page) == []


def test_the_page_draws_what_was_watched(browser: Browser, data: dict[str, Any]) -> None:
    with opened(browser, render_pipeline(data)) as page:
        assert page.evaluate("window.hacked") is None
        charts = page.locator(".chart .main-svg:first-child")
        assert charts.count() == 3 + 7 + page.locator("[data-histogram]").count()
        assert page.locator("[data-histogram]").count() >= 2
        assert page.locator(".has-drifted h3").first.text_content().startswith("brightness")  # type: ignore[union-attr]  # there is one
        assert page.locator(".strip img").count() == 12
        assert page.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
        assert page.locator(".round").count() == 3
        assert "automl search conf=retail" in str(page.locator("#round-3 pre").text_content())
        assert axe(page) == []


def test_folded_rounds_open_by_keyboard(browser: Browser, data: dict[str, Any]) -> None:
    with opened(browser, render_pipeline(data)) as page:
        fold = page.locator("#round-2 summary")
        fold.focus()
        assert not page.locator("#round-2 .steps").is_visible()
        page.keyboard.press("Enter")
        assert page.locator("#round-2 .steps").is_visible()
        link = page.locator("#round-2 .links a")
        assert str(link.get_attribute("href")).startswith("rounds/0002/judged/")
        assert axe(page) == []


def test_colours_follow_the_reader(browser: Browser, data: dict[str, Any]) -> None:
    line = "document.querySelector('[data-drift] .scatterlayer path.js-line').style.stroke"
    with opened(browser, render_pipeline(data)) as page:
        light = page.evaluate(line)
        page.click("#theme")
        assert page.evaluate(line) != light
        assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Browser, data: dict[str, Any], scheme: str) -> None:
    with opened(browser, render_pipeline(data), viewport=PHONE, is_mobile=True, color_scheme=scheme) as page:
        assert not is_wider_than_screen(page)
        assert axe(page) == []
