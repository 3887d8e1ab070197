"""Intervals of the figures that rules are about; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLINGS = 2000
DRAWN_AT_ONCE = 100  # of these: for the memory's sake
RESAMPLING_SEED = 20261  # the same logs give the same decision


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float


def share_of(count: int, of: int, level: float) -> Estimate:
    """Return a share with Wilson's interval; `of` must be 1 or more."""
    interval = stats.binomtest(count, of).proportion_ci(level, method="wilson")
    return Estimate(count / of, float(interval.low), float(interval.high))


def quantile_of(values: Sequence[float] | NDArray[np.float64], share: float, level: float) -> Estimate:
    """Return a quantile with the interval that order statistics give, whatever the distribution.

    The number of values under the quantile is binomial; the high end is infinite where there are too few values.

    Args:
        values: one or more.
        share: of the quantile, as 0.95.
        level: of the interval.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count, tail = len(ordered), (1 - level) / 2
    low, high = (int(stats.binom.ppf(one, count, share)) for one in (tail, 1 - tail))
    return Estimate(
        float(np.quantile(ordered, share)),
        float(ordered[max(0, low - 1)]) if low > 0 else 0.0,
        float(ordered[high]) if high < count else math.inf,
    )


def count_with_high_end(share: float, level: float) -> int:
    """Return of how many values on a quantile's interval has a high end; it always has a low one."""
    return math.ceil(math.log((1 - level) / 2) / math.log(share))


def ratio_of(above: Estimate, below: Estimate) -> Estimate:
    """Return the ratio of two independent figures that are 0 or more; it holds where both their intervals hold."""
    if below.value <= 0:
        return Estimate(math.inf, 0.0, math.inf)
    return Estimate(
        above.value / below.value, above.low / below.high, above.high / below.low if below.low > 0 else math.inf
    )


def share_over_images(counts: NDArray[np.int64], of: NDArray[np.int64], level: float) -> Estimate:
    """Return a share of boxes with an interval: the wider at each end of a bootstrap over images and of Wilson's.

    Boxes of an image are alike, which the bootstrap knows; where all or none of few boxes count, it knows nothing, and
    Wilson's does.

    Args:
        counts: (images,) boxes that count.
        of: (images,) all boxes; one in all at least.
        level: of the interval.
    """
    plain = share_of(int(counts.sum()), int(of.sum()), level)
    rng, even = np.random.default_rng(RESAMPLING_SEED), np.full(len(of), 1 / len(of))
    both = np.stack([counts, of], axis=1).astype(np.float64)
    sums = [rng.multinomial(len(of), even, size=DRAWN_AT_ONCE) @ both for _ in range(RESAMPLINGS // DRAWN_AT_ONCE)]
    counted, boxes = np.concatenate(sums).T
    shares = counted[boxes > 0] / boxes[boxes > 0]
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(plain.value, min(plain.low, float(low)), max(plain.high, float(high)))
