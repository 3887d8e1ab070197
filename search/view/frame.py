"""One frame of the live view: what a search does, uses and has found, for a terminal of a given size."""

import math
from collections.abc import Callable
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from objectives.records.even_sample import evenly
from objectives.records.gate import Gate
from objectives.records.records import Latency, Outcome, Rung
from reports.glance.detector import detector
from reports.glance.front_plot import LEAST_HEIGHT, LEAST_WIDTH
from reports.glance.points import in_gate_terms
from reports.table.kin.family_words import family_words, kind_words
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import duration, ms, share
from search.study.sessions import SessionSeen
from search.view.head import NARROW, WIDE, head
from search.view.rows import Cells, Section, TableColumn, fit, lines, table
from search.view.running import Running
from search.view.state import RUNNING, FrameState
from search.view.words import one_line, row_result, work_text

CURVED, TIMED = 56, 66  # columns from which a running trial has its learning curve and its time, and its latency
SIDE_BY_SIDE = 120  # columns from which the front is listed beside its drawing
LISTED_FROM = 18  # rows of the front from which it is listed below its drawing
DRAWN_SHARE = 0.45  # of the terminal's rows, that the front takes before the last trials grow
SILENT_S = 45.0  # a living process without a beat for so long is marked
OTHERS_MAX = 4  # lines of other searching processes
SHOWN_WORKERS_MAX = 16  # the same where this one does not search, and shows others
LAST_MAX = 40  # last trials in the largest terminal
BARS = " ▁▂▃▄▅▆▇█"


def frame(state: FrameState, width: int, height: int) -> RenderableType:
    """Return what a terminal of this size shows: never more rows than it has, the important sections first."""
    return fit(
        (
            head(state, width, height),
            _running(state, width, height),
            lines(_others(state.sessions), OTHERS_MAX),
            lines(_failures(state.table)),
            lines([Text(one_line(text), style="yellow") for text in state.messages[:3]]),
            _front(state, width, height),
            _last(state.table, width),
        ),
        height,
    )


