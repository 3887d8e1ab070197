"""The bar of counted work: drawn on a terminal when the work takes long, never elsewhere."""

import io

import pytest

from reports.table import progress
from reports.table.console import open_console
from reports.table.progress import counting


def drawn(monkeypatch: pytest.MonkeyPatch, after_s: float, *, terminal: bool) -> str:
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", after_s)
    screen = io.StringIO()
    console = open_console(file=screen, force_terminal=terminal, width=80)
    with counting(console, "[red]images") as show:
        for done in range(5):
            show(done, 4)
    return screen.getvalue()


def test_a_bar_says_what_is_done_of_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, 0.0, terminal=True)
    assert "[red]images" in text
    assert "4/4" in text


def test_work_that_is_done_at_once_needs_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, 60.0, terminal=True).strip() == ""


def test_nothing_is_drawn_but_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, 0.0, terminal=False) == ""
