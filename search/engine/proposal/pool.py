"""The pool: candidates that may be proposed now, with what is known of their latencies."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from search.engine.candidates import CandidateSource, Params
from search.engine.digest import BEST_ACCURACY, FRONT_MAX, LOG_LATENCY, Digest, spread
from search.engine.models.latencies import LatencyView
from search.engine.observed import Key, key_of
from search.engine.proposal.families import FamilyView
from search.engine.staircase import Floats

LISTED_MAX = 5000  # candidates of a small space that are gone through once nothing new comes by chance


@dataclass(frozen=True)
class Pool:
    """Candidates that may be proposed.

    Attributes:
        params: the candidates' parameters, by dimension name; n of them.
        rows: the parameters encoded as numbers, shape (n, d).
        latency: the candidates' latencies, measured or predicted.
        families: of each elastic candidate, what is known of its children; None for any other, n of them or none.
    """

    params: list[Params]
    rows: Floats
    latency: LatencyView
    families: Sequence[FamilyView | None] = ()

    def only(self, kept: NDArray[np.bool_]) -> "Pool":
        """Return the pool of some of the candidates: a mask, shape (n,)."""
        if kept.all():
            return self
        params = [p for p, keep in zip(self.params, kept, strict=True) if keep]
        families = [family for family, keep in zip(self.families, kept, strict=True) if keep] if self.families else ()
        return Pool(params, self.rows[kept], LatencyView(self.latency.log[kept], self.latency.sd[kept]), families)

    @property
    def elastic(self) -> NDArray[np.bool_]:
        """Which candidates are elastic trainings, shape (n,)."""
        if not self.families:
            return np.zeros(len(self.params), dtype=bool)
        return np.array([family is not None for family in self.families], dtype=bool)

    def with_latency(self, i: int, ms: float) -> "Pool":
        """Return the pool once a candidate was measured."""
        log, sd = self.latency.log.copy(), self.latency.sd.copy()
        log[i], sd[i] = np.log(ms), 0.0
        return Pool(self.params, self.rows, LatencyView(log, sd), self.families)


def untried(source: CandidateSource, study: Digest, rng: np.random.Generator) -> list[Params]:
    """Return candidates that no trial had; a candidate that is listed twice may be tried twice, unless it failed."""
    found = list(_left(source.pool(*parents(study), rng), study.tried))
    return found or list(islice(_left(source.every(), study.tried), LISTED_MAX))


def _left(params: Iterator[Params] | Sequence[Params], tried: Counter[Key]) -> Iterator[Params]:
    came: Counter[Key] = Counter()
    for candidate in params:
        key = key_of(candidate)
        came[key] += 1
        if came[key] > tried.get(key, 0):
            yield candidate


def parents(study: Digest) -> tuple[list[Params], list[Params]]:
    """Return the members of the front and the better part of the trials, by the accuracies reached so far."""
    some = study.modelled
    if not len(some):
        return [], []
    order = np.argsort(_beaten(study.column(BEST_ACCURACY, some), study.column(LOG_LATENCY, some)), kind="stable")
    better = study.pick(some[order[: max(2, len(some) // 4)]])
    front = study.pick(np.sort(spread(study.front, FRONT_MAX)))
    return [t.params for t in front], [t.params for t in better]


def _beaten(accuracies: Floats, log_latencies: Floats) -> NDArray[np.int_]:
    """Return by how many others each trial is dominated in accuracy and latency, shape (n,)."""
    no_worse = (accuracies[:, None] >= accuracies) & (log_latencies[:, None] <= log_latencies)
    beaten: NDArray[np.int_] = np.sum(no_worse & ~no_worse.T, axis=0)
    return beaten
