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
class Interval(Record):
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


def t_interval(values: Sequence[float], level: float) -> Interval | None:
    """Return Student's interval of a mean, by these values alone; None of fewer than two."""
    if len(values) < 2:
        return None
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return _around(fmean(values), critical(level, len(values) - 1) * error, level, len(values))


def joint_intervals(
    values: Mapping[int, Sequence[float]], level: float, beside: Sequence[float] = ()
) -> dict[int, Interval]:
    """Return intervals of several means that hold all at once with this level, and so hold whichever is picked.

    All seeds of all contestants scatter alike, as is assumed: their standard deviation is pooled, which makes the
    intervals narrower than a single contestant's few seeds would. What widens them again is the studentized maximum
    modulus in place of Student's t (Hochberg and Tamhane 1987, Multiple Comparison Procedures, chapter 3). Of one
    contestant without any beside it, it is Student's interval.

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


def joint_differences(
    values: Mapping[int, Mapping[int, float]], base: Mapping[int, float], level: float
) -> dict[int, Interval]:
    """Return intervals of how far several means lie above a base's, paired by seed, that hold all at once.

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
    """Return the number of standard errors within which all of several means lie with this level.

    The quantile of the studentized maximum modulus: the largest of the absolute values of `choices` independent normal
    variables, over the root of a chi-square variable's mean. With one choice it is Student's t of both sides.
    """
    from scipy.optimize import brentq
    from scipy.special import gammaincinv, ndtr

    shares = (np.arange(GRID) + 0.5) / GRID
    spread = np.sqrt(2 * gammaincinv(freedom / 2, shares) / freedom)

    def held(errors: float) -> float:
        return float(np.mean((2 * ndtr(errors * spread) - 1) ** choices)) - level

    if choices == 1:
        from scipy.special import stdtrit

        return float(stdtrit(freedom, (1 + level) / 2))
    return float(brentq(held, 0.0, 1e4))


def _around(mean: float, half: float, level: float, n: int) -> Interval:
    return Interval(mean, mean - half, mean + half, level, n)
