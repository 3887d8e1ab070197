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


def p_of_length(length: float, expected: float, greatest_sd: float, df: float, margin: float) -> float:
    """Return the p of the hypothesis that a difference of two vectors has a length of at most `margin`.

    By the triangle inequality the noise alone must be longer than length - margin. That of a Gaussian vector exceeds
    its expectation by x with a probability of at most that of a normal of the greatest standard deviation of any of
    its directions (Borell; Tsirelson, Ibragimov and Sudakov 1976); as in Student's t, this is averaged over what the
    variance may be that was estimated with `df` degrees of freedom. So p is never too small by more than the
    estimates of the covariance are off.

    Args:
        length: of the difference of the centres, in any norm.
        expected: length of the noise, by its estimated covariance.
        greatest_sd: of the noise along any direction of the norm's dual ball.
        df: degrees of freedom of the covariance.
        margin: of the length.
    """
    over = length - margin
    if over <= 0:
        return 1.0
    if greatest_sd <= 0:
        return 0.0
    low, high = chi2.ppf([1e-12, 1 - 1e-12], df)
    grid = np.geomspace(max(low, 1e-12), high, 2001)
    tails = norm.sf((over * np.sqrt(grid / df) - expected) / greatest_sd)
    return float(min(1.0, np.trapezoid(tails * chi2.pdf(grid, df), grid) + 1e-12))


def _tail(over: float, variance: float, df: float) -> float:
    if variance <= 0:
        return float(over <= 0)
    return float(student.sf(over / math.sqrt(variance), df))
