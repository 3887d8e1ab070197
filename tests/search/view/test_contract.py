"""What every view keeps to, whatever it is shown and wherever it writes: the contract of `View`, on each of them."""

import errno
import io
import math
from collections.abc import Callable

import optuna
import pytest
from rich.console import Console

from objectives.records.children import ChildrenReport, FailedChild, Look
from objectives.records.records import Death, Ending, Latency, Outcome, Rung
from objectives.records.study_parts.requests import RequestRecord
from reports.table.table import StudyTable, read_study
from search.settings.settings import Settings, load_settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.base import View
from search.view.json_lines import JsonView
from search.view.lines import LineView
from search.view.live import LiveView
from search.view.loggers.both import BothViews
from search.view.loggers.contract import StudyLogger
from search.view.loggers.feed import LoggerFeed
from spaces.candidate import Candidate
from spaces.network.family import Family

HOSTILE = "[/red] {x} %s \x1b[2J\n\u2028 ☃ <b> :cat:" + "w" * 500
CANDIDATE = Candidate.of({"backbone.name": "yolo11", "size.pixels": 160, "train.lr0": 0.01})
LATENCY = Latency(4.2, 5.0, 4.1, 4.3, 3.0, 100, 2.0, False, HOSTILE, "d3vice", 9)
DIED = Ending(Outcome.FAILED, HOSTILE, "out of memory", Death(HOSTILE, 12.5, 10**9, 4, 10**8, 10**10))
SESSIONS = (SessionSeen("0", HOSTILE, 1, True, 0.0, (3,), True), SessionSeen("1", "there", 2, False, 99.0, (), False))
FAMILY = Family({"size.pixels": (160, 128), "slim.p5": (0.0, 0.5)})
REPORT = ChildrenReport(
    (Look({"size.pixels": 128}, math.nan, 1.5),), failed=(FailedChild({"size.pixels": 128}, HOSTILE),)
)


def logged(view: View, settings: Settings) -> View:
    return BothViews(view, LoggerFeed(settings, {"nothing": StudyLogger()}, view.note))


Make = Callable[[Console, Settings], View]
MAKERS: dict[str, Make] = {
    "nothing": lambda console, settings: View(),
    "lines": LineView,
    "live": LiveView,
    "json": JsonView,
    "logged": lambda console, settings: logged(LineView(console, settings), settings),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


class Broken(io.StringIO):
    """A file on a disk that is full, or a pipe whose reader has left."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, text[:0])


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(["conf=retail", "budget.trials=40"])


@pytest.fixture(scope="module")
def table(report_study: Callable[..., optuna.Study]) -> StudyTable:
    return read_study(report_study(40, reasons=True, families=2))


def show_everything(view: View, table: StudyTable) -> None:
    """Show a view every event, also out of the order that is usual, and for trials that it has never heard of."""
    used = BudgetUsed(7, 2400.0, (100.0,) * 7)
    with view:
        view.begin(StudyTable("retail", ()), BudgetUsed(0, 0.0, ()))
        view.begin(table, used)
        for number, rungs in ((0, None), (1, []), (2, [Rung(3, 0.2, 0.3, 60.0, math.nan, True)])):
            view.trial_started(number, CANDIDATE, 12, rungs)
        for number in (0, 999):
            view.stage(number, HOSTILE)
            view.progress(number, 1, 0.5)
            view.latency(number, LATENCY, trained=False)
            view.rung(number, Rung(3, math.nan, 0.3, 60.0, math.inf, True))
            view.decision(number, "go on", HOSTILE)
            view.attempt(number, DIED)
        with view.meanwhile(HOSTILE):
            view.note(HOSTILE)
            view.warn(HOSTILE)
        for action in ("pause", "continue", "stop", "try", "note", HOSTILE):
            view.asked(RequestRecord(action, HOSTILE, 1e9, 999, HOSTILE, 3, {HOSTILE: HOSTILE, "train.lr0": math.inf}))
        view.left(1)
        view.left(999)
        for text in (HOSTILE, HOSTILE, "", ""):
            view.waiting(text)
        view.sessions(())
        view.sessions(SESSIONS)
        view.budget(used)
        for row in table.rows:
            view.trial_ended(row.number, table, used)
        for number in (0, table.families[0].number, 999):
            view.children_started(number, CANDIDATE, FAMILY)
            view.children_stage(number, HOSTILE)
            view.children_scored(number, REPORT, table, used)
            view.children_ended(number, table, used)
            view.children_scored(number, REPORT, table, used)
        view.ended(table, used, HOSTILE)


@each
def test_it_is_shown_everything(make: Make, settings: Settings, table: StudyTable) -> None:
    out = io.StringIO()
    show_everything(make(Console(file=out, force_terminal=True, width=100, height=30), settings), table)
    assert bool(out.getvalue()) == (make is not MAKERS["nothing"])


@pytest.mark.parametrize("make", [MAKERS[name] for name in MAKERS if name != "live"])  # it draws on a terminal
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EIO])
def test_a_stream_that_is_gone_ends_no_search(make: Make, settings: Settings, table: StudyTable, number: int) -> None:
    show_everything(make(Console(file=Broken(number), width=100, height=30), settings), table)


@each
def test_an_error_inside_comes_through(make: Make, settings: Settings) -> None:
    """A view neither swallows what ends the search nor keeps the screen."""
    view = make(Console(file=io.StringIO(), force_terminal=True, width=100, height=30), settings)
    with pytest.raises(KeyboardInterrupt), view, view.meanwhile("measuring"):
        raise KeyboardInterrupt
    with view:  # it can be entered again, as after a full disk
        view.note("again")
