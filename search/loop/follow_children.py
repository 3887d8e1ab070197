"""A scorer of children, followed: what it finds goes to the store and the view, and it is given its next order."""

from collections.abc import Callable

from objectives.latency.hosts.queue import Answer, Ask, Order
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.records import Ending
from objectives.trial.job import SilentListener, TrialJob
from search.study.stored_trial import StoredTrial
from search.view.base import View

Next = Callable[[int, ChildrenReport], ChildrenOrder | None]  # a parent's scorer has found this; what it does next


class ChildrenFollower(SilentListener):
    """Passes on what one scorer reports.

    Attributes:
        trial: the parent; it has ended, and is only read.
        current_stage: of the scorer.
    """

    def __init__(
        self,
        trial: StoredTrial,
        job: TrialJob,
        view: View,
        next_order: Next,
        warn: Callable[[str], None],
        tick: Callable[[], None],
        ask: Ask | None = None,
    ) -> None:
        """Follow a scorer from here on.

        Args:
            trial: the parent; this process has claimed it.
            job: that the scorer runs.
            view: shows the scorer.
            next_order: stores a report, and returns the next order.
            warn: takes the scorer's warnings.
            tick: called at every sign of life.
            ask: passes on orders for devices that another machine has.
        """
        self.trial, self.job, self._view, self._next = trial, job, view, next_order
        self._warn, self._tick, self._ask = warn, tick, ask
        self.current_stage, self.epoch = "", 0
        self.rungs = trial.record.rungs

    def stage(self, name: str) -> None:
        """Show the stage."""
        self.current_stage = name
        self._view.children_stage(self.trial.number, name)

    def progress(self, epoch: int, share: float) -> None:
        """Count a sign of life."""
        self._tick()

    def measured(self, order: Order) -> Answer | None:
        """Pass an order on: a sign of life, too."""
        self._tick()
        return super().measured(order) if self._ask is None else self._ask(order)

    def warning(self, text: str) -> None:
        """Hand the warning on."""
        self._warn(text)

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        """Store the report and return the next order."""
        self._tick()
        for child in report.failed:
            self._warn(f"a child of trial {self.trial.number} failed: {child.reason}")
        return self._next(self.trial.number, report)

    def explained(self, ending: Ending | None) -> Ending | None:
        """Return the scorer's ending as it is."""
        return ending