def _running(state: FrameState, width: int, height: int) -> Section:
    """The trials of this process, each with its learning curve; of many, as many as a third of the rows holds."""
    curve = 0 if width < CURVED else 8 if width < WIDE else 20
    top = _best_map(state)
    columns = (
        TableColumn("", 5, right=True),
        TableColumn(RUNNING),
        TableColumn("stage", 13 if width >= NARROW else 11),
        *((TableColumn("", 8),) if width >= NARROW else ()),
        *((TableColumn("curve"[:curve], curve),) if curve else ()),
        TableColumn("mAP", 5, right=True),
        *((TableColumn("p50", 8, right=True),) if width >= TIMED else ()),
        *((TableColumn("time", 7, right=True),) if width >= CURVED else ()),
    )

    def cells(trial: Running) -> Cells:
        done = max(0.0, trial.epoch - 1 + trial.share) / max(1, trial.epochs)
        bar = ProgressBar(total=1, completed=done, width=8) if trial.children is None else Text()
        return (
            Text(str(trial.number), style="cyan"),
            Text(_named(trial), style="yellow" if trial.died else ""),
            Text(_stage(trial)),
            *((bar,) if width >= NARROW else ()),
            *((Text(sparkline(_drawn_rungs(trial.rungs, curve), top)),) if curve else ()),
            Text(share(trial.rungs[-1].map) if trial.rungs else ""),
            *((Text(_latency(trial.latency)),) if width >= TIMED else ()),
            *((Text(clock(state.now_s - trial.since_s)),) if width >= CURVED else ()),
        )

    drawn = table(columns, [cells(trial) for trial in state.running], least=2, eager=True, counted=True)
    return replace(drawn, rows=min(drawn.rows, max(3, height // 3)))


def _best_map(state: FrameState) -> float:
    """Return the greatest mAP that is known, which learning curves are drawn up to; 1 where none is."""
    known = [row.map or 0.0 for row in state.table.front[-1:]]
    known += [rung.map for trial in state.running for rung in trial.rungs if rung.map == rung.map]
    return max(known, default=0.0) or 1.0


def _drawn_rungs(rungs: tuple[Rung, ...], columns: int) -> tuple[Rung, ...]:
    """Return so many rungs at even distances, the last one included: the whole curve, however long."""
    return tuple(evenly(rungs, columns)) if len(rungs) > columns else rungs


def _others(sessions: tuple[SessionSeen, ...]) -> list[Text]:
    """Return a line for each other searching process, living processes first; the last line may count several."""
    texts = [_session(seen) for seen in sorted(sessions, key=lambda seen: not seen.alive) if not seen.own]
    most = OTHERS_MAX if any(seen.own for seen in sessions) else SHOWN_WORKERS_MAX
    if len(texts) > most:
        texts[most - 1 :] = [Text(f"and {len(texts) - most + 1} more", style="dim")]
    return texts


def _session(seen: SessionSeen) -> Text:
    silent = f"silent for {duration(seen.silent_s)}"
    life, style = ("alive", "green") if seen.silent_s <= SILENT_S else (silent, "yellow")
    if not seen.alive:
        life, style = f"ended {duration(seen.silent_s)} ago", "dim"
    doing = [work_text(of) for of in seen.work] or [str(number) for number in seen.trials]
    trials = f", trials {', '.join(doing)}" if doing else ""
    kind = f" ({seen.kind})" if seen.kind else ""
    return Text(one_line(f"process {seen.pid} on {seen.host}{kind}: {life}{trials}"), style=style)


def _failures(study: StudyTable) -> list[Text]:
    """Return one line of the failures by class, or none."""
    text = " · ".join(f"{count} {error_class}" for error_class, count in study.failures.items())
    return [Text(f"failed: {text}", style="red")] if text else []


def _front(state: FrameState, width: int, height: int) -> Section:
    """The front so far: drawn where there is room, and listed beside or below; in little room only listed."""
    listed = _listed_front(state, width if width < SIDE_BY_SIDE else width - _drawn_width(width) - 2)
    most = max(LEAST_HEIGHT + 2, int(DRAWN_SHARE * height))
    if not listed.rows or width < LEAST_WIDTH:
        return listed

    def draw(rows: int) -> RenderableType:
        if rows < LEAST_HEIGHT + 1:
            return listed.draw(rows)
        if width >= SIDE_BY_SIDE:
            both = Table.grid(expand=True, padding=(0, 2, 0, 0))
            both.add_column(width=_drawn_width(width))
            both.add_column(ratio=1)
            drawn = state.found.drawing(_drawn_width(width), rows, state.running)
            both.add_row(Group(*drawn), listed.draw(min(rows, listed.rows)))
            return both
        below = min(listed.rows, rows // 3) if rows >= LISTED_FROM else 0
        drawn = state.found.drawing(width, rows - below, state.running)
        return Group(*drawn, *([listed.draw(below)] if below else []))

    return Section(max(listed.rows, most), listed.least, draw, eager=True)


def _drawn_width(width: int) -> int:
    """Return the columns of the drawing where the list stands beside it."""
    return width // 2 if width < 160 else 2 * width // 3 - 10


def _listed_front(state: FrameState, width: int) -> Section:
    """The front as a list, from the fastest to the most accurate."""
    has_gate, in_gate = state.settings.gate != Gate(), in_gate_terms(state.table.gate)
    figures: dict[str, tuple[int, Callable[[TrialRow], str]]] = {
        "mAP": (5, lambda row: share(row.map)),
        "mAP50": (5, lambda row: share(row.map50)),
        "p50": (8, lambda row: ms(row.p50_ms)),
        "p95": (8, lambda row: ms(row.p95_ms)),
    }
    names = list(figures) if width >= NARROW else ["mAP50", "p95"] if in_gate else ["mAP", "p50"]
    shown = [TableColumn(name, figures[name][0], right=True) for name in names]
    shown += [TableColumn("gate", 4, right=True)] if has_gate else []

    def cells(row: TrialRow) -> Cells:
        values = {name: figures[name][1](row) for name in names} | {"gate": "yes" if row.passes_gate else "no"}
        name = f"{_child(row)}{detector(row.candidate)}"
        return [Text(str(row.number)), Text(name), *(Text(values[column.title]) for column in shown)]

    front = state.table.front
    columns = (TableColumn("", 5, right=True), TableColumn(f"front of {len(front)}"), *shown)
    return table(columns, [cells(row) for row in front], thin_out=True)


def _last(study: StudyTable, width: int) -> Section:
    """The trials that ended or paused last, by number; the children of one training are one line."""
    families = {family.number: family for family in study.families}
    rows: list[Cells] = []
    there: set[int] = set()  # parents whose children have their line
    for row in (row for row in reversed(study.rows) if row.outcome or row.paused):
        if row.parent in there or len(rows) == LAST_MAX:
            continue
        style = "" if row.outcome is Outcome.FINISHED else "dim"
        of_proof = _child(row) if row.is_proof else ""
        texts = (str(row.number), f"{of_proof}{detector(row.candidate)}", one_line(row_result(row)))
        if row.parent is not None:
            there.add(row.parent)
            texts = ("", f"children of trial {row.parent}", family_words(families[row.parent]))
        rows.append([Text(text, style=style) for text in texts])
    told_width = max(18, width // 2 - 6) if width < NARROW else 34 if width < WIDE else width // 2
    return table((TableColumn("", 5, right=True), TableColumn("last trials"), TableColumn("", told_width)), rows)


def sparkline(rungs: tuple[Rung, ...], top: float = 1.0) -> str:
    """Return the rungs' mAP as little bars on a scale from 0 to `top`; what is no number is blank."""
    known = (rung.map / top if math.isfinite(rung.map) else 0.0 for rung in rungs)
    return "".join(BARS[min(len(BARS) - 1, max(0, round(part * (len(BARS) - 1))))] for part in known)


def _named(trial: Running) -> str:
    """Return the detector; of a trial whose children are scored, how many were."""
    if trial.children is None:
        return trial.detector
    return f"its children: {trial.children.looked_at:,} looked at, {trial.children.scored:,} scored · {trial.detector}"


def _child(row: TrialRow) -> str:
    """Return 'child of 3 · ' before a child's detector, likewise before a polish's, a baseline's or a proof's."""
    said = row.is_special or row.is_proof
    return f"{kind_words(row, None)} · " if said else ""


def _stage(trial: Running) -> str:
    """Return what a trial does; of a training, which epoch."""
    return f"train {trial.epoch}/{trial.epochs}" if trial.stage == "train" and trial.epoch else trial.stage


def _latency(latency: Latency | None) -> str:
    """Return a median; one that is marked unstable is shown as a rough one."""
    return "" if latency is None else ("" if latency.stable else "~") + ms(latency.p50_ms)


def clock(seconds: float) -> str:
    """Return a span as on a clock: 0:48, 12:05, 3:12:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
