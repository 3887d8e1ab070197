"""The pages of several studies in a real browser: sort, filter, tick, follow; fronts over one another, the ruler."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from asked_server import NONCE, AskedServer, asked_server
from browser import PHONE, axe, is_wider_than_screen, opened
from playwright.sync_api import Browser, Page, expect

from reports.studies.index_page import StudyCard, card_of, render_index, unread_card
from reports.studies.overlay_page import render_overlay
from reports.table.table import StudyTable

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
HOSTILE = "x<img src=x onerror='window.hacked=1'>&\"/?#"
NAMES = ("beta", "alpha", "gamma", HOSTILE)


@pytest.fixture(scope="module")
def tables(report_table: Callable[..., StudyTable]) -> list[StudyTable]:
    made = [report_table(60), report_table(40, seed=2), report_table(30, seed=3), report_table(30, seed=4)]
    return [replace(table, name=name) for table, name in zip(made, NAMES, strict=True)]


@pytest.fixture(scope="module")
def served(tables: list[StudyTable], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskedServer]:
    with asked_server(tables, tmp_path_factory.mktemp("studies")) as server:
        yield server


def cards(tables: list[StudyTable]) -> list[StudyCard]:
    """Four studies: gamma of another device."""
    made = [card_of(table, now=NOW) for table in tables]
    made = [replace(card, updated=NOW - timedelta(hours=hours)) for hours, card in enumerate(made)]
    return [replace(card, device_key="0ther") if card.name == "gamma" else card for card in made]


def shown(page: Page) -> list[str]:
    shown_lines = "[...document.querySelectorAll('#table tbody tr')].filter((line) => !line.hidden)"
    found: list[str] = page.evaluate(f"{shown_lines}.map((line) => line.dataset.name)")
    return found


@pytest.mark.slow
@pytest.mark.seconds
def test_sort_filter_and_tick(browser: Browser, served: AskedServer, tables: list[StudyTable]) -> None:
    served.index = render_index([*cards(tables), unread_card("broken", "store: gone")], NOW, NONCE)
    with opened(browser, served.base + "/") as page:
        assert shown(page) == ["beta", "alpha", "gamma", HOSTILE, "broken"]
        page.get_by_role("button", name="study", exact=True).click()
        assert shown(page) == ["alpha", "beta", "broken", "gamma", HOSTILE]
        page.get_by_role("button", name="best mAP").click()
        best = sorted(cards(tables), key=lambda card: -(card.best_map or 0))
        assert shown(page) == [*(card.name for card in best), "broken"]  # unknown last, either way
        assert page.locator("th[aria-sort]").count() == 1
        page.get_by_label("sort by").select_option("trials up")
        assert shown(page)[0] in ("gamma", HOSTILE)
        page.locator("#query").fill("et shelf")
        assert shown(page) == ["beta"]
        assert page.locator("#shown").inner_text() == "1 of 5 studies"
        page.locator("#query").fill("")
        lay = page.get_by_role("button", name="Lay over one another")
        assert lay.is_disabled()
        page.get_by_label("lay alpha over others").check()
        assert page.get_by_label("lay gamma over others").is_disabled()
        assert page.get_by_label("lay gamma over others").get_attribute("title") == "another device"
        page.locator(f'input[value="{HOSTILE.replace(chr(34), chr(92) + chr(34))}"]').check()
        assert page.locator("#lay-words").inner_text().startswith("2 ticked; 1 of other data")
        lay.click()
        page.wait_for_url("**/over?*")
        assert set(parse_qs(urlsplit(page.url).query)["study"]) == {"alpha", HOSTILE}
        assert page.locator("h1").inner_text() in (f"alpha · {HOSTILE}", f"{HOSTILE} · alpha")
        assert page.evaluate("window.hacked") is None


@pytest.mark.slow
@pytest.mark.seconds
def test_what_changes_is_put_in_place(browser: Browser, served: AskedServer, tables: list[StudyTable]) -> None:
    served.index = render_index(cards(tables)[:2], NOW, NONCE)
    with opened(browser, served.base + "/") as page:
        expect(page.locator("#line")).to_have_text("Live.")
        page.get_by_label("lay beta over others").check()
        page.locator("#query").fill("a")
        page.get_by_role("button", name="study", exact=True).click()
        page.get_by_label("lay beta over others").focus()
        more = [replace(card, state="paused", trials=77) for card in cards(tables)]
        served.index = render_index(more, NOW + timedelta(hours=1), NONCE)
        served.change()
        expect(page.locator("#table tbody tr")).to_have_count(4)
        assert shown(page) == ["alpha", "beta", "gamma", HOSTILE]
        assert page.get_by_label("lay beta over others").is_checked()
        assert page.evaluate("document.activeElement.value") == "beta"
        expect(page.locator("#line")).to_have_text("Live.")
        assert "4 paused" in page.locator("#totals").inner_text().replace("\n", " ")
        assert page.evaluate("window.hacked") is None


@pytest.mark.slow
@pytest.mark.seconds
def test_the_first_study_appears(browser: Browser, served: AskedServer, tables: list[StudyTable]) -> None:
    served.index = render_index([], NOW, NONCE)
    with opened(browser, served.base + "/") as page:
        expect(page.get_by_role("heading", name="There is no study here yet")).to_be_visible()
        expect(page.locator("#line")).to_have_text("Live.")
        served.index = render_index(cards(tables)[:1], NOW, NONCE)
        served.change()
        expect(page.get_by_role("link", name="beta", exact=True)).to_be_visible()


@pytest.mark.slow
@pytest.mark.seconds
def test_fronts_over_one_another(browser: Browser, served: AskedServer, tables: list[StudyTable]) -> None:
    with opened(browser, served.base + "/over?study=beta&study=alpha") as page:
        count = len(tables[0].front) + len(tables[1].front)
        assert page.locator("#fronts .mark").count() == count
        ruler = page.get_by_label("What does each have at a latency of at most")
        ruler.focus()
        page.keyboard.press("End")
        words = page.locator("#at-words").inner_text()
        assert all(f"{table.name} {max(row.map or 0 for row in table.finished):.3f}" in words for table in tables[:2])
        assert words.count("▲") == 1
        page.keyboard.press("Home")
        assert "nothing so fast" in page.locator("#at-words").inner_text()
        ruler.fill("400")
        page.get_by_role("button", name="alpha").click()
        assert page.get_by_role("button", name="alpha").get_attribute("aria-pressed") == "false"
        assert page.locator("#fronts .mark").count() == len(tables[0].front)
        page.get_by_role("button", name="beta").click()  # the last one stays
        assert page.locator("#fronts .mark").count() == len(tables[0].front)
        words, address = page.locator("#at-words").inner_text(), page.locator("#address").inner_text()
        assert address == page.url
        page.locator("#fronts").focus()
        page.keyboard.press("ArrowRight")
        fastest = tables[0].front[0]
        assert (
            page.locator("#front-words").inner_text().startswith(f"beta, trial {fastest.number}: mAP {fastest.map:.3f}")
        )
    with opened(browser, address) as page:  # the same view
        assert page.locator("#at-words").inner_text() == words
        assert page.locator("#fronts .mark").count() == len(tables[0].front)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("kind", ["wide", "phone, dark"])
def test_screen_readers_and_phones(browser: Browser, tables: list[StudyTable], kind: str, tmp_path: Path) -> None:
    refused = replace(tables[1], fingerprints={**tables[1].fingerprints, "data": "0ther"})
    pages = {
        "no study": render_index([], NOW),
        "four": render_index([*cards(tables), unread_card("broken", "store: gone")], NOW),
        "over": render_overlay(tables, served=False),
        "refused": render_overlay([tables[0], refused]),
    }
    for name, text in pages.items():
        target = tmp_path / "page.html"
        target.write_text(text)
        more = {"viewport": PHONE, "color_scheme": "dark"} if "phone" in kind else {}
        with opened(browser, target, **more) as page:
            assert (name, axe(page)) == (name, [])
            assert (name, is_wider_than_screen(page)) == (name, False)
            assert page.evaluate("window.hacked") is None


@pytest.mark.seconds
def test_over_one_another_in_short(browser: Browser, tables: list[StudyTable]) -> None:
    """A file that opens from disk, in the default tests: both figures are drawn, and nothing is asked for."""
    with opened(browser, render_overlay(tables[:2], served=False)) as page:
        assert page.locator("#fronts .mark").count() == len(tables[0].front) + len(tables[1].front)
        assert page.locator("#volumes svg path").count() >= 4
        assert "▲" in page.locator("#at-words").inner_text()
