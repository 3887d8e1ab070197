"""What candidates are worth: expected gain of the front, gain per second, the odds that they fit, the time left."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.engine.models.beliefs import Belief, Beliefs
from search.engine.models.costs import BEFORE, Costs
from search.engine.models.fits import Fits
from search.engine.models.latencies import LatencyBook
from search.engine.proposal.families import family_gains
from search.engine.proposal.gain_rate import gain_rate
from search.engine.proposal.pool import Pool
from search.engine.staircase import CERTAIN, NODES, Floats

FIRST = 64  # candidates whose rate is worked out before the hopeless ones are left out
SLACK = 1.1  # cases of a rung are a sum, not the integral: a bound may be off by so much
FIRST_CHILDREN_S = 30.0  # that the first children of an elastic training take
DOUBT_MOST = 0.5  # of the logarithm of the seconds that a training takes


@dataclass(frozen=True)
class Worth:
    """What each candidate of a pool is worth. Arrays of shape (n,).

    Attributes:
        gains: expected gain of hypervolume, if the candidate fits this machine.
        odds: probability that the candidate fits this machine.
        rates: gain per second, odds and time left counted in; a lower bound for hopeless candidates.
    """

    gains: Floats
    odds: Floats
    rates: Floats


@dataclass(frozen=True)
class Rating:
    """The measure that candidates are held to in one proposal."""

    beliefs: Beliefs
    costs: Costs
    fits: Fits
    book: LatencyBook
    per_second: bool
    seconds_left: float

    def odds(self, pool: Pool) -> Floats:
        """Return the probability that each candidate fits this machine."""
        measurable = np.array([self.book.odds(params) for params in pool.params])
        odds: Floats = self.fits.odds(pool.rows, pool.latency.log) * measurable
        return odds

    def whole_s(self, pool: Pool) -> Floats:
        """Return the expected seconds of each candidate's whole trial; epochs where none was timed."""
        whole: Floats = self._last * self.costs.of_candidates(pool.rows, pool.latency.log) + self._beside_s(pool)
        return whole

    def _beside_s(self, pool: Pool) -> Floats:
        """Return the seconds of each candidate's trial beside its epochs, those of a family's first children too."""
        first_children = FIRST_CHILDREN_S if self.costs.known else 0.0
        return np.where(pool.elastic, self.costs.overhead_s + first_children, self.costs.overhead_s)

    def in_time(self, pool: Pool) -> NDArray[np.bool_]:
        """Return which candidates end in the time left, their cost's doubt counted in."""
        if math.isinf(self.seconds_left) or not self.costs.known:
            return np.ones(len(pool.params), dtype=bool)
        epoch_s, doubt = self.costs.foretold(pool.rows, pool.latency.log)
        whole = self._last * epoch_s * np.exp(np.minimum(doubt, DOUBT_MOST)) + self._beside_s(pool)
        return np.asarray(whole <= self.seconds_left, dtype=bool)

    def worth(self, pool: Pool) -> Worth:
        """Return what each candidate is worth, over its latency's doubt."""
        belief = self.beliefs.of_candidates(pool.rows, pool.latency.log)
        epoch_s = self.costs.of_candidates(pool.rows, pool.latency.log) if self.per_second else np.ones(len(pool.rows))
        step_s = self.beliefs.ladder[0] * epoch_s + BEFORE * self.costs.overhead_s
        whole_s = self._last * epoch_s + self._beside_s(pool)
        gains = np.zeros(len(pool.rows))
        for node, weight in CERTAIN if pool.latency.measured.all() else NODES:
            log = pool.latency.log + node * pool.latency.sd
            gains += weight * self.beliefs.front.expected_gain(belief.mean, belief.sd, log)
        elastic = pool.elastic
        if elastic.any():  # what counts of an elastic training is what its children bring
            gains[elastic] = family_gains([family for family in pool.families if family is not None], self.beliefs)
        odds = self.odds(pool)
        if not self.per_second:
            return Worth(gains, odds, odds * gains / whole_s)
        counted = odds * filled(whole_s, self.seconds_left)
        rates, bounds = counted * gains / whole_s, SLACK * counted * gains / step_s
        order = np.argsort(-bounds, kind="stable")
        for some in (order[:FIRST], order[FIRST:]):
            able = some[(bounds[some] >= rates.max()) & ~elastic[some]]
            rates[able] = counted[able] * self._rates(pool, belief, step_s, whole_s, able)
        return Worth(gains, odds, rates)

    @property
    def _last(self) -> int:
        return self.beliefs.ladder[-1]

    def _rates(self, pool: Pool, belief: Belief, step_s: Floats, whole_s: Floats, which: NDArray[np.int_]) -> Floats:
        rates = np.zeros(len(which))
        if not len(which):
            return rates
        mean, sd, after = belief.mean[which], belief.sd[which], belief.sd_after[which]
        step, rest = step_s[which], (whole_s - step_s)[which]
        for node, weight in CERTAIN if pool.latency.measured.all() else NODES:
            log = pool.latency.log[which] + node * pool.latency.sd[which]
            rates += weight * gain_rate(self.beliefs.front, mean, sd, after, log, step, rest)
        return rates


def filled(whole_s: Floats, seconds_left: float) -> Floats:
    """Return the share of the time left that trainings as long as these would fill, one after the other.

    Near 1 as long as much time is left; near its end, what leaves a rest that nothing fits into counts less.
    """
    if math.isinf(seconds_left):
        return np.ones(len(whole_s))
    count = np.maximum(np.floor(seconds_left / whole_s), 1.0)
    return np.minimum(count * whole_s / max(seconds_left, 1e-9), 1.0)
