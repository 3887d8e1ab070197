"""Learning curves across trials: what a training that stands at a rung will reach in the end, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.engine.staircase import Floats

# Before anything was seen, a training is expected to gain this share of the accuracies' range between its first two
# rungs, and DECAY of the last step in every further one. The doubt about it is as large (of its constant part 0.6 of
# that), and counts as DOUBT trials.
GROWTH = 0.25
DECAY = 0.6
DOUBT = 3.0
LEAST_RANGE = 0.3  # of accuracy: a first trial that learns nothing must not make the rest look hopeless
FLOOR = 0.01  # share of the range that the spread of a step never falls below before it was seen
ITERATIONS = 4


@dataclass(frozen=True)
class _Transition:
    """From one rung to the next: growth regressed on accuracy and on the growth before.

    Attributes:
        weights: of [1, accuracy, growth before], shape (3,).
        covariance: of the weights, (3, 3).
        variance: of the growth around the regression.
    """

    weights: Floats
    covariance: Floats
    variance: float


class CurveModel:
    """Growth from rung to rung, by Bayesian linear regression over the trials that went both steps.

    A rung that nobody has passed yet is expected to go on as the one before it, fading. The regression is on what
    decides who goes on, so that it is not bent by the choice of the promoted.
    """

    def __init__(self, table: Floats) -> None:
        """Fit to accuracies at rungs, shape (trials, rungs); NaN where a trial did not reach the rung."""
        seen = table[~np.isnan(table)]
        self.scale = max(float(np.ptp(seen)) if seen.size else 0.0, LEAST_RANGE)
        self.rungs = table.shape[1]
        self.transitions: list[_Transition] = []
        expected = np.array([GROWTH, GROWTH, 0.0]) * self.scale
        variance = (GROWTH * self.scale) ** 2
        for rung in range(self.rungs - 1):
            fade = DECAY**rung * self.scale
            doubt = np.array([0.6 * GROWTH * fade, GROWTH * fade, 0.5 * self.scale])
            found, variance = self._fit(table, rung, expected, doubt, variance)
            self.transitions.append(found)
            expected = found.weights * np.array([DECAY, DECAY, 1.0])
            variance = max(variance * DECAY**2, (FLOOR * self.scale) ** 2)

    def final(self, table: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the accuracy at the last rung, seen from each trial's latest.

        Args:
            table: shape (n, rungs), NaN behind each trial's latest rung; a trial without any rung gives NaN.

        Returns:
            Two arrays of shape (n,); a finished trial has its own accuracy and 0.
        """
        latest = latest_rung(table)
        mean, variance = np.full(len(table), np.nan), np.zeros(len(table))
        for rung in range(self.rungs):
            here = latest == rung
            if here.any():
                mean[here], variance[here] = self._extrapolate(table[here], rung)
        return mean, np.sqrt(variance)

    def sd_from(self, rung: int, table: Floats) -> float:
        """Return the usual standard deviation of the final accuracy seen from a rung, over trials that passed it."""
        if rung == self.rungs - 1:
            return 0.0
        passed = table[~np.isnan(table[:, rung])]
        if not len(passed):
            return float(np.sqrt(sum(t.variance for t in self.transitions[rung:])))
        return float(np.median(np.sqrt(self._extrapolate(passed, rung)[1])))

    def _fit(
        self, table: Floats, rung: int, expected: Floats, doubt: Floats, variance: float
    ) -> tuple[_Transition, float]:
        both = ~np.isnan(table[:, rung + 1]) & ~np.isnan(table[:, rung])
        rows = self._features(table[both], rung)
        growth = table[both, rung + 1] - table[both, rung]
        prior = np.diag(1.0 / doubt**2)
        found = variance
        for _ in range(ITERATIONS):  # weights and variance in turn; the variance has an inverse gamma prior
            precision = prior + rows.T @ rows / found
            weights = np.linalg.solve(precision, prior @ expected + rows.T @ growth / found)
            residuals = growth - rows @ weights
            found = float((DOUBT * variance + residuals @ residuals) / (DOUBT + len(growth)))
        freedom = DOUBT + len(growth)
        wide = found * freedom / (freedom - 2.0)  # variance of the Student distribution that this leads to
        return _Transition(np.asarray(weights, dtype=float), np.linalg.inv(precision).astype(float), wide), found

    def _features(self, table: Floats, rung: int) -> Floats:
        before = table[:, rung] - table[:, rung - 1] if rung else np.zeros(len(table))
        return np.column_stack([np.ones(len(table)), table[:, rung] / self.scale, np.nan_to_num(before) / self.scale])

    def _extrapolate(self, table: Floats, rung: int) -> tuple[Floats, Floats]:
        """Return mean and variance of the final accuracy, step by step from a rung."""
        rows = self._features(table, rung)
        mean, variance = table[:, rung].copy(), np.zeros(len(table))
        for transition in self.transitions[rung:]:
            growth = rows @ transition.weights
            of_step = np.sum(rows @ transition.covariance * rows, axis=1) + transition.variance
            carried = max(1.0 + transition.weights[1] / self.scale, 0.5)
            variance = variance * carried**2 + of_step
            mean = mean + growth
            rows = np.column_stack([rows[:, 0], mean / self.scale, growth / self.scale])
        return mean, variance


def latest_rung(table: Floats) -> NDArray[np.int_]:
    """Return the index of each trial's latest rung, shape (n,); -1 for none."""
    reached = ~np.isnan(table)
    last: NDArray[np.int_] = np.where(reached.any(axis=1), table.shape[1] - 1 - np.argmax(reached[:, ::-1], axis=1), -1)
    return last
