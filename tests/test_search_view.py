"""What a search shows: plain lines to a file, a live view in a terminal, and an estimate that claims nothing early."""

from collections.abc import Callable
from io import StringIO

import optuna
import pytest
from rich.console import Console

from objectives.records import Latency, Rung
from reports.table import StudyTable, read_study
from reports.words import architecture
from search.budget import BudgetUsed
from search.settings import Settings, load_settings
from search.view import LiveView, View, eta_text, make_view, row_result, sparkline
from spaces.candidate import Candidate

Study = Callable[..., optuna.Study]
CANDIDATE = Candidate.of(
    {
        "backbone.name": "yolo11",
        "backbone.width": 0.25,
        "backbone.depth": 0.5,
        "neck.width": 24,
        "neck.depth": 1,
        "head.kind": "nms",
        "size.pixels": 160,
        "prune.ratio": 0.35,
    }
)
LATENCY = Latency(4.2, 5.0, 4.1, 4.3, 3.0, 100, 2.0, True, "", "", 0)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(["conf=retail", "budget.trials=40", "budget.hours=null"])


@pytest.fixture(scope="module")
def table(report_study: Study) -> StudyTable:
    return read_study(report_study(24))


def rung(epoch: int, map_: float) -> Rung:
    return Rung(epoch, map_, map_, 1.0, 1.0, True)


def terminal() -> Console:
    return Console(force_terminal=True, record=True, width=100, file=StringIO())


def test_a_terminal_gets_the_live_view_and_a_file_plain_lines(settings: Settings) -> None:
    assert isinstance(make_view(terminal(), settings), LiveView)
    assert type(make_view(Console(file=StringIO()), settings)) is View


