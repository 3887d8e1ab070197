"""What one frame of the live view shows: the state of the search at one moment."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.found import FoundSoFar
from search.view.running import Running

RUNNING = "running"


@dataclass(frozen=True)
class FrameState:
    """The state of the search at one moment.

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
        kept: what was found in the table, if it was worked out for an earlier frame.
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
    kept: FoundSoFar | None = None

    @property
    def training(self) -> tuple[Running, ...]:
        """Running trials; those whose children are scored have ended."""
        return tuple(trial for trial in self.running if trial.children is None)

    @cached_property
    def found(self) -> FoundSoFar:
        """What the study has found."""
        return self.kept if self.kept is not None and self.kept.table is self.table else FoundSoFar(self.table)

    @cached_property
    def standings(self) -> Counter[str]:
        """Number of trials by standing; trials of this process count as running, whatever the table still says."""
        own = {trial.number for trial in self.training}
        counts = Counter(self.table.counts)
        counts.subtract(row.standing for row in self.table.rows if row.number in own)
        counts[RUNNING] += len(own)
        return counts
