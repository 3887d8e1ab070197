"""One frame of the live view: what a search does, uses and has found, for a terminal of a given size."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from objectives.records.gate import Gate
from objectives.records.records import Latency, Outcome, Rung
from reports.table.kin.family_words import family_words, kind_words, scored_words
from reports.table.row import PAUSED, TrialRow
from reports.table.table import StudyTable
from reports.table.words import ABSENT, architecture, duration, ms, share, short_name
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.rows import Cells, Section, TableColumn, cut, fit, lines, table
from search.view.running import Running
from search.view.words import eta_text, one_line, row_result, work_text

NARROW, WIDE = 72, 110  # a terminal of fewer columns shows less of a row, one of so many more
SILENT_S = 45.0  # a living process without a beat for so long is marked
OTHERS_MAX = 4  # lines of other searching processes
SHOWN_WORKERS_MAX = 16  # the same where this one does not search, and shows others
LAST_MAX = 40  # last trials in the largest terminal
BARS = " ▁▂▃▄▅▆▇█"
SHORT = {Outcome.STOPPED.value: "stopped", Outcome.OVER_BOUND.value: "over bound"}
RUNNING = "running"


@dataclass(frozen=True)
class FrameState:
    """What one frame of the live view shows: the state of the search at one moment.

    Attributes:
        settings: of the search.
        table: the study when a trial last ended.
        used: of the budget, by now.
        running: trials of this process.
        sessions: all searching processes of the study.
        waits: why the search pauses, or empty.
        meanwhile: a stage that is no trial's own, or empty.
        messages: warnings and deaths, the newest first.
        now_s: the moment, on the monotonic clock.
    """

    settings: Settings
    table: StudyTable
    used: BudgetUsed
    running: tuple[Running, ...] = ()
    sessions: tuple[SessionSeen, ...] = ()
    waits: str = ""
    meanwhile: str = ""
    messages: tuple[str, ...] = ()
    now_s: float = 0.0

    @property
    def running_s(self) -> float:
        """Seconds that the running trials have taken, added up; those whose children are scored have ended."""
        return sum(self.now_s - trial.since_s for trial in self.running if trial.children is None)

    @cached_property
    def standings(self) -> Counter[str]:
        """Number of trials by standing; trials of this process count as running, whatever the table still says."""
        own = {trial.number for trial in self.running if trial.children is None}
        counts = Counter(self.table.counts)
        counts.subtract(row.standing for row in self.table.rows if row.number in own)
        counts[RUNNING] += len(own)
        return counts


def frame(state: FrameState, width: int, height: int) -> RenderableType:
    """Return what a terminal of this size shows: never more rows than it has, the important sections first."""
    return fit(
        (
            _head(state, width),
            _running(state, width),
            lines(_others(state.sessions), OTHERS_MAX),
            lines(_failures(state.table)),
            lines([Text(one_line(text), style="yellow") for text in state.messages[:3]]),
            _front(state, width),
            _last(state.table, width),
        ),
        height,
    )


def _head(state: FrameState, width: int) -> Section:
    """Name, estimate, bars of the budget, trials by standing; and what goes on outside trials."""
    title = Table.grid(expand=True)
    title.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    title.add_column(no_wrap=True)
    gate = "" if state.settings.gate == Gate() else f"  {state.settings.gate}"
    left = eta_text(state.used, state.settings, state.running_s)
    title.add_row(Text.assemble((state.settings.name, "bold"), (gate, "dim")), Text(left, style="bold"))
    texts = [Text(scored_words(state.table), style="dim")] if state.table.families else []
    texts.append(Text(_standings(state.standings), style="dim"))
    if state.waits:
        texts.append(Text(one_line(f"waiting: {state.waits}"), style="bold yellow"))
    elif state.meanwhile or not state.running:
        texts.append(Text(one_line(state.meanwhile) or "choosing a candidate", style="dim"))
    drawn = Group(title, _bars(state, width), *map(cut, texts))
    height = 3 + len(texts)  # the bars take two
    return Section(height, height, lambda _: drawn)


def _bars(state: FrameState, width: int) -> Table:
    budget, used = state.settings.budget, state.used
    drawn = Table.grid(padding=(0, 1, 0, 0))
    drawn.add_column(width=6)
    drawn.add_column(width=max(8, min(40, width - 46)))
    drawn.add_column(no_wrap=True, overflow="ellipsis")
    running = state.standings[RUNNING]
    most = used.most(budget)
    text = f"{used.trials} of {most} · {running} running · {max(0, most - used.trials - running)} left"
    drawn.add_row("proof" if used.proof else "trials", ProgressBar(total=most, completed=used.trials), text)
    if budget.hours is None:
        drawn.add_row("time", "", f"{duration(used.seconds)} used")
    else:
        whole_s = 3600 * budget.hours
        text = f"{duration(used.seconds)} of {duration(whole_s)} · {duration(max(0.0, whole_s - used.seconds))} left"
        drawn.add_row("hours", ProgressBar(total=whole_s, completed=used.seconds), text)
    return drawn


def _standings(counts: Mapping[str, int]) -> str:
    order = (*(outcome.value for outcome in Outcome), PAUSED, "waiting")
    text = " · ".join(f"{counts[name]} {SHORT.get(name, name)}" for name in order if counts[name])
    return text or "no trial has ended yet"


def _running(state: FrameState, width: int) -> Section:
    """The trials of this process."""
    bars, rungs = (8, 4) if width < WIDE else (16, 8)
    columns = (
        TableColumn("", 5, right=True),
        TableColumn(RUNNING),
        TableColumn("stage", 13),
        *(() if width < NARROW else (TableColumn("", bars), TableColumn("", rungs, right=True))),
        TableColumn("mAP", 5, right=True),
        TableColumn("p50", 8, right=True),
        TableColumn("time", 8, right=True),
    )

    def cells(trial: Running) -> Cells:
        done = max(0.0, trial.epoch - 1 + trial.share) / max(1, trial.epochs)
        bar = ProgressBar(total=1, completed=done) if trial.children is None else Text()
        return (
            Text(str(trial.number), style="cyan"),
            Text(_named(trial), style="yellow" if trial.died else ""),
            Text(_stage(trial)),
            *(() if width < NARROW else (bar, Text(sparkline(trial.rungs[-rungs:])))),
            Text(share(trial.rungs[-1].map) if trial.rungs else ""),
            Text(_latency(trial.latency)),
            Text(clock(state.now_s - trial.since_s)),
        )

    return table(columns, [cells(trial) for trial in state.running], least=2, eager=True)


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


def _front(state: FrameState, width: int) -> Section:
    """The front so far, from the fastest to the most accurate."""
    narrow, has_gate = width < NARROW, state.settings.gate != Gate()
    widths = {"mAP": 5, "mAP50": 0 if narrow else 5, "p50": 8, "p95": 0 if narrow else 8, "gate": 4 * has_gate}
    shown = [TableColumn(title, width, right=True) for title, width in widths.items() if width]

    def cells(row: TrialRow) -> Cells:
        values = {
            "mAP": share(row.map),
            "mAP50": share(row.map50),
            "p50": ms(row.p50_ms),
            "p95": ms(row.p95_ms),
            "gate": "yes" if row.passes_gate else "no",
        }
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
    told_width = 34 if width < WIDE else width // 2
    return table((TableColumn("", 5, right=True), TableColumn("last trials"), TableColumn("", told_width)), rows)


def detector(candidate: Mapping[str, Any]) -> str:
    """Return the choices that name a detector, in fewer letters than a page has room for."""
    name, ratio = short_name(candidate.get("backbone.name", "")), candidate.get("prune.ratio")
    cut_by = {} if ratio is None else {"prune.ratio": round(ratio, 2)}
    return architecture({**candidate, "backbone.name": name, **cut_by}) or ABSENT


def sparkline(rungs: tuple[Rung, ...]) -> str:
    """Return the rungs' mAP as little bars on a scale from 0 to 1."""
    return "".join(BARS[min(len(BARS) - 1, round(rung.map * (len(BARS) - 1)))] for rung in rungs)


def _named(trial: Running) -> str:
    """Return the detector; of a trial whose children are scored, how many were."""
    if trial.children is None:
        return trial.detector
    return f"its children: {trial.children.looked_at:,} looked at, {trial.children.scored:,} scored · {trial.detector}"


def _child(row: TrialRow) -> str:
    """Return 'child of 3 · ' before a child's detector, likewise before a polish's, a baseline's or a proof's."""
    said = row.is_child or row.is_polish or row.is_baseline or row.is_proof
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
