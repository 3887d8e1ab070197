"""What a search shows while it runs: plain lines anywhere, a live view in a terminal."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from objectives.gate import Gate
from objectives.records import Latency, Outcome, Rung
from reports.table import StudyTable, TrialRow
from reports.words import ABSENT, architecture, duration, ms, share
from search.budget import BudgetUsed
from search.settings import Settings
from spaces.candidate import Candidate

RECENT, FRONT = 8, 8  # rows shown
BARS = " ▁▂▃▄▅▆▇█"


@dataclass
class View:
    """Plain lines; also what a live view builds on."""

    console: Console
    settings: Settings
    number: int = 0
    detector: str = ""
    stage_name: str = ""
    p50: str = ""
    goes_on: str = ""
    rungs: list[Rung] = field(default_factory=list)
    epochs: int = 0

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """The search starts or goes on."""
        if used.trials:
            self.console.print(f"goes on after {used.trials} trials and {duration(used.seconds)}")

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """A trial starts; one that was paused or cut goes on behind its `rungs`."""
        self._take_up(number, candidate, epochs, rungs)
        if rungs is not None:
            line = f"trial {number:3d}  {self.detector}  {self.goes_on}"
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _take_up(self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None) -> None:
        self.number, self.detector, self.epochs = number, architecture(candidate), epochs
        self.rungs, self.p50, self.stage_name, self.goes_on = list(rungs or ()), "", "starting", ""
        if rungs is not None:
            self.goes_on = f"goes on from epoch {rungs[-1].epoch}" if rungs else "goes on"
        self.tick()

    @contextmanager
    def meanwhile(self, name: str) -> Iterator[None]:
        """Show a stage that is no trial's own; what was shown before comes back behind it."""
        before = self.stage_name
        self.stage(name)
        try:
            yield
        finally:
            self.stage(before)

    def stage(self, name: str) -> None:
        """The trial reached a stage."""
        self.stage_name = name
        self.tick()

    def latency(self, latency: Latency, *, trained: bool) -> None:
        """A latency was measured."""
        self.p50 = ms(latency.p50_ms) + ("" if latency.stable else " (unstable)")
        self.tick()

    def rung(self, rung: Rung) -> None:
        """A rung was reached."""
        self.rungs.append(rung)
        self.tick()

    def note(self, text: str) -> None:
        """Something worth a line happened."""
        self.console.print(f"warning: {text}", style="yellow", highlight=False, soft_wrap=True)

    def trial_ended(self, table: StudyTable, used: BudgetUsed) -> None:
        """A trial ended: one line."""
        row = table.row(self.number)
        left = eta_text(used, self.settings)
        front = f"front {len(table.front)}"
        line = (
            f"trial {row.number:3d}  {self.detector}  {row_result(row)}  [{used.trials}/{self.settings.budget.trials}"
        )
        self.console.print(f"{line}, {front}, {left}]", highlight=False, markup=False, soft_wrap=True)

    def tick(self) -> None:
        """Something changed; a live view draws it anew."""


