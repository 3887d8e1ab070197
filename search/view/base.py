"""What a search shows while it runs: plain lines here; a live view and JSON build on them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from rich.console import Console

from objectives.records.failures import OF_MEMORY
from objectives.records.records import Ending, Latency, Outcome, Rung
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import architecture, duration, ms, share
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from spaces.candidate import Candidate


@dataclass(frozen=True)
class SessionSeen:
    """A searching process of the study, as this one sees it.

    Attributes:
        key: names it in the store.
        host: machine that it runs on.
        pid: its process there.
        alive: False once it ended or died.
        silent_s: seconds since its last sign of life.
        trials: numbers of the trials that it works on.
        own: whether it is this process.
    """

    key: str
    host: str
    pid: int
    alive: bool
    silent_s: float
    trials: tuple[int, ...]
    own: bool


class View:
    """Plain lines, one for everything that is worth keeping.

    Trials run at the same time; each event names its trial.
    """

    def __init__(self, console: Console, settings: Settings) -> None:
        """Prepare to show a search on a console."""
        self.console, self.settings = console, settings
        self._waits = ""

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """The search starts or goes on."""
        if used.trials:
            self.line(f"goes on after {used.trials} trials and {duration(used.seconds)}")

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """A trial starts; one that was paused or cut goes on behind its `rungs`."""
        if rungs is not None:
            behind = f" from epoch {rungs[-1].epoch}" if rungs else ""
            self.line(f"trial {number:3d}  {architecture(candidate)}  goes on{behind}")

    def stage(self, number: int, name: str) -> None:
        """A trial reached a stage."""

    def progress(self, number: int, epoch: int, share: float) -> None:
        """A trial is so far: the epoch under way, from 1, and the share of it that is done."""

    def latency(self, number: int, latency: Latency, *, trained: bool) -> None:
        """A trial's latency was measured, before or after training."""

    def rung(self, number: int, rung: Rung) -> None:
        """A trial reached a rung."""

    def decision(self, number: int, word: str, why: str) -> None:
        """It was decided at a rung whether a trial goes on, pauses or stops."""

    def attempt(self, number: int, end: Ending) -> None:
        """A trial's process died, and the trial is taken up again."""
        self.line(f"trial {number:3d}  {attempt_text(end)}")

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """A trial ended or waits at a rung."""
        row, front = table.row(number), f"front {len(table.front)}"
        line = f"trial {number:3d}  {architecture(row.candidate)}  {row_result(row)}"
        left = eta_text(used, self.settings)
        self.line(f"{line}  [{used.trials}/{self.settings.budget.trials}, {front}, {left}]")

    def note(self, text: str) -> None:
        """Something worth a warning happened."""
        self.line(f"warning: {text}")

    def waiting(self, text: str) -> None:
        """The search pauses, and why; empty: it goes on. To say the same again changes nothing."""
        if text != self._waits:
            self._waits = text
            self.line(f"waiting: {text}" if text else "the search goes on")

    def sessions(self, sessions: Sequence[SessionSeen]) -> None:
        """These searching processes work, or worked, on the study."""

    def budget(self, used: BudgetUsed) -> None:
        """So much of the budget is used by now."""

    @contextmanager
    def meanwhile(self, name: str) -> Iterator[None]:
        """Show a stage that is no trial's own, as long as it lasts."""
        yield

    def ended(self, table: StudyTable, used: BudgetUsed, why: str) -> None:
        """The search ends, and why."""
        self.line(f"the search ends: {why}")

    def line(self, text: str) -> None:
        """Write a line at once. One that cannot be written is lost: a full disk or a reader gone ends no search."""
        encoding = self.console.encoding
        writable = one_line(text).encode(encoding, "replace").decode(encoding)
        with suppress(OSError):
            self.console.file.write(f"{writable}\n")
            self.console.file.flush()


def make_view(console: Console, settings: Settings, log_format: str = "auto") -> View:
    """Return the view of a format: "auto" is live in a terminal and plain lines elsewhere."""
    if log_format == "json":
        from search.view.json_lines import JsonView

        return JsonView(console, settings)
    draws = console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only
    if log_format == "auto" and draws:
        from search.view.live import LiveView

        return LiveView(console, settings)
    return View(console, settings)


def one_line(text: str) -> str:
    """Return a text without line breaks and control characters, as logs and libraries bring them along."""
    return "".join(c if c.isprintable() else " " for c in text)


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


def attempt_text(end: Ending) -> str:
    """Return what an attempt died of and how the trial goes on."""
    again = "with a smaller batch" if end.error_class in OF_MEMORY else "from its checkpoint"
    return f"died ({end.error_class}): {end.reason}; taken up again {again}"


def eta_text(used: BudgetUsed, settings: Settings, running_s: float = 0.0) -> str:
    """Return how long the rest will take, as far as ended trials tell."""
    seconds = remaining_s(used, settings, running_s)
    if seconds is None:
        return f"{used.paused} paused" if used.paused else "no estimate yet"  # whether they go on is open
    return f"about {duration(seconds)} left"


def remaining_s(used: BudgetUsed, settings: Settings, running_s: float = 0.0) -> float | None:
    """Return the seconds until the trials or the hours are used up, or None where nothing tells.

    Args:
        used: what is used by now.
        settings: of the search; its workers share the trials that are left.
        running_s: seconds that the running trials have taken already, added up.
    """
    budget = settings.budget
    whole = used.remaining_s(budget)
    of_trials = used.remaining_s(replace(budget, hours=None))
    if whole is None or of_trials is None:
        return whole
    of_trials = max(0.0, of_trials - running_s) / settings.workers
    return of_trials if budget.hours is None else min(of_trials, max(0.0, 3600 * budget.hours - used.seconds))
