"""One replayed search: workers on a virtual clock reveal recorded curves step by step."""

import heapq
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import TrialState
from replay_engines import Engine, make_ladder
from replay_rows import Chooser, Exact, Nearest
from replay_table import Row, Table

from objectives.records import attributes as keys
from objectives.records.records import Latency, Rung
from objectives.records.trial_record import read_trial
from search.engine.observed import Observed, observed
from search.engine.schedulers.scheduler import Step


@dataclass(frozen=True)
class Event:
    """The end of a step.

    Attributes:
        epochs: trained by all workers until then, steps under way included.
        seconds: of training until then, likewise.
        row: of the table.
        accuracy: the row's best until then; NaN if it has none.
    """

    epochs: float
    seconds: float
    row: int
    accuracy: float


@dataclass(order=True)
class Job:
    """A step under way; the one that ends first comes first."""

    end: float
    order: int
    begin: float = field(compare=False)
    number: int = field(compare=False)
    epochs: int = field(compare=False)
    to_epoch: int = field(compare=False)

    def done(self, now: float) -> float:
        """Return the part that is done, 0 to 1."""
        return min(1.0, (now - self.begin) / (self.end - self.begin))


class Replay:
    """A search over a recorded table, driven as a real one is."""

    def __init__(self, table: Table, engine: Engine, seed: int, eta: float, workers: int = 1) -> None:
        self.table = table
        self.scheduler = engine.scheduler
        self.ladder = make_ladder(table.epochs, engine.eta or eta, engine.rungs)
        self.chooser: Chooser = (Exact if engine.exact else Nearest)(table, seed)
        self.study = optuna.create_study(directions=["maximize", "minimize"], sampler=engine.sampler)
        self.idle: list[int | None] = [None] * workers  # the trial that each idle worker has in memory
        self.jobs: list[Job] = []
        self.now = 0.0
        self.started_epochs = self.ended_epochs = 0
        self.ended_seconds = 0.0
        self.trials: list[optuna.Trial] = []
        self.rows: list[int] = []  # by trial number, as are all below
        self.reached: list[int] = []
        self.observed: list[Observed] = []
        self.ask_seconds: list[float] = []
        self.step_seconds: list[float] = []

    def run(self, budget_epochs: float) -> Iterator[Event]:
        """Yield the ends of steps until the budget is started or nothing is left to train."""
        while True:
            while self.idle and self.started_epochs < budget_epochs and self._start(self.idle[0]):
                del self.idle[0]
            if not self.jobs:
                return
            yield self._end(heapq.heappop(self.jobs))

    def _start(self, last: int | None) -> bool:
        """Put a worker to its next step; False if there is none."""
        began = time.perf_counter()
        step = self.scheduler.next_step(list(self.observed), self.ladder, last)
        self.step_seconds.append(time.perf_counter() - began)
        if step is None:
            return False
        for number in step.stop:
            self.study.tell(self.trials[number], state=TrialState.PRUNED)
            self._look(number)
        if step.idle or (step.number is None and not self.chooser.untried.any()):
            return False
        self._begin(self._ask() if step.number is None else self._resume(step.number), step)
        return True

    def _ask(self) -> int:
        began = time.perf_counter()
        trial = self.study.ask()
        row = self.chooser.take(trial)
        self.ask_seconds.append(time.perf_counter() - began)
        latency_ms = self.table.rows[row].latency_ms
        if latency_ms is not None:
            trial.set_user_attr(keys.LATENCY_UNTRAINED, _latency(latency_ms).to_json())
        self.trials.append(trial)
        self.rows.append(row)
        self.reached.append(0)
        self._look(trial.number)
        return trial.number

    def _resume(self, number: int) -> int:
        if not self.trials[number].user_attrs.get(keys.PAUSED):
            raise RuntimeError(f"{type(self.scheduler).__name__} goes on with trial {number}, which is not paused")
        self.trials[number].set_user_attr(keys.PAUSED, False)
        self._look(number)
        return number

    def _begin(self, number: int, step: Step) -> None:
        epochs = step.to_epoch - self.reached[number]
        if epochs <= 0 or step.to_epoch > self.ladder[-1]:
            raise RuntimeError(f"{type(self.scheduler).__name__} trains trial {number} to epoch {step.to_epoch}")
        end = self.now + epochs * self._row(number).epoch_seconds
        self.started_epochs += epochs
        heapq.heappush(self.jobs, Job(end, len(self.step_seconds), self.now, number, epochs, step.to_epoch))

    def _end(self, job: Job) -> Event:
        row, number = self._row(job.number), job.number
        self.now = job.end
        self.reached[number] = job.to_epoch
        self.ended_epochs += job.epochs
        self.ended_seconds += job.epochs * row.epoch_seconds
        paused = not row.failed and job.to_epoch < self.ladder[-1]
        self._tell(number, row, job.to_epoch, paused)
        self._look(number)
        self.idle.append(number if paused else None)
        return self._event(number)

    def _tell(self, number: int, row: Row, epoch: int, paused: bool) -> None:
        trial = self.trials[number]
        if row.failed:
            self.study.tell(trial, state=TrialState.FAIL)
            return
        trial.set_user_attr(keys.RUNGS, reveal(row, epoch))
        if paused:
            trial.set_user_attr(keys.PAUSED, True)
        else:
            self.study.tell(trial, [row.best_until(epoch), row.latency_ms])

    def _look(self, number: int) -> None:
        """Observe a trial anew; the others are as they were, and observing all at each step takes too long."""
        trial = self.study.get_trials(deepcopy=False)[number]
        self.observed[number:] = [observed(read_trial(trial)), *self.observed[number + 1 :]]

    def _event(self, number: int) -> Event:
        under_way = [(job, job.done(self.now)) for job in self.jobs]
        epochs = self.ended_epochs + sum(job.epochs * done for job, done in under_way)
        seconds = self.ended_seconds + sum(
            job.epochs * self._row(job.number).epoch_seconds * done for job, done in under_way
        )
        row = self._row(number)
        accuracy = math.nan if row.failed else row.best_until(self.reached[number])
        return Event(epochs, seconds, self.rows[number], accuracy)

    def _row(self, number: int) -> Row:
        return self.table.rows[self.rows[number]]


def _latency(p50_ms: float) -> Latency:
    """Return a latency of which the tables know the median alone."""
    unknown = math.nan
    return Latency(p50_ms, unknown, unknown, unknown, unknown, 0, unknown, True, "", "", 0)


def reveal(row: Row, epoch: int) -> list[dict[str, Any]]:
    """Return the curve until an epoch; it always ends there, with the last known value or NaN if there is none."""
    known = {e: accuracy for e, accuracy in row.curve.items() if e <= epoch}
    known.setdefault(epoch, list(known.values())[-1] if known else math.nan)
    return [
        Rung(e, accuracy, math.nan, e * row.epoch_seconds, math.nan, True).to_json() for e, accuracy in known.items()
    ]
