"""What a search shows as plain lines, which view it picks, and an estimate that claims nothing early."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from objectives.records.children import ChildrenReport
from objectives.records.records import Ending, Latency, Outcome, Rung
from reports.table.table import StudyTable, read_study
from reports.table.words import architecture
from search.settings.settings import Settings, load_settings
from search.study.budget import BudgetUsed
from search.view.json_lines import JsonView
from search.view.lines import LineView
from search.view.live import LiveView
from search.view.make import make_view
from search.view.words import eta_text, remaining_s, row_result
from spaces.candidate import Candidate
from spaces.network.family import Family

Study = Callable[..., optuna.Study]
CANDIDATE = Candidate.of({"backbone.name": "yolo11", "neck.width": 24, "head.kind": "nms", "size.pixels": 160})
LATENCY = Latency(4.2, 5.0, 4.1, 4.3, 3.0, 100, 2.0, True, "", "", 0)
USED = BudgetUsed(24, 2400.0, (100.0,) * 24)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(["conf=retail", "budget.trials=40", "budget.hours=null"])


@pytest.fixture(scope="module")
def table(report_study: Study) -> StudyTable:
    return read_study(report_study(24))


def rung(epoch: int, map_: float) -> Rung:
    return Rung(epoch, map_, map_, 1.0, 1.0, True)


def plain(settings: Settings) -> tuple[LineView, StringIO]:
    out = StringIO()
    return LineView(Console(file=out, width=40), settings), out


def test_a_terminal_gets_the_live_view_and_a_file_plain_lines(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(force_terminal=True, file=StringIO())
    assert isinstance(make_view(terminal, settings), LiveView)
    assert type(make_view(terminal, settings, "plain")) is LineView
    assert type(make_view(Console(file=StringIO()), settings)) is LineView
    assert isinstance(make_view(terminal, settings, "json"), JsonView)
    monkeypatch.setenv("TERM", "dumb")  # it cannot draw over anything
    assert type(make_view(Console(force_terminal=True, file=StringIO()), settings)) is LineView


def test_a_terminal_without_the_letters_for_bars_gets_plain_lines(settings: Settings) -> None:
    out = BytesIO()
    view = make_view(Console(force_terminal=True, file=TextIOWrapper(out, encoding="ascii")), settings)
    assert type(view) is LineView
    view.warn("ein Gerät · fehlt")
    assert out.getvalue() == b"warning: ein Ger?t - fehlt\n"


def test_plain_view_writes_one_line_a_trial_whatever_the_order(settings: Settings, table: StudyTable) -> None:
    view, out = plain(settings)
    with view:
        view.begin(table, BudgetUsed(0, 0.0, ()))
        for row in table.rows[:3]:
            view.trial_started(row.number, CANDIDATE, 12)
        for row in table.rows[:3]:
            view.stage(row.number, "train")
            view.progress(row.number, 1, 0.5)
            view.latency(row.number, LATENCY, trained=False)
            view.rung(row.number, rung(3, 0.2))
            view.decision(row.number, "go on", "it may reach the front")
            view.budget(USED)
            view.sessions([])
            with view.meanwhile("measuring a candidate"):
                pass
        assert out.getvalue() == ""
        for number in (2, 0, 1):
            view.trial_ended(number, table, USED)
        view.warn("pretrained: the hub\ncannot be \x1b[31mreached\x1b[0m")
    *lines, note = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["2", "0", "1"]
    assert all(line.endswith(f"[24/40, front {len(table.front)}, about 27 min left]") for line in lines)
    assert all(architecture(table.row(number).candidate) in line for number, line in zip((2, 0, 1), lines, strict=True))
    assert note.startswith("warning: pretrained: the hub cannot be ")
    assert "\x1b" not in out.getvalue()


def test_a_search_that_goes_on_says_so_and_why_it_ends(settings: Settings, table: StudyTable) -> None:
    view, out = plain(settings)
    view.begin(table, USED)
    view.ended(table, USED, "the budget is used")
    assert out.getvalue() == "goes on after 24 trials and 40 min\nthe search ends: the budget is used\n"


def test_a_trial_that_goes_on_says_so(settings: Settings) -> None:
    view, out = plain(settings)
    view.trial_started(3, CANDIDATE, 12)
    assert out.getvalue() == ""
    view.trial_started(4, CANDIDATE, 12, [rung(3, 0.2), rung(6, 0.3)])
    assert out.getvalue() == f"trial   4  {architecture(CANDIDATE)}  goes on from epoch 6\n"
    view.trial_started(5, CANDIDATE, 12, [])  # it was cut before its first rung
    assert out.getvalue().endswith("  goes on\n")


def test_children_of_a_trial_have_a_line_at_their_begin_and_one_at_their_end(
    settings: Settings, report_study: Study
) -> None:
    table = read_study(report_study(12, families=1, children=10))
    (family,) = table.families
    view, out = plain(settings)
    view.children_started(family.number, CANDIDATE, Family({"size.pixels": (160, 128), "slim.p5": (0.0, 0.5)}))
    view.children_stage(family.number, "look")
    view.children_scored(family.number, ChildrenReport(), table, USED)
    begun = f"children of trial {family.number}  {architecture(CANDIDATE)}: scored from here on, 3 in all\n"
    assert out.getvalue() == begun
    view.children_ended(family.number, table, USED)
    found = f"{family.looked_at} looked at, 10 scored, front {len(table.front)}"
    assert out.getvalue() == f"{begun}children of trial {family.number}: {found}  [24/40, about 27 min left]\n"


def test_a_death_tells_its_cause_and_how_the_trial_goes_on(settings: Settings) -> None:
    view, out = plain(settings)
    view.attempt(7, Ending(Outcome.FAILED, "the machine was out of memory", "out of memory"))
    view.attempt(8, Ending(Outcome.FAILED, "signal 9", "killed"))
    first, second = out.getvalue().splitlines()
    assert first == (
        "trial   7  died (out of memory): the machine was out of memory; taken up again with a smaller batch"
    )
    assert second == "trial   8  died (killed): signal 9; taken up again from its checkpoint"


def test_a_pause_is_told_once_and_so_is_its_end(settings: Settings) -> None:
    view, out = plain(settings)
    for text in ("", "the disk is full", "the disk is full", "", ""):
        view.waiting(text)
    assert out.getvalue() == "waiting: the disk is full\nthe search goes on\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("log_format", ["plain", "json"])
def test_a_log_that_cannot_be_written_ends_no_search(settings: Settings, table: StudyTable, log_format: str) -> None:
    told = False
    with suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as full:  # to close it fails, too
        with make_view(Console(file=full), settings, log_format) as view:
            view.begin(table, USED)
            for number in range(24):
                view.trial_ended(number, table, USED)
        told = True
    assert told


def test_estimate_goes_by_the_trials_so_far_and_the_running_ones(settings: Settings) -> None:
    assert eta_text(BudgetUsed(0, 0.0, ()), settings) == "no estimate yet"
    four = BudgetUsed(4, 200.0, (50.0,) * 4)
    assert eta_text(four, settings) == "about 30 min left"
    assert eta_text(four, settings, running_s=600) == "about 20 min left"
    assert eta_text(BudgetUsed(40, 2000.0, (50.0,) * 40), settings, running_s=9) == "about 0.0 s left"
    assert eta_text(BudgetUsed(40, 2000.0, (50.0,) * 40, 3), settings) == "3 paused"  # they may go on or not
    assert eta_text(BudgetUsed(4, 200.0, (50.0,) * 4, 3), settings) == "about 30 min left"


def test_workers_share_the_trials_but_not_the_clock(settings: Settings) -> None:
    four = BudgetUsed(4, 200.0, (50.0,) * 4)  # 36 trials of 50 s are left
    at_once = replace(settings, workers=3)
    assert remaining_s(four, at_once) == pytest.approx(600)
    assert remaining_s(four, at_once, running_s=90) == pytest.approx(570)
    hours = replace(at_once, budget=replace(settings.budget, hours=0.1))
    assert remaining_s(four, hours, running_s=90) == pytest.approx(160)  # its trials do not fit into 360 s
    assert remaining_s(replace(four, seconds=400.0), hours) == 0


@pytest.mark.parametrize("standing", ["finished", "failed", "stopped at a rung", "over a bound"])
def test_every_ending_has_its_words(report_study: Study, standing: str) -> None:
    rows = [row for row in read_study(report_study(80)).rows if row.standing == standing]
    told = row_result(rows[0])
    expected = {
        "finished": "mAP 0.",
        "failed": "failed (",
        "stopped at a rung": "stopped at epoch ",
        "over a bound": "over a bound: p95 ",
    }
    assert told.startswith(expected[standing])
    assert "None" not in told


def test_a_paused_trial_tells_where_it_waits(report_study: Study) -> None:
    row = next(row for row in read_study(report_study(40, reasons=True)).rows if row.paused)
    told = row_result(row)
    assert told.startswith(f"paused at epoch {row.rungs[-1].epoch}, mAP {row.rungs[-1].map:.3f}  ")
    assert told.endswith(" ms")
