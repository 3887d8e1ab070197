"""The contract of a view: what a search reports while it runs. This one shows nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from objectives.records.children import ChildrenReport
from objectives.records.records import Ending, Latency, Rung
from objectives.records.study_parts.requests import RequestRecord
from reports.table.table import StudyTable
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from spaces.candidate import Candidate
from spaces.network.family import Family


class View:
    """Is called for every event of a search and shows none. Subclasses show the events whose methods they override.

    Use a view as a context: entered before the first event and left after the last one. All calls come from the
    thread that searches, one at a time. Trials run at the same time, so each event names its trial; the events of one
    trial come in the order `trial_started`, then any of the others, then `trial_ended`. An elastic training that has
    ended may come again, while its children are scored: `children_started`, then `children_stage` and
    `children_scored` in turn, then `children_ended`; the children have no events of their own. A view must return at
    once and must not raise: a screen that is gone, a disk that is full or a reader that has left ends no search.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what was taken (a screen, say)."""

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """The search starts or goes on from this study, with so much of the budget used."""

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """A trial of so many epochs starts; one that was paused or cut goes on behind its `rungs`."""

    def stage(self, number: int, name: str) -> None:
        """A trial reached a stage."""

    def progress(self, number: int, epoch: int, share: float) -> None:
        """Progress of a trial: the epoch under way, from 1, and the share of that epoch that is done, in [0, 1]."""

    def latency(self, number: int, latency: Latency, *, trained: bool) -> None:
        """A trial's latency was measured, before or after training."""

    def latency_on(self, number: int, device: str, latency: Latency, *, trained: bool) -> None:
        """A trial's latency was measured on a further device of the study, likewise."""

    def rung(self, number: int, rung: Rung) -> None:
        """A trial reached a rung."""

    def decision(self, number: int, decision: str, why: str) -> None:
        """The decision at a rung whether a trial goes on, pauses or stops, and why."""

    def attempt(self, number: int, end: Ending) -> None:
        """A trial's process died, and the trial is taken up again."""

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """A trial ended or waits at a rung."""

    def children_started(self, number: int, candidate: Candidate, family: Family) -> None:
        """The children of a trial that has ended begin to be looked at and scored."""

    def children_stage(self, number: int, name: str) -> None:
        """The scorer of a trial's children reached a stage: "build", "look", "export", "latency" or "score"."""

    def children_scored(self, number: int, report: ChildrenReport, table: StudyTable, used: BudgetUsed) -> None:
        """The scorer of a trial's children has found this since its last report; what was scored is in the table."""

    def children_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Nobody scores the children of this trial any more; they may come again later."""

    def asked(self, request: RequestRecord) -> None:
        """Somebody has asked something of the search: a pause, the end of a trial, a candidate, a note."""

    def left(self, number: int) -> None:
        """A trial is left at its last checkpoint, since the search was paused; it goes on by `trial_started`."""

    def note(self, text: str) -> None:
        """Something worth knowing happened."""

    def warn(self, text: str) -> None:
        """Something worth a warning happened; a view that makes no difference takes it as a note."""
        self.note(text)

    def waiting(self, text: str) -> None:
        """The search pauses, and why; an empty text: the search goes on. The same text may come again and again."""

    def sessions(self, sessions: Sequence[SessionSeen]) -> None:
        """These searching processes work, or worked, on the study."""

    def budget(self, used: BudgetUsed) -> None:
        """So much of the budget is used by now."""

    @contextmanager
    def meanwhile(self, name: str) -> Iterator[None]:
        """A stage that is no trial's own lasts as long as this context."""
        yield

    def ended(self, table: StudyTable, used: BudgetUsed, why: str) -> None:
        """The search ends, and why."""
