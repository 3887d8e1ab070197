"""Probabilities of what was seen if the true change lay within its margin: of a number, and of a vector's length."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm
from scipy.stats import t as student

Values = NDArray[np.float64]


def p_of_ratio(now: float, baseline: float, var_now: float, var_baseline: float, df: float, margin: float) -> float:
    """Return the p of the hypothesis that `now` lies within baseline * (1 - margin) .. baseline * (1 + margin).

    Both bounds are linear in the two centres (Fieller 1954), so the baseline's own uncertainty counts and no ratio of
    estimates is taken. With a margin of 0 it is Student's test of two sides.

    Args:
        now: centre of the window.
        baseline: of the baseline, not below 0.
        var_now: variance of `now` as an estimate.
        var_baseline: likewise.
        df: degrees of freedom of the variances.
        margin: share of the baseline.
    """
    side = 1 if now >= baseline else -1
    shares = (1 + margin, 1 - margin)
    return min(1.0, sum(_tail(side * (now - a * baseline), var_now + a**2 * var_baseline, df) for a in shares))


def p_of_length(length: float, noise: float, greatest_sd: float, df: float, margin: float, power: int = 1) -> float:
    """Return the p of the hypothesis that a difference of two vectors has a length of at most `margin`.

    What is seen is the true difference and noise added. Its expected length is at most margin + noise in any norm, and
    at most sqrt(margin^2 + noise^2) in the Euclidean one. A Gaussian vector's length exceeds its expectation by x
    with a probability of at most that of a normal of the greatest standard deviation along any direction (Borell 1975;
    Tsirelson, Ibragimov and Sudakov 1976). As in Student's t, this is averaged over what the variance may be that was
    estimated with `df` degrees of freedom. So p is rather too large than too small.

    Args:
        length: of the difference of the centres.
        noise: expected length of the noise, by its estimated covariance; for the Euclidean norm the root of its trace.
        greatest_sd: of the noise along any direction of the norm's dual ball.
        df: degrees of freedom of the covariance.
        margin: of the length.
        power: how margin and noise add up: 1 in any norm, 2 in the Euclidean one.
    """
    if length <= margin:
        return 1.0
    if greatest_sd <= 0:
        return 0.0
    low, high = chi2.ppf([1e-12, 1 - 1e-12], df)
    grid = np.geomspace(max(low, 1e-12), high, 2001)
    wider = np.sqrt(df / grid)  # what the true standard deviation may be, of the estimate
    expected = (margin**power + (noise * wider) ** power) ** (1 / power)
    tails = norm.sf((length - expected) / (greatest_sd * wider))
    return float(min(1.0, np.trapezoid(tails * chi2.pdf(grid, df), grid) + 1e-12))


def _tail(over: float, variance: float, df: float) -> float:
    if variance <= 0:
        return float(over <= 0)
    return float(student.sf(over / math.sqrt(variance), df))
