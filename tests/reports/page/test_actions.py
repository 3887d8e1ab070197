"""What a reader may do from the page, in a real browser against a small server: actions, commands, errors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asked_server import TOKEN, AskedServer, asked_server
from browser import PHONE, axe, is_wider_than_screen, opened
from playwright.sync_api import Browser, Locator, Page, expect

from objectives.records.trial_record import Phase
from reports.page.page import render_page
from reports.table.table import StudyTable

HOSTILE = "<img src=x onerror='window.hacked = 1'>'; rm -rf ~ #\n\"$(x)`"
CHANGED = "document.dispatchEvent(new CustomEvent('automl:changed', {detail: {numbers: []}}))"
REFUSED = ("status of 400", "status of 403")
NEXT, NOTED = "Try one like this next", "Add a note"


@pytest.fixture(scope="module")
def tables(report_table: Callable[..., StudyTable]) -> list[StudyTable]:
    """A study whose trial 7 runs, and one of a hostile name, whose classes, dimensions and choices are hostile too."""
    table = report_table(40, seed=1)
    rows = [replace(row, phase=Phase.RUNNING, map=None) if row.number == 7 else row for row in table.rows]
    hostile = [replace(row, candidate={**row.candidate, f"own.{HOSTILE}": HOSTILE}) for row in rows]
    return [replace(table, rows=tuple(rows)), replace(table, name=f"bad {HOSTILE}", rows=tuple(hostile))]


@pytest.fixture(scope="module")
def served(tables: list[StudyTable], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskedServer]:
    with asked_server(tables, tmp_path_factory.mktemp("studies")) as server:
        yield server


@pytest.fixture(autouse=True)
def forgotten(served: AskedServer) -> None:
    served.asked.clear()
    served.refuses = lambda _: ""


@contextmanager
def visiting(
    browser: Browser,
    served: AskedServer,
    fragment: str = "",
    *,
    token: str = TOKEN,
    may_fail: Sequence[str] = (),
    **more: Any,
) -> Iterator[Page]:
    """Open the study in a tab that has a token."""
    may_fail = (*may_fail, "/detections)")  # this server has none; the winner's are asked for once they are in view
    with opened(browser, f"{served.base}/studies/retail", fragment, may_fail=may_fail, **more) as page:
        page.evaluate("token => token && sessionStorage.setItem('automl.token', token)", token)
        page.evaluate(CHANGED)
        yield page


def said(page: Page) -> str:
    return page.locator(".actions > .said").inner_text()


def field_of(page: Page, name: str) -> Locator:
    """Return a field of the form; pictures and buttons beside it are named after dimensions too."""
    return page.locator(".action-form").get_by_label(name)


@pytest.mark.slow
@pytest.mark.seconds
def test_pause_and_continue(browser: Browser, served: AskedServer) -> None:
    with visiting(browser, served) as page:
        button = page.get_by_role("button", name="Pause the search")
        assert page.locator("#study-bar code").first.inner_text() == "automl pause retail"
        button.click()
        expect(page.locator("#study-bar .said")).to_have_text("done: pause <b>as asked</b>")
        assert button.is_visible()  # nothing changes before the server's data says so
        page.evaluate(f"REPORT.paused = true; {CHANGED}")
        page.get_by_role("button", name="Continue the search").press("Enter")
        expect(page.locator("#study-bar .said")).to_have_text("done: continue <b>as asked</b>")
        assert page.locator("#study-bar code").first.inner_text() == "automl continue retail"
        assert page.get_by_text("The search is paused.").is_visible()
    assert served.asked == [{"action": "pause"}, {"action": "continue"}]


@pytest.mark.slow
@pytest.mark.seconds
def test_stop_a_trial(browser: Browser, served: AskedServer) -> None:
    with visiting(browser, served, "#trial-7") as page:
        page.get_by_role("button", name="Stop this trial").click()
        page.get_by_label("Why (kept with the trial, may be empty)").fill("it's hopeless")
        assert page.locator(".action-form code").inner_text() == "automl stop --why 'it'\\''s hopeless' retail 7"
        page.get_by_role("button", name="Stop trial 7").click()
        expect(page.locator(".actions > .said")).to_have_text("done: stop <b>as asked</b>")
        assert page.locator(".action-form").count() == 0
        assert page.evaluate("document.activeElement.textContent") == "Stop this trial"
        page.evaluate(f"BY_NUMBER.get(7).outcome = 'stopped'; {CHANGED}")
        assert page.get_by_role("button", name="Stop this trial").count() == 0
    assert served.asked == [{"action": "stop", "trial": 7, "why": "it's hopeless"}]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_trial_that_has_ended_cannot_be_stopped(browser: Browser, served: AskedServer) -> None:
    with visiting(browser, served, "#trial-5") as page:
        assert page.get_by_role("button", name="Stop this trial").count() == 0
        assert page.get_by_role("button", name=NEXT).is_visible()
        page.evaluate("location.hash = 'trial-7'")
        page.get_by_role("button", name="Stop this trial").click()
        page.evaluate(f"BY_NUMBER.get(7).outcome = 'finished'; {CHANGED}")
        assert page.locator(".action-form").count() == 0  # while it was asked for, it ended
        assert said(page) == "Trial 7 has ended: finished."


@pytest.mark.slow
@pytest.mark.seconds
def test_try_one_next(browser: Browser, served: AskedServer) -> None:
    served.refuses = lambda asked: (
        "try: size.pixels: 300 is outside range(160, 417, 32); nearest: 288"
        if asked["choices"].get("size.pixels") == 300
        else ""
    )
    with visiting(browser, served, "#trial-5", may_fail=REFUSED) as page:
        opener = page.get_by_role("button", name=NEXT)
        opener.click()
        assert opener.get_attribute("aria-expanded") == "true"
        assert page.evaluate("document.activeElement.name") == "backbone.name"
        page.get_by_role("button", name="Ask for it").click()
        assert page.get_by_role("alert").inner_text() == "Change a value first: trial 5 has these very choices."
        field = field_of(page, "size.pixels")
        field.fill("300")
        page.get_by_role("button", name="Ask for it").click()
        expect(page.locator(".field-error:not(:empty)")).to_have_text(
            "try: size.pixels: 300 is outside range(160, 417, 32); nearest: 288"
        )
        assert page.evaluate("document.activeElement.name") == "size.pixels"
        assert field.get_attribute("aria-invalid") == "true"
        field.fill("288")
        assert field.get_attribute("aria-invalid") is None
        field_of(page, "head.kind").fill("end2end")
        field_of(page, "augment.mosaic").fill("1e-1")
        line = page.locator(".action-form code").inner_text()
        assert line == "automl try --like 5 retail head.kind=end2end size.pixels=288 augment.mosaic=0.1"
        page.keyboard.press("Enter")
        expect(page.locator(".actions > .said")).to_have_text("done: try <b>as asked</b>")
    choices = {"head.kind": "end2end", "size.pixels": 288, "augment.mosaic": 0.1}
    assert served.asked == [{"action": "try", "like": 5, "choices": choices}]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_note_is_text(browser: Browser, served: AskedServer) -> None:
    with visiting(browser, served, "#trial-5") as page:
        page.get_by_role("button", name=NOTED).click()
        page.get_by_label("For whoever reads the study").fill(HOSTILE)
        assert (
            page.locator(".action-form code").inner_text()
            == "automl note retail 5 '" + HOSTILE.replace("'", "'\\''") + "'"
        )
        page.get_by_role("button", name="Save the note").click()
        expect(page.locator(".actions > .said")).to_have_text("done: note <b>as asked</b>")
        assert not page.locator(".noted").is_visible()
        page.evaluate(
            f"note => {{ BY_NUMBER.get(5).note = note; {CHANGED}; drawChips(); drawTable(); }}",
            HOSTILE,
        )
        assert page.locator(".noted").inner_text() == f"Note: {HOSTILE}"
        page.keyboard.press("Escape")
        page.get_by_role("button", name="with a note 1").click()
        assert HOSTILE.split("\n")[0] in page.locator("#table .tag.note").inner_text()
        page.locator("#query").fill("rm -rf")
        assert page.locator("#table tbody tr").count() == 1
        assert page.evaluate("window.hacked") is None
    assert served.asked == [{"action": "note", "trial": 5, "text": HOSTILE}]


@pytest.mark.slow
@pytest.mark.seconds
def test_without_the_token_the_page_says_where_it_is(browser: Browser, served: AskedServer) -> None:
    with visiting(browser, served, "#trial-5", token="", may_fail=REFUSED) as page:
        page.get_by_role("button", name=NOTED).click()
        page.get_by_label("For whoever reads the study").fill("x")
        page.get_by_role("button", name="Save the note").click()
        assert "address that automl browse printed" in page.get_by_role("alert").inner_text()
        assert page.get_by_label("For whoever reads the study").input_value() == "x"  # nothing is lost
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Pause the search").click()
        assert "address that automl browse printed" in page.locator("#study-bar .said").inner_text()
        page.get_by_label("the token, or that address").fill("wrong")
        page.get_by_role("button", name="Keep it in this tab").click()
        page.get_by_role("button", name="Pause the search").click()
        expect(page.locator("#study-bar .said")).to_contain_text(
            "token: not this server's (automl browse has another token"
        )
        assert served.asked == []
        page.evaluate(f"sessionStorage.clear(); {CHANGED}")
        page.get_by_label("the token, or that address").fill(f"{served.base}/?token={TOKEN}")
        page.get_by_role("button", name="Keep it in this tab").click()
        page.get_by_role("button", name="Pause the search").click()
        expect(page.locator("#study-bar .said")).to_have_text("done: pause <b>as asked</b>")
        assert TOKEN not in page.content()


@pytest.mark.slow
@pytest.mark.seconds
def test_the_export_line_is_copied(
    browser: Browser, served: AskedServer, tables: list[StudyTable], tmp_path: Path
) -> None:
    with visiting(browser, served, "#trial-5", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_role("button", name="Copy the export line").click()
        expect(page.locator(".actions > .said")).to_have_text("Copied: automl export retail --pick 5 --to out")
        assert page.evaluate("navigator.clipboard.readText()") == "automl export retail --pick 5 --to out"
    with opened(browser, render_page(tables[1], tmp_path), "#trial-5") as page:  # a file: no server
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page.get_by_role("button", name="Copy the export line").click()
        quoted = "'" + tables[1].name.replace("'", "'\\''") + "'"
        assert page.locator(".actions > .said").text_content() == f"Copied: automl export {quoted} --pick 5 --to out"
        assert page.get_by_role("button", name=NEXT).count() == 0
        assert page.locator("#study-bar").count() == 0
        assert page.evaluate("window.hacked") is None


@pytest.mark.slow
@pytest.mark.seconds
def test_what_is_typed_outlives_a_change(browser: Browser, served: AskedServer) -> None:
    with visiting(browser, served, "#trial-5") as page:
        page.get_by_role("button", name=NEXT).click()
        field_of(page, "neck.width").fill("3")
        page.evaluate("openPanel(5)")  # as an update of the page draws it anew
        page.keyboard.type("2")
        assert field_of(page, "neck.width").input_value() == "32"
        page.evaluate("location.hash = 'trial-7'")
        page.evaluate("location.hash = 'trial-5'")
        assert field_of(page, "neck.width").input_value() == "32"
        field_of(page, "neck.width").press("Escape")  # closes the form, not the panel
        assert page.locator("#panel").is_visible()
        assert page.evaluate("document.activeElement.textContent") == NEXT


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("more", [{}, {"viewport": PHONE, "color_scheme": "dark"}], ids=["wide", "phone, dark"])
def test_forms_for_screen_readers(browser: Browser, served: AskedServer, more: dict[str, Any]) -> None:
    with visiting(browser, served, "#trial-7", token="", **more) as page:
        for name in ("Stop this trial", NEXT, NOTED):
            page.get_by_role("button", name=name).click()
            found = [
                fault
                for fault in axe(page)
                if ".act" in fault or "action" in fault or "study-bar" in fault or "token" in fault
            ]
            assert found == []
            assert not is_wider_than_screen(page)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_server_that_is_gone_is_said(browser: Browser, tables: list[StudyTable], tmp_path: Path) -> None:
    with asked_server(tables[:1], tmp_path) as server, visiting(browser, server, may_fail=("ERR_",)) as page:
        page.context.set_offline(True)
        page.get_by_role("button", name="Pause the search").click()
        expect(page.locator("#study-bar .said")).to_contain_text("No answer from automl browse: does it still run?")
        assert page.get_by_role("button", name="Pause the search").is_enabled()


@pytest.mark.seconds
def test_actions_in_short(browser: Browser, served: AskedServer) -> None:
    """The way of all actions once, in the default tests: the form, its command, the request, the answer."""
    with visiting(browser, served, "#trial-7") as page:
        page.get_by_role("button", name="Stop this trial").click()
        assert page.locator(".action-form code").inner_text() == "automl stop retail 7"
        page.get_by_role("button", name="Stop trial 7").click()
        expect(page.locator(".actions > .said")).to_have_text("done: stop <b>as asked</b>")
    assert served.asked == [{"action": "stop", "trial": 7, "why": ""}]