def test_plain_view_writes_one_line_a_trial(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    used = BudgetUsed(24, 2400.0, (100.0,) * 24)
    with make_view(Console(file=out, width=40), settings) as view:
        view.begin(table, BudgetUsed(0, 0.0, ()))
        assert out.getvalue() == ""
        for row in table.rows[:3]:
            view.trial_started(row.number, CANDIDATE, 12)
            view.stage("train")
            view.latency(LATENCY, trained=False)
            view.rung(rung(3, 0.2))
            view.trial_ended(table, used)
        view.note("pretrained: the hub cannot be reached")
    *lines, note = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["0", "1", "2"]
    assert all(line.endswith(f"[24/40, front {len(table.front)}, about 27 min left]") for line in lines)
    assert all(architecture(CANDIDATE) in line for line in lines)
    assert note == "warning: pretrained: the hub cannot be reached"
    assert "\x1b" not in out.getvalue()


def test_a_search_that_goes_on_says_so(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    View(Console(file=out), settings).begin(table, BudgetUsed(24, 2400.0, (100.0,) * 24))
    assert out.getvalue() == "goes on after 24 trials and 40 min\n"


def test_live_view_shows_budget_trial_rungs_front_and_last_trials(settings: Settings, table: StudyTable) -> None:
    console = terminal()
    view = make_view(console, settings)
    with view:
        view.begin(table, BudgetUsed(24, 2400.0, (100.0,) * 24))
        view.trial_started(24, CANDIDATE, 12)
        view.latency(LATENCY, trained=False)
        view.stage("train")
        view.rung(rung(3, 0.25))
        view.rung(rung(6, 0.5))
        assert isinstance(view, LiveView)
        console.print(view._draw())
    shown = console.export_text()
    assert "retail" in shown
    assert "24/40 trials" in shown
    assert "about 27 min left" in shown
    assert f"trial 24  {architecture(CANDIDATE)}" in shown
    assert "train 0.0 s  4.20 ms" in shown
    assert "epoch 3: 0.250  epoch 6: 0.500" in shown
    assert "last trials" in shown
    for row in table.front[-8:]:
        assert any(line.split()[:1] == [str(row.number)] for line in shown.splitlines())
    assert max(map(len, shown.splitlines())) <= 100


def test_live_view_of_an_empty_study_claims_nothing(settings: Settings) -> None:
    console = terminal()
    empty = StudyTable("retail", ())
    with make_view(console, settings) as view:
        view.begin(empty, BudgetUsed(0, 0.0, ()))
        assert isinstance(view, LiveView)
        console.print(view._draw())
    shown = console.export_text()
    assert "0/40 trials" in shown
    assert "no estimate yet" in shown
    assert "choosing a candidate" in shown
    assert "front" not in shown


def test_live_view_forgets_a_trial_that_ended(settings: Settings, table: StudyTable) -> None:
    console = terminal()
    with make_view(console, settings) as view:
        view.trial_started(3, CANDIDATE, 12)
        view.trial_ended(table, BudgetUsed(4, 40.0, (10.0,) * 4))
        assert isinstance(view, LiveView)
        console.print(view._draw())
    assert "choosing a candidate" in console.export_text()


def paused_table(report_study: Study) -> StudyTable:
    """A study of which some trials are paused."""
    return read_study(report_study(40, reasons=True))


def test_a_paused_trial_tells_where_it_waits(settings: Settings, report_study: Study) -> None:
    table = paused_table(report_study)
    row = next(row for row in table.rows if row.paused)
    told = row_result(row)
    assert told.startswith(f"paused at epoch {row.rungs[-1].epoch}, mAP {row.rungs[-1].map:.3f}  ")
    assert told.endswith(" ms")
    console = terminal()
    recent = StudyTable("retail", table.rows[: row.number + 1])
    with make_view(console, settings) as view:
        view.begin(recent, BudgetUsed(row.number + 1, 100.0, (), 1))
        assert isinstance(view, LiveView)
        console.print(view._draw())
    assert f"paused at epoch {row.rungs[-1].epoch}" in console.export_text().partition("last trials")[2]


def test_a_trial_that_goes_on_says_so(settings: Settings) -> None:
    out = StringIO()
    view = View(Console(file=out, width=200), settings)
    view.trial_started(3, CANDIDATE, 12)
    assert out.getvalue() == ""
    view.trial_started(4, CANDIDATE, 12, [rung(3, 0.2), rung(6, 0.3)])
    assert out.getvalue() == f"trial   4  {architecture(CANDIDATE)}  goes on from epoch 6\n"
    view.trial_started(5, CANDIDATE, 12, [])  # it was cut before its first rung
    assert out.getvalue().endswith("  goes on\n")


def test_live_view_keeps_the_rungs_of_a_trial_that_goes_on(settings: Settings) -> None:
    console = terminal()
    with make_view(console, settings) as view:
        view.trial_started(4, CANDIDATE, 12, [rung(3, 0.2)])
        view.rung(rung(6, 0.3))
        assert isinstance(view, LiveView)
        console.print(view._draw())
        view.trial_started(5, CANDIDATE, 12)
        console.print(view._draw())
    shown = console.export_text()
    assert f"trial 4  {architecture(CANDIDATE)}  goes on from epoch 3" in shown
    assert "epoch 3: 0.200  epoch 6: 0.300" in shown
    assert "goes on" not in shown.partition("trial 5")[2]


def test_a_measurement_of_another_candidate_is_shown_meanwhile(settings: Settings, table: StudyTable) -> None:
    console = terminal()
    with make_view(console, settings) as view:
        view.trial_started(4, CANDIDATE, 12)
        view.stage("train")
        with view.meanwhile("measuring a candidate's latency, yolo11"):
            assert isinstance(view, LiveView)
            console.print(view._draw())
        assert view.stage_name == "train"
        view.trial_ended(table, BudgetUsed(4, 40.0, (10.0,) * 4))
        with view.meanwhile("measuring another"):
            console.print(view._draw())
        console.print(view._draw())
    shown = console.export_text()
    assert "measuring a candidate's latency, yolo11" in shown
    assert "measuring another" in shown
    assert "choosing a candidate" in shown.rpartition("measuring another")[2]


def test_estimate_goes_by_the_trials_so_far_and_the_running_one(settings: Settings) -> None:
    assert eta_text(BudgetUsed(0, 0.0, ()), settings) == "no estimate yet"
    four = BudgetUsed(4, 200.0, (50.0,) * 4)
    assert eta_text(four, settings) == "about 30 min left"
    assert eta_text(four, settings, running_s=600) == "about 20 min left"
    assert eta_text(BudgetUsed(40, 2000.0, (50.0,) * 40), settings, running_s=9) == "about 0.0 s left"
    assert eta_text(BudgetUsed(40, 2000.0, (50.0,) * 40, 3), settings) == "3 paused"  # they may go on or not
    assert eta_text(BudgetUsed(4, 200.0, (50.0,) * 4, 3), settings) == "about 30 min left"


@pytest.mark.parametrize("standing", ["finished", "failed", "stopped at a rung", "over the latency bound"])
def test_every_ending_has_its_words(report_study: Study, standing: str) -> None:
    rows = [row for row in read_study(report_study(80)).rows if row.standing == standing]
    told = row_result(rows[0])
    expected = {
        "finished": "mAP 0.",
        "failed": "failed (",
        "stopped at a rung": "stopped at epoch ",
        "over the latency bound": "over the latency bound  ",
    }
    assert told.startswith(expected[standing])
    assert "None" not in told


def test_sparkline_scales_from_zero_to_one() -> None:
    assert sparkline([rung(1, 0.0), rung(2, 0.5), rung(3, 1.0)]) == " ▄█"
    assert sparkline([]) == ""


def test_unstable_latency_is_marked(settings: Settings) -> None:
    view = View(Console(file=StringIO()), settings)
    shaky = Latency(4.2, 5.0, 4.1, 4.9, 3.0, 100, 2.0, False, "busy", "", 0)
    view.latency(shaky, trained=True)
    assert view.p50 == "4.20 ms (unstable)"
