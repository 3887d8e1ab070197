"""A search whose clock is told by its trials, and that notes what it takes: memory, files, seconds of choosing."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from objectives.data.dataset import Dataset
from objectives.records.trial_record import TrialRecord
from reports.table.table import StudyTable
from search.engine.schedulers.scheduler import Step
from search.loop.choose import Chooser
from search.loop.search import Search
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims.kernel_locks import KernelClaims
from search.study.store import create_study, open_storage, storage_url
from search.study.stored_trial import StoredTrial
from search.view.base import View

R = TypeVar("R")


@dataclass
class Watch:
    """What was seen of a search.

    Attributes:
        trial_s: seconds that a trial would have taken: by so much its end moves the clock on.
        every: trials between two notes.
        seen: trials that ended or paused.
        now_s: what the clock says.
        notes: number of trials, resident memory in KB, open files, by the notes' order.
        choose_ms: milliseconds of each choice of what comes next.
        next_ms: the same with asking, sampling and writing the values.
    """

    trial_s: float
    every: int
    seen: set[int] = field(default_factory=set)
    now_s: float = field(default_factory=time.time)
    notes: list[tuple[int, float, int]] = field(default_factory=list)
    choose_ms: list[float] = field(default_factory=list)
    next_ms: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Return the seconds since 1970, as the search is told."""
        return self.now_s

    def one_more(self, number: int) -> None:
        """A trial has ended or waits; only its first time counts."""
        if number in self.seen:
            return
        self.seen.add(number)
        self.now_s += self.trial_s
        if len(self.seen) % self.every == 0:
            process = psutil.Process()
            self.notes.append((len(self.seen), process.memory_info().rss / 1024, process.num_fds()))
            sys.stderr.write(f"{len(self.seen)} trials, {self.notes[-1][1] / 1024:.0f} MB, {self._recent()}\n")

    def _recent(self) -> str:
        return f"next trial in {self.next_ms[-1]:.0f} ms" if self.next_ms else ""


class WatchedView(View):
    """Shows warnings alone, and reports trials that end to the watch."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Move the clock on."""
        self.watch.one_more(number)

    def note(self, text: str) -> None:
        """Show a warning."""
        sys.stderr.write(f"warning: {text}\n")


class WatchedChooser(Chooser):
    """Notes how long choices take."""

    watch: Watch

    def next_step(self, last: int | None = None, trials: Sequence[TrialRecord] | None = None) -> Step | None:
        """Time the choice of a trial; at rungs it is not counted."""
        if last is not None:
            return super().next_step(last, trials)
        return timed(lambda: super(WatchedChooser, self).next_step(trials=trials), self.watch.choose_ms)


class WatchedSearch(Search):
    """A search under watch."""

    def __init__(self, settings: Settings, dataset: Dataset, watch: Watch) -> None:
        settings.folder.mkdir(parents=True, exist_ok=True)
        study = create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))
        view = WatchedView(watch)
        super().__init__(settings, dataset, study, KernelClaims(settings.folder), view, watch.clock)
        self.watch = watch
        self.chooser = WatchedChooser(settings, study, self.jobs, self._measured, self.session.searched_s)
        self.chooser.watch = watch

    def _next_trial(self, trials: Sequence[TrialRecord]) -> StoredTrial | None:
        return timed(lambda: super(WatchedSearch, self)._next_trial(trials), self.watch.next_ms)


def timed(work: Callable[[], R], into_ms: list[float]) -> R:
    """Do some work and note its milliseconds."""
    began = time.perf_counter()
    done = work()
    into_ms.append(1000 * (time.perf_counter() - began))
    return done
