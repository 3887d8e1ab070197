"""Intervals of means over seeds, also where the best of several means is picked by them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np

from objectives.records.records import Record

GRID = 2000  # points of the integral over the pooled standard deviation


@dataclass(frozen=True)
class SeedsInterval(Record):
    """A mean with its interval.

    Attributes:
        mean: of the values.
        low: lower end.
        high: upper end.
        level: with which the interval holds the true mean, in (0, 1).
        n: number of values.
    """

    mean: float
    low: float
    high: float
    level: float
    n: int

    @property
    def half(self) -> float:
        """Half of its width."""
        return (self.high - self.low) / 2


def t_interval(values: Sequence[float], level: float) -> SeedsInterval | None:
    """Return Student's interval of a mean, by these values alone; None of fewer than two."""
    if len(values) < 2:
        return None
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return _around(fmean(values), critical(level, len(values) - 1) * error, level, len(values))


def picked_intervals(
    values: Mapping[int, Sequence[float]], level: float, beside: Sequence[float] = ()
) -> dict[int, SeedsInterval]:
    """Return intervals of several means, of which the one with the best mean is picked and holds with this level.

    All seeds of all contestants scatter alike, as is assumed: their standard deviation is pooled, which makes the
    intervals narrower than a single contestant's few seeds would. See `critical` for what picking costs.

    Args:
        values: contestant to its values over seeds; those with fewer than two have no interval.
        level: in (0, 1).
        beside: values of one that is not picked from, whose scatter counts as well (the baseline).
    """
    known = {number: found for number, found in values.items() if len(found) >= 2}
    groups = [*known.values(), *([beside] if len(beside) >= 2 else [])]
    freedom = sum(len(found) - 1 for found in groups)
    if not known:
        return {}
    sd = math.sqrt(sum(float(np.sum((np.array(found) - fmean(found)) ** 2)) for found in groups) / freedom)
    factor = critical(level, freedom, len(known)) * sd
    return {
        number: _around(fmean(found), factor / math.sqrt(len(found)), level, len(found))
        for number, found in known.items()
    }


def picked_differences(
    values: Mapping[int, Mapping[int, float]], base: Mapping[int, float], level: float
) -> dict[int, SeedsInterval]:
    """Return intervals of how far several means lie above a base's, paired by seed, where the best mean is picked.

    What a seed does to all alike cancels out: the scatter that counts is what a layout of contestants by seeds leaves
    (a two-way analysis of variance). Of one contestant, it is the paired t interval.

    Args:
        values: contestant to seed to value; only seeds that all have, the base too, are counted.
        base: seed to the base's value.
        level: in (0, 1).
    """
    shared = sorted(set(base).intersection(*values.values())) if values else []
    if len(shared) < 2:
        return {}
    table = np.array([[of[seed] for seed in shared] for of in (base, *values.values())])
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    freedom = (len(table) - 1) * (len(shared) - 1)
    error = math.sqrt(float((rest**2).sum()) / freedom * 2 / len(shared))
    half = critical(level, freedom, len(values)) * error
    return {
        number: _around(float(mean - table[0].mean()), half, level, len(shared))
        for number, mean in zip(values, table[1:].mean(axis=1), strict=True)
    }


@lru_cache(maxsize=64)
def critical(level: float, freedom: int, choices: int = 1) -> float:
    """Return the number of standard errors from the mean to an end of an interval.

    Picking the best of several means favours those that are too high: the lower end must hold for the largest of their
    errors, which the quantile of the largest of `choices` t variables of one standard deviation does. The upper end
    then fails seldom, but where the best is far ahead, picking changes nothing, and both ends must hold as Student's.
    So the level is kept between these two cases; of one or two means it is Student's t.

    Args:
        level: of the interval, in (0, 1).
        freedom: degrees of freedom of the standard deviation.
        choices: means that are picked from.
    """
    from scipy.optimize import brentq
    from scipy.special import gammaincinv, ndtr, stdtrit

    student = float(stdtrit(freedom, (1 + level) / 2))
    shares = (np.arange(GRID) + 0.5) / GRID
    spread = np.sqrt(2 * gammaincinv(freedom / 2, shares) / freedom)

    def held(errors: float) -> float:
        return float(np.mean(ndtr(errors * spread) ** choices)) - level

    return student if held(student) >= 0 else float(brentq(held, student, 1e4))


def _around(mean: float, half: float, level: float, n: int) -> SeedsInterval:
    return SeedsInterval(mean, mean - half, mean + half, level, n)
