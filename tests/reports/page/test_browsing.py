"""The page as its readers use it: by mouse, keyboard, screen reader, on a phone, in the dark, by a link, on paper."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import optuna
import pytest
from asked_server import asked_server
from browser import PHONE, axe, is_wider_than_screen, opened, wait_until
from playwright.sync_api import Browser, Page

from objectives.records.gate import Gate
from reports.page.page import render_page
from reports.table.pick import pick
from reports.table.row import TrialRow
from reports.table.table import StudyTable, judged_rows, read_study

WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def table(report_study: Callable[..., optuna.Study], tmp_path_factory: pytest.TempPathFactory) -> StudyTable:
    folder = tmp_path_factory.mktemp("study")
    return read_study(report_study(40, folder=folder, reasons=True, deaths=True, families=2, children=6))


@pytest.fixture(scope="module")
def page_html(table: StudyTable, tmp_path_factory: pytest.TempPathFactory) -> str:
    return render_page(table, tmp_path_factory.getbasetemp())


def passing(table: StudyTable, **gate: float) -> list[TrialRow]:
    """Return what another gate would let pass, by the table's own judgement."""
    return [row for row in judged_rows(table.rows, Gate(**gate)) if row.passes_gate]


def said(tab: Page) -> str:
    return tab.locator("#whatif-said").inner_text()


def asked(tab: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(tab.evaluate("location.href")).query)


@pytest.mark.seconds
def test_what_would_pass_at_another_bound(table: StudyTable, page_html: str, browser: Browser) -> None:
    """The short one of the default tests: errors, requests and axe too."""
    with opened(browser, page_html, viewport=WIDE) as tab:
        assert axe(tab) == []
        own = [row for row in table.rows if row.passes_gate]
        tab.locator("#whatif summary").click()
        assert f"The study’s gate: {len(own)} pass, the best is trial {pick(table, 'gate').number}." in said(tab)
        tab.locator('#whatif-bounds input[type="number"][data-key="p95"]').fill("4")
        tab.keyboard.press("Tab")
        found = passing(table, map50_min=table.gate.map50_min or 0, p95_ms_max=4)
        assert 0 < len(found) < len(own)
        assert f"What if, not the study’s gate mAP50 ≥ 0.620, p95 ≤ 4.00 ms: {len(found)} of" in said(tab)
        best = max(found, key=lambda row: row.map or 0)
        assert f"would pass; the best is trial {best.number} (" in said(tab)
        tab.locator("#whatif-show").click()
        numbers = tab.locator("#table tbody tr").evaluate_all("rows => rows.map((row) => Number(row.dataset.number))")
        assert sorted(numbers) == sorted(row.number for row in found)
        tab.locator("#whatif-reset").click()
        assert "What if" not in said(tab)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("view", ["gate", "objectives"])
def test_the_edges_of_the_gate_are_dragged(table: StudyTable, page_html: str, browser: Browser, view: str) -> None:
    latency, accuracy = ("p95", "map50") if view == "gate" else ("p50", "map")
    with opened(browser, page_html, f"?view={view}", viewport=WIDE) as tab:
        tab.locator("#front").scroll_into_view_if_needed()
        plot = tab.locator("#front .nsewdrag").first.bounding_box()
        assert plot
        for edge, to in (("x", (0.4, None)), ("y", (None, 0.5))):
            grip = tab.locator(f".edge-{edge} span").bounding_box()
            assert grip
            x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
            tab.mouse.move(x, y)
            tab.mouse.down()
            aim = (
                plot["x"] + to[0] * plot["width"] if to[0] else x,
                plot["y"] + to[1] * plot["height"] if to[1] else y,
            )
            tab.mouse.move(*aim, steps=4)
            tab.mouse.up()
        wait_until(tab, f"new URLSearchParams(location.search).get('{accuracy}')")
        bounds = {key: float(asked(tab)[key][0]) for key in (latency, accuracy)}
        where = tab.evaluate(f"frontSlot().holder._fullLayout.xaxis.d2p({bounds[latency]})")
        assert where == pytest.approx(0.4 * plot["width"], abs=3)  # at the pointer, to three digits
        gate = {f"{latency}_ms_max": bounds[latency], f"{accuracy}_min": bounds[accuracy]}
        if view == "objectives":
            gate |= {"map50_min": table.gate.map50_min, "p95_ms_max": table.gate.p95_ms_max}
        assert f": {len(passing(table, **gate))} of" in said(tab)
        assert tab.locator(".whatif-region").is_visible()
        link = tab.evaluate("location.search")
        before = said(tab)
    with opened(browser, page_html, link, viewport=WIDE) as tab:
        assert said(tab) == before
        assert tab.locator("#whatif").get_attribute("open") is not None


