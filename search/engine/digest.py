"""Which of many trials the models look at: as few as are fast, the same ones as long as the store is the same."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from objectives.records.even_sample import even_indices
from objectives.records.front import front_indices
from objectives.records.trial_record import Phase
from search.engine.observed import Key, Observed
from search.engine.staircase import Floats

MODELLED_MAX = 300  # trials that a surrogate is conditioned on
OPEN_MAX = 150  # of them, trials that may go on
FRONT_MAX = 50  # of them, members of the front
TUNED_MAX = 100  # trials that hyperparameters are fitted to
SETTLED_LEAST = 60  # ended trials from which on hyperparameters are fitted to those alone
MARK_RATIO = 1.1  # and then only once the study has grown by so much: between two marks they stay as they are
# Columns of a digest's table.
NUMBER, LOG_LATENCY, BEST_ACCURACY, FINAL, EPOCH, PHASE, WAS_TIMED, OUTGREW, IS_BASELINE = range(9)
FOR_GOOD = 1_000_000  # a candidate that failed counts as tried so often: no list holds it more often
PHASES = {phase: float(code) for code, phase in enumerate(Phase)}
SCATTER = 2654435761  # 2^32 over the golden ratio: multiples of it, modulo 2^32, scatter evenly


Indices = NDArray[np.int_]


class Digest:
    """The trials of a study as a table that all models choose from; the next digest takes over what stays.

    Attributes:
        trials: all trials of the study, by number.
        count: trial numbers given so far, one more than the last number.
        tried: candidate's key to how often it was tried; a failure counts FOR_GOOD.
        known_ms: candidate's key to the number of the latest trial with a latency, and that latency in ms.
    """

    def __init__(self, trials: Sequence[Observed], before: "Digest | None" = None) -> None:
        """Take the trials; with the digest of an earlier state of the study, which is used up by this."""
        self.trials = list(trials)
        self.count = trials[-1].number + 1 if trials else 0
        self._table = np.empty((len(trials), 9))
        self.tried: Counter[Key] = Counter()
        self.known_ms: dict[Key, tuple[int, float]] = {}
        changed: Iterable[int] = range(len(trials))
        if before is not None and len(before.trials) <= len(trials):
            changed = self._take_over(before)
        for i in changed:
            self._note(i, trials[i])

    def _take_over(self, before: "Digest") -> list[int]:
        """Take the table of the state before; return the places of what has changed since."""
        old = len(before.trials)
        self._table[:old], self.tried, self.known_ms = before._table, before.tried, before.known_ms
        pairs = zip(before.trials, self.trials[:old], strict=True)
        changed = [i for i, (one, other) in enumerate(pairs) if one is not other]
        for i in changed:
            self.tried[before.trials[i].key] -= _counts(before.trials[i])
        return [*changed, *range(old, len(self.trials))]

    def _note(self, i: int, trial: Observed) -> None:
        unlearnt = trial.is_polish or trial.is_baseline  # no surrogate learns of these
        accuracy = np.nan if trial.best is None or unlearnt else trial.best
        final = np.nan if trial.final is None else trial.final
        timed = bool(trial.seconds) and trial.seconds[-1] > 0
        self._table[i] = (
            trial.number, trial.log_latency, accuracy, final, trial.epoch, PHASES[trial.phase], timed, trial.outgrew,
            trial.is_baseline
        )  # fmt: skip
        if trial.is_baseline:
            return
        self.tried[trial.key] += _counts(trial)
        if trial.latency_ms is not None:
            figure = trial.number, trial.latency_ms
            self.known_ms[trial.key] = max(figure, self.known_ms.get(trial.key, figure))

    def pick(self, indices: Indices) -> list[Observed]:
        """Return the trials at these indices."""
        return [self.trials[i] for i in indices]

    def column(self, column: int, indices: Indices) -> Floats:
        """Return one column of the table for the trials at these indices, shape (len(indices),)."""
        values: Floats = self._table[indices, column]
        return values

    def where(self, phase: Phase, among: Indices) -> Indices:
        """Return the indices, among the given ones, of trials in a phase."""
        found: Indices = among[self._table[among, PHASE] == PHASES[phase]]
        return found

    @cached_property
    def measured(self) -> Indices:
        """Indices of the trials with a latency, rising; likewise below. The baseline's says nothing of candidates."""
        return np.flatnonzero(~np.isnan(self._table[:, LOG_LATENCY]) & (self._table[:, IS_BASELINE] == 0))

    @cached_property
    def scored(self) -> Indices:
        """Trials with a latency and an accuracy, in the end or so far."""
        found: Indices = self.measured[~np.isnan(self._table[self.measured, BEST_ACCURACY])]
        return found

    @cached_property
    def finished(self) -> Indices:
        """Trials with a latency and a final accuracy, the baseline among them."""
        return np.flatnonzero(~np.isnan(self._table[:, LOG_LATENCY] + self._table[:, FINAL]))

    @cached_property
    def timed(self) -> Indices:
        """Trials with a latency whose epochs were timed."""
        found: Indices = self.measured[self._table[self.measured, WAS_TIMED] > 0]
        return found

    @cached_property
    def outgrown(self) -> Indices:
        """Trials that were too large for this machine."""
        return np.flatnonzero((self._table[:, OUTGREW] > 0) & (self._table[:, IS_BASELINE] == 0))

    @cached_property
    def trained(self) -> Indices:
        """Trials that showed an epoch and were not too large."""
        return np.flatnonzero((self._table[:, EPOCH] > 0) & (self._table[:, OUTGREW] == 0))

    @cached_property
    def front(self) -> Indices:
        """Trials on the front by the accuracy reached so far, the fastest first."""
        accuracies, logs = self.column(BEST_ACCURACY, self.scored), self.column(LOG_LATENCY, self.scored)
        return self.scored[front_indices(accuracies, logs)]

    @cached_property
    def modelled(self) -> Indices:
        """At most MODELLED_MAX of the scored ones, by number, that surrogates are conditioned on.

        First the trials that may go on, furthest trained first; then the front; of the rest half the latest, half
        scattered over the whole study.
        """
        if len(self.scored) <= MODELLED_MAX:
            return self.scored
        waiting = np.concatenate([self.where(phase, self.scored) for phase in (Phase.PAUSED, Phase.RUNNING)])
        order = np.lexsort((waiting, self.column(EPOCH, waiting)))
        chosen = np.union1d(waiting[order[-OPEN_MAX:]], spread(self.front, FRONT_MAX))
        rest = np.setdiff1d(self.scored, chosen, assume_unique=True)
        latest = (MODELLED_MAX - len(chosen)) // 2
        chosen = np.union1d(chosen, rest[-latest:])
        return np.union1d(chosen, self.scattered(rest[:-latest], MODELLED_MAX - len(chosen)))

    def scattered(self, indices: Indices, most: int) -> Indices:
        """Return at most so many of some trials, by number: the first in an order that only looks random.

        One more trial changes the choice seldom, and then by one.
        """
        if len(indices) <= most:
            return indices
        numbers = self.column(NUMBER, indices).astype(np.uint64)
        order = np.argsort((numbers * np.uint64(SCATTER)) % np.uint64(2**32), kind="stable")
        return np.sort(indices[order[:most]])

    def for_tuning(self, settled: Indices) -> Indices | None:
        """Return which of the ended trials hyperparameters are fitted to; None while too few have ended."""
        mark = 1.0
        while mark * MARK_RATIO <= self.count:
            mark *= MARK_RATIO
        before = settled[self.column(NUMBER, settled) < mark]
        return self.scattered(before, TUNED_MAX) if len(before) >= SETTLED_LEAST else None


def _counts(trial: Observed) -> int:
    if trial.is_baseline:
        return 0
    return FOR_GOOD if trial.phase is Phase.FAILED else 1


def spread(indices: NDArray[np.int_], most: int) -> NDArray[np.int_]:
    """Return at most so many of some indices, evenly spread, the first and the last included."""
    return indices[even_indices(len(indices), most)] if len(indices) else indices
