"""Replayed searches that note at each end of a trial what a user was shown by then, and how long it really took on."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from replay_run import Replay

from objectives.records.trial_record import Phase
from search.engine.schedulers.scheduler import BudgetLeft
from search.study.budget import OVERHEAD_S, RECENT, BudgetUsed


@dataclass(frozen=True)
class Moment:
    """A search when a trial had ended or paused.

    Attributes:
        now_s: seconds of the search until then.
        used: what a view is given then.
        running_s: seconds that the trials under way have taken, each.
    """

    now_s: float
    used: BudgetUsed
    running_s: tuple[float, ...]


class CountedReplay(Replay):
    """A replay whose budget is a count of trials: then no new one starts, and the scheduler may go on with others."""

    def __init__(self, trials_most: int, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.trials_most = trials_most
        self.spent_s: dict[int, float] = {}  # trial to seconds of work on it

    def moments(self) -> Iterator[Moment]:
        """Search to the end; yield the moments at which a trial ended or paused."""
        while True:
            while self.idle and self._start(self.idle[0]):
                del self.idle[0]
            if not self.jobs:
                return
            job = heapq.heappop(self.jobs)
            self.spent_s[job.number] = self.spent_s.get(job.number, 0.0) + job.end - job.begin
            self._end(job)
            yield self._moment()

    def _start(self, last: int | None) -> bool:
        whole, self.scheduler = self.scheduler, _Limited(self.scheduler, len(self.trials) < self.trials_most)
        try:
            return super()._start(last)
        finally:
            self.scheduler = whole

    def _moment(self) -> Moment:
        running = {job.number: self.now - job.begin for job in self.jobs}
        stood = [t for t in self.observed if t.number not in running]
        seconds = tuple(self.spent_s.get(t.number, 0.0) + OVERHEAD_S for t in stood)[-RECENT:]
        paused = sum(t.phase is Phase.PAUSED for t in stood)
        used = BudgetUsed(len(stood), self.now, seconds, paused)
        return Moment(self.now, used, tuple(running.values()))


class _Limited:
    """A scheduler that is given whether a new trial may start."""

    def __init__(self, scheduler: Any, may_start: bool) -> None:
        self._scheduler, self._budget_left = scheduler, BudgetLeft(may_start=may_start)

    def next_step(self, trials: Any, ladder: Any, last: int | None) -> Any:
        return self._scheduler.next_step(trials, ladder, last, self._budget_left)