@pytest.mark.slow
@pytest.mark.seconds
def test_other_bounds_of_the_gate_are_kept(
    report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    gate = {"map50_min": 0.5, "file_mb_max": 9.0, "throughput_min": 200.0}
    table = read_study(report_study(40, gate=Gate(**gate)))
    with opened(browser, render_page(table, tmp_path), "?map50=any", viewport=WIDE) as tab:
        free = {key: value for key, value in gate.items() if key != "map50_min"}
        found = passing(table, **free)
        assert 0 < len(found) < len(passing(table, throughput_min=200.0))
        assert f": {len(found)} of" in said(tab)
        assert "The gate’s other bounds are kept: throughput, images/s ≥ 200, file, MB ≤ 9." in said(tab)


@pytest.mark.slow
@pytest.mark.seconds
def test_every_trial_is_reached_by_keyboard(table: StudyTable, page_html: str, browser: Browser) -> None:
    with opened(browser, page_html, viewport=WIDE) as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the front"
        tab.focus("#front")
        assert tab.evaluate("document.activeElement.matches(':focus-visible')")
        along = []
        for _ in table.front:
            tab.keyboard.press("ArrowRight")
            along.append(int(tab.evaluate("cursor")))
        assert sorted(along) == sorted(row.number for row in table.front)
        status = tab.locator("#said").inner_text()
        assert status.startswith(f"Trial {along[-1]}, finished, on the front")
        assert tab.locator(".cursor").is_visible()
        assert tab.locator("#hovercard").is_visible()
        tab.keyboard.press("Home")
        seen = set()
        drawn = tab.evaluate("places(frontSlot()).length")
        for _ in range(drawn):
            seen.add(int(tab.evaluate("cursor")))
            tab.keyboard.press("ArrowDown")
        assert len(seen) == drawn >= len(table.finished)
        tab.keyboard.press("ArrowUp")
        last = tab.evaluate("cursor")
        tab.keyboard.press("Enter")
        assert tab.locator("#panel h2").inner_text() == f"Trial {last}"
        assert axe(tab) == []
        tab.keyboard.press("Escape")
        assert tab.locator("#panel").is_hidden()
        assert tab.evaluate("document.activeElement.id") == "front"
        tab.keyboard.press("Escape")
        assert tab.locator(".cursor").is_hidden()
        wide = tab.evaluate("frontSlot().holder._fullLayout.xaxis.range")
        tab.keyboard.press("+")
        narrow = tab.evaluate("frontSlot().holder._fullLayout.xaxis.range")
        assert narrow[1] - narrow[0] == pytest.approx(0.6 * (wide[1] - wide[0]))
        tab.keyboard.press("0")
        assert tab.evaluate("frontSlot().holder._fullLayout.xaxis.range") == pytest.approx(wide)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_link_opens_the_same_view(page_html: str, browser: Browser) -> None:
    with opened(browser, page_html, "?device=x&kept=1", viewport=WIDE) as tab:
        tab.click('[data-figure="front_objectives"]')
        tab.click("#zoom [aria-label='zoom in']")
        tab.fill("#query", "p95<5")
        tab.locator("#chips button", has_text="finished").click()
        tab.locator("#table th button", has_text="parameters").click()
        link = tab.evaluate("location.search")
        rows = tab.locator("#table tbody").inner_text()
        shown = tab.evaluate("frontSlot().holder._fullLayout.yaxis.range")
        assert asked(tab)["kept"] == ["1"]
    with opened(browser, page_html, link, viewport=WIDE) as tab:
        assert tab.locator("#table tbody").inner_text() == rows
        assert tab.input_value("#query") == "p95<5"
        assert tab.get_attribute('[data-figure="front_objectives"]', "aria-pressed") == "true"
        assert tab.evaluate("frontSlot().holder._fullLayout.yaxis.range") == pytest.approx(shown, rel=1e-3)
    with opened(browser, page_html, "?view=x%22]&show=no&sort=-no&p95=-3&map=x&zoom=a~b~c~d") as tab:
        assert "What if" not in said(tab)  # what means nothing is left alone


@pytest.mark.slow
@pytest.mark.seconds
def test_on_a_phone_nothing_is_wider_than_the_screen(page_html: str, browser: Browser) -> None:
    with opened(browser, page_html, "?p95=6", viewport=PHONE, is_mobile=True, has_touch=True) as tab:
        assert not is_wider_than_screen(tab)
        assert axe(tab) == []
        for name in ("#theme", "#zoom button", "#whatif-reset", ".edge-x span", "#query", "#chips button"):
            one = tab.locator(name).first
            one.scroll_into_view_if_needed()
            box = one.bounding_box()
            assert box, name
            assert box["x"] >= 0, name
            assert box["x"] + box["width"] <= PHONE["width"], name
        sizes = tab.evaluate(
            "[...document.querySelectorAll('#front text')].map((t) => parseFloat(getComputedStyle(t).fontSize))"
        )
        assert min(sizes) >= 12
        grip = tab.locator(".edge-x span").bounding_box()
        assert grip
        assert grip["height"] >= 28
        tab.locator("#table tbody tr").first.click()
        assert not is_wider_than_screen(tab)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_dark_and_light_by_the_system_and_by_a_switch(page_html: str, browser: Browser, scheme: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    paper = "document.querySelector('#front .main-svg').style.background"
    with opened(browser, page_html, "#trial-3", viewport=WIDE, color_scheme=scheme) as tab:
        assert axe(tab) == []
        tab.keyboard.press("Escape")
        before, figure = tab.evaluate(ground), tab.evaluate(paper)
        tab.click("#theme")
        assert tab.evaluate(ground) != before
        assert tab.evaluate(paper) != figure
        assert axe(tab) == []
        tab.reload()
        wait_until(tab, "document.documentElement.dataset.ready")
        assert tab.evaluate(ground) != before  # the browser has kept it
        tab.emulate_media(media="print")
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.locator("#theme").is_hidden()
        assert tab.locator("#whatif").is_hidden()


@pytest.mark.slow
@pytest.mark.seconds
def test_a_browser_that_cannot_unpack_says_so(page_html: str, browser: Browser) -> None:
    old = page_html.replace('<script type="text/plain"', "<script>delete window.DecompressionStream</script>$&", 1)
    old = old.replace("$&", '<script type="text/plain"')
    old = old.replace('id="report"', 'id="old-report"', 1)  # `opened` waits for a page with a report until it is drawn
    with opened(browser, old) as tab:
        note = tab.locator("#broken")
        note.wait_for(state="visible")
        assert "need a browser that can unpack them" in note.inner_text()


@pytest.mark.slow
@pytest.mark.seconds
def test_ten_thousand_trials_are_drawn_by_webgl_in_the_served_page(
    report_study: Callable[..., optuna.Study], tmp_path: Path, browser: Browser
) -> None:
    table = read_study(report_study(10_000))
    with (
        asked_server([table], tmp_path) as server,
        opened(browser, f"{server.base}/studies/retail", viewport=WIDE) as tab,
    ):
        kinds = set(tab.evaluate("frontSlot().holder.data.map((trace) => trace.type)"))
        assert kinds == {"scatter", "scattergl"}
        drawn = tab.evaluate("frontSlot().holder.data.flatMap((trace) => [...trace.customdata]).length")
        assert drawn > 9000
        tab.click("#zoom [aria-pressed]")
        surface = tab.locator("#front .nsewdrag").first
        before = tab.evaluate("frontSlot().holder._fullLayout.xaxis.range")
        surface.evaluate("(one) => one.scrollIntoView({block: 'center', behavior: 'instant'})")
        surface.hover()  # nothing lies over it, and it stands still
        plot = surface.bounding_box()
        assert plot
        x, y = plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 3
        tab.mouse.move(x, y)
        tab.mouse.down()
        tab.mouse.move(x - 100, y + 20, steps=3)
        tab.mouse.up()
        wait_until(tab, f"frontSlot().holder._fullLayout.xaxis.range[0] > {before[0]}", 30)
        tab.mouse.move(x, y)
        tab.mouse.wheel(0, 10)
        assert tab.evaluate("performance.memory.usedJSHeapSize") < 300e6