class LiveView(View):
    """A view that is drawn over itself: budget, the trial with its rungs, the front so far, the last trials."""

    def __enter__(self) -> "View":
        self._table: StudyTable | None = None
        self._used = BudgetUsed(0, 0.0, ())
        self._began = time.monotonic()
        self._live = Live(console=self.console, get_renderable=self._draw, refresh_per_second=4, transient=True)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """Show what is there already."""
        self._table, self._used = table, used

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """Start the trial's clock."""
        self._began = time.monotonic()
        self._take_up(number, candidate, epochs, rungs)

    def trial_ended(self, table: StudyTable, used: BudgetUsed) -> None:
        """Show the trial among the last ones."""
        self._table, self._used = table, used
        self.number, self.detector, self.stage_name = -1, "", ""

    def _draw(self) -> RenderableType:
        budget, has_gate = self.settings.budget, self.settings.gate != Gate()
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{self.settings.name}", style="bold"),
            ProgressBar(total=budget.trials, completed=self._used.trials, width=24),
            f"{self._used.trials}/{budget.trials} trials",
            f"used {duration(self._used.seconds + self._running_s())}",
            eta_text(self._used, self.settings, self._running_s()),
        )
        parts: list[RenderableType] = [head, self._current()]
        if self._table and self._table.front:
            parts.append(trial_table("front", self._table.front[-FRONT:], has_gate=has_gate))
        if self._table and (ended := [r for r in self._table.rows if r.outcome or r.paused][-RECENT:]):
            parts.append(trial_table("last trials", tuple(reversed(ended)), has_gate=has_gate))
        return Group(*parts)

    def _running_s(self) -> float:
        return time.monotonic() - self._began if self.detector else 0.0

    def _current(self) -> Text:
        if not self.detector:
            return Text(self.stage_name or "choosing a candidate", style="dim")
        rungs = "  ".join(f"epoch {r.epoch}: {r.map:.3f}" for r in self.rungs)
        return Text.assemble(
            (f"trial {self.number}  ", "bold cyan"),
            f"{self.detector}  {self.goes_on}".rstrip() + "\n",
            (f"         {self.stage_name} {duration(self._running_s())}  {self.p50}  ", "dim"),
            (f"{sparkline(self.rungs)} {rungs}", "dim"),
        )


def make_view(console: Console, settings: Settings) -> View:
    """Return a live view in a terminal, plain lines elsewhere."""
    return LiveView(console, settings) if console.is_terminal else View(console, settings)


def sparkline(rungs: list[Rung]) -> str:
    """Return the rungs' mAP as little bars on a scale from 0 to 1."""
    return "".join(BARS[min(len(BARS) - 1, round(r.map * (len(BARS) - 1)))] for r in rungs)


def row_result(row: TrialRow) -> str:
    """Return how a trial ended or where it waits, in a few words."""
    if row.outcome is Outcome.FINISHED:
        mark = "*" if row.on_front else " "
        return f"mAP {share(row.map)}{mark} mAP50 {share(row.map50)}  {ms(row.p50_ms)}"
    if row.outcome is Outcome.FAILED and row.ending:
        return f"failed ({row.ending.error_class}): {row.ending.reason}"
    if row.outcome is Outcome.STOPPED and row.rungs:
        return f"stopped at epoch {row.rungs[-1].epoch}, mAP {row.rungs[-1].map:.3f}  {ms(row.p50_ms)}"
    if row.paused and row.rungs:
        return f"{row.status}, mAP {row.rungs[-1].map:.3f}  {ms(row.p50_ms)}"
    return f"{row.standing}  {ms(row.p50_ms)}"


def trial_table(title: str, rows: tuple[TrialRow, ...], *, has_gate: bool) -> Table:
    """Return a small table of trials."""
    table = Table(title=title, title_justify="left", title_style="dim", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("trial", "detector", "mAP", "mAP50", "p50", "p95", "gate"):
        table.add_column(column, justify="left" if column == "detector" else "right", no_wrap=column != "detector")
    for row in rows:
        detector = architecture(row.candidate) or ABSENT
        if row.outcome is Outcome.FINISHED:
            gate = ABSENT if not has_gate else "yes" if row.passes_gate else "no"
            cells = [share(row.map), share(row.map50), ms(row.p50_ms), ms(row.p95_ms), gate]
        else:
            cells = [row.status, "", ms(row.p50_ms), "", ""]
        table.add_row(str(row.number), detector, *cells, style="" if row.outcome is Outcome.FINISHED else "dim")
    return table


def eta_text(used: BudgetUsed, settings: Settings, running_s: float = 0.0) -> str:
    """Return how long the rest will take, as far as ended trials tell."""
    if used.paused and used.trials >= settings.budget.trials:
        return f"{used.paused} paused"  # whether they go on is open
    remaining = used.remaining_s(settings.budget)
    return "no estimate yet" if remaining is None else f"about {duration(max(0.0, remaining - running_s))} left"
