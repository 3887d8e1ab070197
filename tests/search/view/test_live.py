"""The live view: it shows what happens, fits any terminal, and leaves behind what is worth keeping."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text
from timing import cpu_s

from objectives.records.children import ChildrenReport, Look
from objectives.records.records import Ending, Latency, Outcome, Rung
from objectives.records.study_parts.parts import WorkRecord
from reports.table.kin.family_words import scored_words
from reports.table.table import StudyTable
from search.settings.settings import Settings, load_settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.frame import clock, frame, sparkline
from search.view.live import KEPT_MAX, LiveView
from search.view.rows import Section, TableColumn, allot, lines
from search.view.rows import table as table_section
from search.view.running import Running
from search.view.state import FrameState
from spaces.candidate import Candidate
from spaces.network.family import Family

MakeTable = Callable[..., StudyTable]
CANDIDATE = Candidate.of({"backbone.name": "timm/resnet18.a1_in1k", "size.pixels": 160, "prune.ratio": 0.352941})
LATENCY = Latency(4.2, 5.0, 4.1, 4.3, 3.0, 100, 2.0, True, "", "", 0)
USED = BudgetUsed(24, 2400.0, (100.0,) * 24)
OUT_OF_MEMORY = Ending(Outcome.FAILED, "the machine\nwas out of memory", "out of memory")
OTHERS = (
    SessionSeen("0", "here", 1, True, 1.0, (24, 25), True),
    SessionSeen("1", "gpu-7", 4711, False, 600.0, (), False),
    SessionSeen("2", "gpu-9", 4713, True, 9.0, (), False),
    SessionSeen("3", "gpu-8", 4712, True, 90.0, (31,), False),
)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(["conf=retail", "budget.trials=40", "budget.hours=2", "workers=2"])


@pytest.fixture(scope="module")
def table(report_table: MakeTable) -> StudyTable:
    return report_table(24, reasons=True)


def rung(epoch: int, map_: float) -> Rung:
    return Rung(epoch, map_, map_, 1.0, 1.0, True)


def shown(view: LiveView, width: int = 120, height: int = 40) -> str:
    """Return what the view shows in a terminal of a size."""
    return drawn(view._frame_state(), width, height)


def drawn(state: FrameState, width: int, height: int) -> str:
    console = Console(width=width, height=height, file=StringIO(), record=True)
    console.print(frame(state, width, height))
    return console.export_text()


def live(settings: Settings) -> LiveView:
    return LiveView(Console(force_terminal=True, width=120, height=40, file=StringIO()), settings)


def test_shows_budget_trials_rungs_front_failures_and_last_trials(settings: Settings, report_table: MakeTable) -> None:
    table = report_table(120, reasons=True)
    view = live(settings)
    view.begin(table, USED)
    view.trial_started(124, CANDIDATE, 12)
    view.trial_started(125, CANDIDATE, 12, [rung(3, 0.2)])
    view.latency(124, LATENCY, trained=False)
    view.latency(125, replace(LATENCY, p50_ms=5.25, stable=False), trained=False)
    view.stage(124, "train")
    view.progress(124, 4, 0.5)
    view.rung(125, rung(6, 0.5))
    text = shown(view, 110, 60)
    assert text.startswith("retail  mAP50 >= 0.55 and p95 <= 25 ms")
    assert "about 13 min left (13 to 16 min)" in text  # 16 trials of 100 s, two at once
    assert "24 of 40 · 2 running · 14 left" in text
    assert "40 min of 2 h · 80 min left" in text
    first, second = (next(line for line in text.splitlines() if line.split()[:1] == [n]) for n in ("124", "125"))
    assert "resnet18 · 160 px · cut 0.35 " in first
    assert "train 4/12" in first
    assert first.split()[-3:] == ["4.20", "ms", "0:00"]
    assert "goes on" in second
    assert second.split()[-5:] == ["▃▇", "0.500", "~5.25", "ms", "0:00"]  # of the best mAP so far
    assert "failed: {1} {0}".format(*next(iter(table.failures.items()))) in text
    assert f"front of {len(table.front)} " in text
    front, last = text.partition("front of")[2].split("last trials")
    listed = [int(line.split()[0]) for line in front.splitlines()[1:] if line.strip()]
    members = [row.number for row in table.front]
    assert (listed[0], listed[-1]) == (members[0], members[-1])
    assert set(listed) <= set(members)
    ended = [row.number for row in reversed(table.rows) if row.outcome or row.paused]
    told = [int(line.split()[0]) for line in last.splitlines()[1:]]
    assert told == ended[: len(told)]
    assert len(told) > 10


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 20), (40, 12), (200, 60), (50, 10), (80, 5)])
@pytest.mark.parametrize("running", [0, 1, 4, 40])
@pytest.mark.parametrize("trials", [0, 3, 300])
def test_fits_every_terminal(
    settings: Settings, report_table: MakeTable, width: int, height: int, running: int, trials: int
) -> None:
    table = report_table(trials, reasons=True) if trials else StudyTable("retail", ())
    wordy = Running(1234, "a detector of many words · " * 9, 300, 0.0, "train", 123, 0.5, (rung(1, 0.5),) * 30, LATENCY)
    state = FrameState(
        replace(settings, name="a-study-with-a-name-that-is-much-too-long" * 3),
        table,
        BudgetUsed(trials, 7000.0, (100.0,) * trials),
        tuple(replace(wordy, number=number) for number in range(1000, 1000 + running)),
        OTHERS * 4,
        "the disk is full: 12 MB are free\nin the study's folder, 200 are needed; " * 3,
        "measuring a candidate's latency",
        ("warning: something that takes more than a line " * 9,) * 5,
        1e5,
    )
    rows = drawn(state, width, height).splitlines()
    assert len(rows) <= height
    assert max(map(cell_len, rows)) <= width
    if height >= 20:
        for part in ("of 40", "waiting: the disk is full", "process 4713 on gpu-9: alive", "and 9 more"):
            assert any(part in row for row in rows)
        if running:
            assert any(row.split()[:1] == ["1000"] for row in rows)
        if trials == 300:
            assert any("failed: " in row for row in rows)
            assert any("last trials" in row for row in rows)


def test_shows_the_least_important_less_in_a_small_terminal(settings: Settings, report_table: MakeTable) -> None:
    state = FrameState(settings, report_table(120), USED)
    small, large = (drawn(state, 80, height) for height in (24, 60))
    assert small.count("\n") == 24
    assert small.count("\n") < large.count("\n") <= 60
    members = [row.number for row in state.table.front]
    assert "mAP50 over p95" in small  # drawn, not listed
    assert "front of" not in small
    for text in (drawn(state, 80, 11), large):  # too low to draw in, and high enough for both
        front_rows = text.partition("front of")[2].partition("last")[0].splitlines()[1:]
        front = [int(row.split()[0]) for row in front_rows if row.strip()]
        assert (front[0], front[-1]) == (members[0], members[-1])  # thinned out, both ends kept
    assert "mAP50 over p95" in large


def test_an_empty_study_claims_nothing(settings: Settings) -> None:
    unlimited = replace(settings, budget=replace(settings.budget, hours=None))
    view = live(unlimited)
    view.begin(StudyTable("retail", ()), BudgetUsed(0, 0.0, ()))
    text = shown(view)
    assert "0 of 40 · 0 running · 40 left" in text
    assert "no estimate yet" in text
    assert "choosing a candidate" in text
    assert text.count("no trial has") == 1  # said once
    assert not any(word in text for word in ("front", "last trials", "failed", "hours"))


def test_a_trial_that_ended_is_shown_among_the_last_ones_only(settings: Settings, table: StudyTable) -> None:
    view = live(settings)
    view.trial_started(3, CANDIDATE, 12)
    view.trial_ended(3, table, BudgetUsed(4, 40.0, (10.0,) * 4))
    view.stage(3, "score")  # told too late
    view.progress(3, 12, 1.0)
    assert "choosing a candidate" in shown(view)
    assert "score" not in shown(view)


def test_children_are_shown_while_they_are_scored_and_as_one_line_behind(
    settings: Settings, report_table: MakeTable
) -> None:
    table = report_table(24, families=2, children=10)
    family = table.families[-1]
    view = live(settings)
    view.begin(table, USED)
    finished = f"{table.counts['finished']} finished"
    view.children_started(family.number, CANDIDATE, Family({"size.pixels": (160, 128)}))
    view.children_stage(family.number, "look")
    view.children_scored(family.number, ChildrenReport((Look({}, 0.3, 1.0),) * 8), table, USED)
    text = shown(view, 120, 60)
    running = next(line for line in text.splitlines() if line.split()[:1] == [str(family.number)])
    assert "its children: 8 looked at, 0 scored · resnet18" in running
    assert " look " in running
    assert scored_words(table) in text
    assert finished in text  # the parent has ended and is counted so
    assert "· 0 running ·" in text
    front, last = text.partition("front of")[2].split("last trials")
    for row in table.front:
        line = next(line for line in front.splitlines() if f" {row.number} " in line[60:])  # beside the drawing
        assert (f"child of {row.parent} · " in line) is row.is_child
    told = [line.strip() for line in last.splitlines() if "children of trial" in line]
    assert [line.split()[3] for line in told] == [str(family.number) for family in reversed(table.families)]
    assert all("10 children scored, " in line for line in told)
    children = {str(row.number) for row in table.rows if row.is_child}
    assert not children & {line.split()[0] for line in last.splitlines()[1:] if line.split()}
    view.children_ended(family.number, table, USED)
    assert "its children" not in shown(view)


def test_a_paused_trial_that_goes_on_is_counted_once(settings: Settings, table: StudyTable) -> None:
    view = live(settings)
    view.begin(table, USED)
    paused = [row.number for row in table.rows if row.paused]
    assert len(paused) > 1
    assert f"{len(paused)} paused" in shown(view)
    view.trial_started(paused[0], CANDIDATE, 12, [rung(3, 0.2)])
    assert "24 of 40 · 1 running · 15 left" in shown(view)
    assert f"{len(paused) - 1} paused" in shown(view)


def test_a_death_is_told_and_marked(settings: Settings) -> None:
    view = live(settings)
    view.trial_started(7, CANDIDATE, 12)
    view.stage(7, "train")
    view.attempt(7, OUT_OF_MEMORY)
    text = shown(view)
    assert "again" in next(line for line in text.splitlines() if line.split()[:1] == ["7"])
    assert "trial   7  died (out of memory): the machine was out of memory; taken up again with a smaller" in text
    view.trial_started(7, CANDIDATE, 12, [])
    assert view._running[7].died == 1


def test_other_processes_are_told_of_the_living_ones_first(settings: Settings) -> None:
    view = live(settings)
    view.sessions(OTHERS)
    told = [line.rstrip() for line in shown(view).splitlines() if line.startswith("process ")]
    assert told == [
        "process 4713 on gpu-9: alive",
        "process 4712 on gpu-8: silent for 90 s, trials 31",
        "process 4711 on gpu-7: ended 10 min ago",
    ]


def test_workers_are_shown_with_what_they_do_and_more_of_them_where_this_process_is_none(settings: Settings) -> None:
    view = live(settings)
    many = [
        SessionSeen(str(i), "box", i, True, 1.0, (i,), False, (WorkRecord(i, "train", 2),), "H100") for i in range(9)
    ]
    view.sessions(many)
    lines = [line.rstrip() for line in shown(view).splitlines() if line.startswith("process ")]
    assert lines == [f"process {i} on box (H100): alive, trials {i} (train, epoch 2)" for i in range(9)]
    view.sessions([*many, SessionSeen("9", "here", 9, True, 1.0, (), True)])
    assert "and 6 more" in shown(view)


def test_the_clock_of_the_budget_goes_on_by_itself_but_not_while_the_search_waits(
    settings: Settings, table: StudyTable
) -> None:
    view = live(settings)
    view.begin(table, USED)
    time.sleep(0.05)
    assert view._frame_state().used.seconds >= 2400.05
    view.waiting("the disk is full")
    assert view._frame_state().used.seconds == 2400
    assert "waiting: the disk is full" in shown(view)
    view.waiting("")
    assert "waiting" not in shown(view)


def test_a_measurement_of_another_candidate_is_shown_meanwhile(settings: Settings) -> None:
    view = live(settings)
    view.trial_started(4, CANDIDATE, 12)
    with view.meanwhile("measuring a candidate's latency, yolo11"):
        assert "measuring a candidate's latency, yolo11" in shown(view)
    assert "measuring" not in shown(view)


@pytest.mark.seconds
def test_nothing_scrolls_and_what_is_worth_keeping_stays(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    with LiveView(Console(force_terminal=True, width=80, height=24, file=out), settings) as view:
        view.begin(table, USED)
        for number in range(KEPT_MAX):
            view.attempt(number, OUT_OF_MEMORY)
        view.warn("the hub cannot be reached")
        view.trial_ended(3, table, USED)
        time.sleep(1.2)
        view.ended(table, USED, "the budget is used")
    live_part, _, left = out.getvalue().partition("\x1b[?1049l")  # back from the second screen
    assert live_part.startswith("\x1b[?1049h")
    frames = live_part.split("\x1b[H")[1:]
    assert len([part for part in frames if "of 40" in part]) >= 2
    assert all(part.count("\n") < 24 for part in frames)
    assert not any(erases in live_part for erases in ("\x1b[2J", "\x1b[K", "\x1b[J"))  # drawn over, so nothing flickers
    assert "\x1b[?25h" in live_part  # the cursor is back
    *deaths, note, why = left.strip().splitlines()
    assert len(deaths) == KEPT_MAX - 2
    assert note == "warning: the hub cannot be reached"
    assert why == "the search ends: the budget is used"


@pytest.mark.slow
@pytest.mark.seconds
def test_drawing_stands_events_at_the_same_time(settings: Settings, table: StudyTable) -> None:
    view = live(settings)
    view.begin(table, USED)
    failed: list[Exception] = []
    over = threading.Event()

    def draw() -> None:
        while not over.is_set():
            try:
                shown(view, 80, 24)
            except Exception as error:  # of another thread: told by the assertion below
                failed.append(error)

    drawing = threading.Thread(target=draw)
    drawing.start()
    until_s = time.monotonic() + 1.5
    while time.monotonic() < until_s:
        for number in range(8):
            view.trial_started(number, CANDIDATE, 12)
            view.rung(number, rung(1, 0.5))
            view.note("something")
        for number in range(8):
            view.trial_ended(number, table, USED)
    over.set()
    drawing.join()
    assert failed == []


@pytest.mark.slow
@pytest.mark.seconds
def test_a_frame_of_a_long_study_is_as_cheap_as_that_of_a_short_one(
    settings: Settings, report_table: MakeTable
) -> None:
    short, long = (FrameState(settings, report_table(trials), USED) for trials in (120, 3000))
    drawn(short, 80, 24)
    drawn(long, 80, 24)  # what is worked out once
    assert cpu_s(lambda: drawn(long, 80, 24), 5) < 4 * cpu_s(lambda: drawn(short, 80, 24), 5)


def test_what_was_found_is_worked_out_once_for_all_frames_of_a_table(settings: Settings, table: StudyTable) -> None:
    view = live(settings)
    view.begin(table, USED)
    first, second = view._frame_state().found, view._frame_state().found
    assert first is second
    drawing = first.drawing(80, 16, ())
    assert first.drawing(80, 16, ()) is drawing
    running = Running(99, "x", 12, 0.0, "train", rungs=(rung(3, 0.4),), latency=LATENCY)
    assert any("▷" in line.plain for line in first.drawing(80, 16, (running,)))
    view.trial_ended(3, replace(table), USED)
    assert view._frame_state().found is not first
    assert len(view._places) == len(table.finished)


def test_at_every_size_the_best_and_the_time_left_come_first(settings: Settings, report_table: MakeTable) -> None:
    state = FrameState(settings, report_table(120), USED)
    for width in range(40, 201, 16):
        for height in (12, 24, 40, 60):
            rows = drawn(state, width, height).splitlines()
            assert len(rows) <= height
            assert max(map(cell_len, rows)) <= width
            assert " left" in rows[0]
            assert rows[1].startswith("★ ")
            assert not rows[1].rstrip().endswith("…")


def section(rows: int, least: int, *, eager: bool = False) -> Section:
    return Section(rows, least, lambda count: Text("\n" * count), eager)


def test_rows_are_shared_out_by_importance() -> None:
    parts = [section(4, 4, eager=True), section(9, 2, eager=True), section(20, 3), section(20, 3)]
    assert allot(parts, 3) == [0, 3, 0, 0]  # what is cut from the first would say nothing
    assert allot(parts, 9) == [4, 2, 3, 0]
    assert allot(parts, 12) == [4, 2, 3, 3]
    assert allot(parts, 24) == [4, 9, 6, 5]
    assert allot(parts, 99) == [4, 9, 20, 20]
    assert allot([], 5) == []
    assert lines([]).rows == 0


@pytest.mark.parametrize(("count", "kept"), [(1, []), (2, [8]), (4, [0, 4, 8]), (20, list(range(9)))])
def test_rows_that_do_not_fit_are_left_out_evenly(count: int, kept: list[int]) -> None:
    drawn = table_section([TableColumn()], [(str(i),) for i in range(9)], thin_out=True).draw(count)
    assert isinstance(drawn, Table)
    assert list(drawn.columns[0].cells)[1:] == [str(i) for i in kept]


def test_sparkline_scales_from_zero_to_one() -> None:
    assert sparkline((rung(1, 0.0), rung(2, 0.5), rung(3, 1.0))) == " ▄█"
    assert sparkline(()) == ""


def test_clock_reads_as_a_clock() -> None:
    assert [clock(seconds) for seconds in (0.4, 48, 725, 11525)] == ["0:00", "0:48", "12:05", "3:12:05"]
