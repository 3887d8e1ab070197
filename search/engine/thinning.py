"""Which of many trials the models look at: as few as are fast, the same ones as long as the store is the same."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.engine.observed import Observed, Phase
from search.engine.staircase import Floats, front_indices

MODELLED_MAX = 300  # trials that a surrogate is conditioned on
OPEN_MAX = 150  # of them, trials that may go on
FRONT_MAX = 50  # of them, members of the front
TUNED_MAX = 100  # trials that hyperparameters are fitted to
SETTLED_LEAST = 60  # ended trials from which on hyperparameters are fitted to those alone
MARK_RATIO = 1.1  # and then only once the study has grown by so much: between two marks they stay as they are
SCATTER = 2654435761  # 2^32 over the golden ratio: multiples of it, modulo 2^32, scatter evenly


class Digest:
    """The trials of a study, sorted out once for all models.

    Attributes:
        trials: all of them, by number.
        count: numbers that were given.
    """

    def __init__(self, trials: Sequence[Observed]) -> None:
        self.trials = trials
        self.count = trials[-1].number + 1 if trials else 0

    @cached_property
    def measured(self) -> list[Observed]:
        """Those with a latency."""
        return [t for t in self.trials if t.latency_ms is not None]

    @cached_property
    def log_latencies(self) -> Floats:
        """Log latency of the measured ones."""
        return np.array([t.log_latency for t in self.measured])

    @cached_property
    def accuracies(self) -> Floats:
        """Accuracy of the measured ones, in the end or the best so far; NaN for none."""
        return np.array([t.best for t in self.measured], dtype=float)

    @cached_property
    def finals(self) -> Floats:
        """Accuracy of the measured ones in the end; NaN for none."""
        return np.array([t.final for t in self.measured], dtype=float)

    @cached_property
    def modelled(self) -> list[Observed]:
        """Those with latency and accuracy that surrogates are conditioned on."""
        scored = np.flatnonzero(~np.isnan(self.accuracies))
        if len(scored) <= MODELLED_MAX:
            return [self.measured[i] for i in scored]
        return _thinned([self.measured[i] for i in scored], self.accuracies[scored], self.log_latencies[scored])

    @cached_property
    def finished(self) -> list[Observed]:
        """The measured ones with an accuracy in the end."""
        return [self.measured[i] for i in np.flatnonzero(~np.isnan(self.finals))]


def _thinned(trials: list[Observed], accuracies: Floats, log_latencies: Floats) -> list[Observed]:
    """Return MODELLED_MAX of more trials with accuracy and latency, by number.

    First those that may go on, furthest trained first; then the front; of the rest half the latest, half scattered
    over the whole study.
    """
    waiting = [i for i, t in enumerate(trials) if t.phase is Phase.PAUSED or t.phase is Phase.RUNNING]
    chosen = np.zeros(len(trials), dtype=bool)
    chosen[sorted(waiting, key=lambda i: (trials[i].epoch, trials[i].number))[-OPEN_MAX:]] = True
    chosen[spread(front_indices(accuracies, log_latencies), FRONT_MAX)] = True
    rest = np.flatnonzero(~chosen)
    latest = (MODELLED_MAX - int(chosen.sum())) // 2
    chosen[rest[-latest:]] = True
    earlier = [trials[i] for i in rest[:-latest]]
    return sorted(
        [trials[i] for i in np.flatnonzero(chosen)] + scattered(earlier, MODELLED_MAX - int(chosen.sum())),
        key=lambda t: t.number,
    )


def scattered(trials: Sequence[Observed], most: int) -> list[Observed]:
    """Return at most so many trials, by number: those that come first in an order that only looks random.

    One more trial changes the choice seldom, and then by one.
    """
    if len(trials) <= most:
        return list(trials)
    numbers = np.array([t.number for t in trials], dtype=np.uint64)
    order = np.argsort((numbers * np.uint64(SCATTER)) % np.uint64(2**32), kind="stable")
    return [trials[i] for i in np.sort(order[:most])]


def for_tuning(settled: Sequence[Observed], count: int) -> list[Observed] | None:
    """Return the trials that hyperparameters are fitted to; None while too few have ended.

    Args:
        settled: ended trials, which never change, by number.
        count: trials of the study.
    """
    mark = 1.0
    while mark * MARK_RATIO <= count:
        mark *= MARK_RATIO
    before = [t for t in settled if t.number < mark]
    return scattered(before, TUNED_MAX) if len(before) >= SETTLED_LEAST else None


def spread(indices: NDArray[np.int_], most: int) -> NDArray[np.int_]:
    """Return at most so many of some indices, evenly spread, the first and the last included."""
    return indices[spread_indices(len(indices), most)] if len(indices) else indices


def spread_indices(count: int, most: int) -> NDArray[np.int_]:
    """Return up to `most` indices of `count`, evenly spread, the last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
