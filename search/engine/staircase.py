"""Today's front as a staircase, and the gain of hypervolume that a belief about a candidate promises."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from objectives.records.front import area_under, front_indices

Floats = NDArray[np.float64]

_ROOT_TWO_PI = np.sqrt(2.0 * np.pi)

# Gauss-Hermite for N(0, 1): nodes in standard deviations, and their weights.
NODES = ((-np.sqrt(3.0), 1.0 / 6.0), (0.0, 2.0 / 3.0), (np.sqrt(3.0), 1.0 / 6.0))
CERTAIN = ((0.0, 1.0),)  # for what is not in doubt


@dataclass(frozen=True)
class Staircase:
    """Best accuracy at a latency or less: f(l), a staircase over log latency.

    Attributes:
        edges: log latency where a step begins, rising, shape (k,).
        heights: accuracy of each step, rising, shape (k,).
        reference: accuracy that counts as nothing; a front below it has no volume.
        slowest: log latency that counts as nothing; volume is counted left of it.
    """

    edges: Floats
    heights: Floats
    reference: float
    slowest: float

    @classmethod
    def of(cls, accuracies: Floats, log_latencies: Floats, reference: float, slowest: float) -> Self:
        """Return the front of some points; dominated ones, ties and NaN are left out.

        Args:
            accuracies: shape (n,), up is better.
            log_latencies: shape (n,), down is better.
            reference: accuracy that counts as nothing.
            slowest: log latency that counts as nothing.
        """
        counted = np.flatnonzero((accuracies > reference) & (log_latencies < slowest))  # no NaN is
        front = counted[front_indices(accuracies[counted], log_latencies[counted])]
        return cls(log_latencies[front], accuracies[front], reference, slowest)

    @property
    def hypervolume(self) -> float:
        """Area under the staircase, above the reference and left of the slowest latency."""
        return area_under(self.edges, self.heights - self.reference, self.slowest)

    def share(self, gain: Floats | float) -> Floats:
        """Return a gain as a share of the hypervolume that there would be with it, 0 to 1."""
        gains = np.asarray(gain, dtype=float)
        whole = self.hypervolume + gains
        shares: Floats = np.divide(gains, whole, out=np.zeros_like(gains), where=whole > 0)
        return shares

    def expected_gain(self, mean: Floats, sd: Floats, log_latencies: Floats) -> Floats:
        """Return the expected gain of hypervolume of candidates of known latency.

        In closed form: the sum over the steps right of the candidate's latency of the step's width times the expected
        improvement over its height, EI = sd (z Phi(z) + phi(z)) with z = (mean - height) / sd.

        Args:
            mean: expected accuracy, shape (n,) or (n, k) for k beliefs about each candidate.
            sd: standard deviation of that belief, above 0, same shape.
            log_latencies: shape (n,).

        Returns:
            Gains of 0 or more, of the shape of `mean`.
        """
        begins = np.concatenate([[-np.inf], self.edges])
        ends = np.concatenate([self.edges, [self.slowest]])
        heights = np.concatenate([[self.reference], self.heights])
        widths = np.maximum(ends - np.maximum(begins, log_latencies[:, None]), 0.0)  # (n, steps)
        if mean.ndim == 2:
            widths = widths[:, None, :]
        gains: Floats = np.sum(widths * expected_improvement(mean[..., None], sd[..., None], heights), axis=-1)
        return gains


def expected_improvement(mean: Floats, sd: Floats, height: Floats) -> Floats:
    """Return E[max(0, Y - height)] for Y ~ N(mean, sd^2); shapes broadcast."""
    z = (mean - height) / sd
    improvement: Floats = sd * (z * ndtr(z) + np.exp(-0.5 * z * z) / _ROOT_TWO_PI)
    return np.maximum(improvement, 0.0)
