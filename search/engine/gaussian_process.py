"""A Gaussian process over mixed, conditional dimensions, with a known noise for each observation.

Matern 5/2 with one length scale a dimension (Rasmussen and Williams 2006, ch. 4), by the most probable
hyperparameters under weak priors. Written on SciPy: scikit-learn's regressor has neither categories nor conditions nor
analytic gradients at this cost, BoTorch and Optuna's own bring torch into the searching process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from search.engine.staircase import Floats

ROOT_FIVE = float(np.sqrt(5.0))
ABSENT_DISTANCE = 0.25  # squared distance between a dimension that exists and one that does not
JITTER = 1e-6

# Priors, on logarithms, as (mean, standard deviation). Inputs lie in [0, 1], targets are standardised.
LENGTH_PRIOR = (0.0, 1.0)
SIGNAL_PRIOR = (0.0, 1.0)
NOISE_PRIOR = (-4.0, 1.5)
LENGTH_BOUNDS, SIGNAL_BOUNDS, NOISE_BOUNDS = (-4.0, 5.0), (-5.0, 4.0), (-9.0, 1.0)

# A process of few observations is surer than it should be. Its standard deviations are widened by the root mean square
# of its leave-one-out errors, as if SCEPTICISM observations had already been SCEPTICAL_ERROR of theirs off (squared).
SCEPTICISM = 20.0
SCEPTICAL_ERROR = 3.0


def squared_distances(a: Floats, b: Floats, categorical: NDArray[np.bool_]) -> Floats:
    """Return squared distances by dimension, shape (d, n, m), of rows (n, d) and (m, d).

    Categories are 1 apart; a dimension that exists for neither is no distance.
    """
    out = np.empty((a.shape[1], len(a), len(b)))
    for j in range(a.shape[1]):
        left, right = a[:, j][:, None], b[:, j][None, :]
        gap = (left != right).astype(float) if categorical[j] else (left - right) ** 2
        absent_left, absent_right = np.isnan(left), np.isnan(right)
        gap = np.where(absent_left | absent_right, ABSENT_DISTANCE, gap)
        out[j] = np.where(absent_left & absent_right, 0.0, gap)
    return out


class GaussianProcess:
    """Fitted anew for each set of observations; `log_scales` of an earlier fit make the next one fast."""

    def __init__(self, categorical: NDArray[np.bool_], linear: int | None = None) -> None:
        """Take which columns have no order, shape (d,), and the column that a straight line is laid through, if any."""
        self.categorical, self.linear = categorical, linear
        self.log_scales: Floats | None = None

    def fit(
        self,
        rows: Floats,
        targets: Floats,
        noise_sd: Floats | None = None,
        steps: int = 40,
        scale: tuple[float, float] | None = None,
    ) -> None:
        """Fit to observations.

        Args:
            rows: shape (n, d).
            targets: shape (n,).
            noise_sd: standard deviation of each observation's error, shape (n,), beside the common noise.
            steps: of the hyperparameters' optimisation; 0 keeps those of the last fit.
            scale: mean and standard deviation that targets are standardised by; their own where left out.
        """
        self._rows = rows
        self._mean, self._scale = scale or (float(np.mean(targets)), max(float(np.std(targets)), 1e-9))
        self._targets = (targets - self._mean) / self._scale
        self._own_noise = np.zeros(len(rows)) if noise_sd is None else (noise_sd / self._scale) ** 2
        self._gaps = squared_distances(rows, rows, self.categorical)
        self._line = self._linear_part(rows, rows)
        if self.log_scales is None or steps:
            self.log_scales = self._most_probable(steps or 40)
        self._condition()

    def predict(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of a new observation at rows (m, d), common noise included."""
        assert self.log_scales is not None
        cross = self._kernel(squared_distances(rows, self._rows, self.categorical)) + self._linear_part(
            rows, self._rows
        )
        prior = np.exp(self.log_scales[-2]) + self._linear_diagonal(rows)
        explained = solve_triangular(self._factor[0], cross.T, lower=True)
        variance = np.maximum(prior - np.sum(explained**2, axis=0), 1e-9) + np.exp(self.log_scales[-1])
        return self._mean + self._scale * (cross @ self._weights), self._widened * self._scale * np.sqrt(variance)

    def refined(self) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of what the fitted observations stand for, their own errors taken off."""
        assert self.log_scales is not None
        common = np.exp(self.log_scales[-1]) + JITTER
        cross = self._kernel(self._gaps) + self._line + common * np.eye(len(self._rows))
        variance = np.diag(cross) - np.sum(cross * cho_solve(self._factor, cross), axis=0)
        sd = np.sqrt(np.maximum(variance, 1e-9))
        return self._mean + self._scale * (cross @ self._weights), self._widened * self._scale * sd

    def _linear_part(self, a: Floats, b: Floats) -> Floats:
        if self.linear is None:
            return np.zeros((len(a), len(b)))
        return np.outer(a[:, self.linear], b[:, self.linear])

    def _linear_diagonal(self, rows: Floats) -> Floats:
        return np.zeros(len(rows)) if self.linear is None else rows[:, self.linear] ** 2

    def _kernel(self, gaps: Floats) -> Floats:
        assert self.log_scales is not None
        covariance, _, _ = _matern(gaps, self.log_scales)
        return covariance

    def _condition(self) -> None:
        assert self.log_scales is not None
        covariance = self._kernel(self._gaps) + self._line
        covariance[np.diag_indices_from(covariance)] += np.exp(self.log_scales[-1]) + self._own_noise + JITTER
        self._factor = cho_factor(covariance, lower=True)
        self._weights = cho_solve(self._factor, self._targets)
        precision = np.diag(cho_solve(self._factor, np.eye(len(self._targets))))
        left_out = self._weights**2 / precision  # squared leave-one-out errors in standard deviations
        doubt = (SCEPTICISM * SCEPTICAL_ERROR + left_out.sum()) / (SCEPTICISM + len(left_out))
        self._widened = max(1.0, float(np.sqrt(doubt)))

    def _most_probable(self, steps: int) -> Floats:
        d = len(self.categorical)
        start = np.concatenate([np.full(d, LENGTH_PRIOR[0]), [SIGNAL_PRIOR[0], NOISE_PRIOR[0]]])
        bounds = [LENGTH_BOUNDS] * d + [SIGNAL_BOUNDS, NOISE_BOUNDS]
        found: Any = minimize(
            self._loss,
            start if self.log_scales is None else self.log_scales,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": steps},
        )
        scales: Floats = found.x
        return scales

    def _loss(self, log_scales: Floats) -> tuple[float, Floats]:
        """Return the negative log posterior of the hyperparameters and its gradient."""
        n, d = len(self._targets), len(self.categorical)
        signal, slope_by_gap, inverse_squares = _matern(self._gaps, log_scales)
        noise = np.exp(log_scales[-1])
        covariance = signal + self._line
        covariance[np.diag_indices(n)] += noise + self._own_noise + JITTER
        try:
            factor = cho_factor(covariance, lower=True)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(log_scales)
        weights = cho_solve(factor, self._targets)
        inner = 0.5 * (cho_solve(factor, np.eye(n)) - np.outer(weights, weights))
        loss = 0.5 * self._targets @ weights + np.log(np.diag(factor[0])).sum()
        gradient = np.empty_like(log_scales)
        gradient[:d] = np.tensordot(self._gaps, inner * slope_by_gap, ((1, 2), (0, 1))) * (-2.0 * inverse_squares)
        gradient[d] = np.sum(inner * signal)
        gradient[d + 1] = noise * np.trace(inner)
        prior_mean, prior_sd = _priors(d)
        z = (log_scales - prior_mean) / prior_sd
        return float(loss + 0.5 * z @ z), gradient + z / prior_sd


def _matern(gaps: Floats, log_scales: Floats) -> tuple[Floats, Floats, Floats]:
    """Return covariance, its derivative by the scaled squared distance, and 1 / length^2 by dimension."""
    inverse_squares = np.exp(-2.0 * log_scales[:-2])
    squared = np.tensordot(inverse_squares, gaps, 1)
    distance = np.sqrt(squared + 1e-12)
    decay = np.exp(log_scales[-2] - ROOT_FIVE * distance)
    covariance = decay * (1.0 + ROOT_FIVE * distance + 5.0 / 3.0 * squared)
    return covariance, -5.0 / 6.0 * decay * (1.0 + ROOT_FIVE * distance), inverse_squares


def _priors(dimensions: int) -> tuple[Floats, Floats]:
    pairs = np.array([LENGTH_PRIOR] * dimensions + [SIGNAL_PRIOR, NOISE_PRIOR])
    return pairs[:, 0], pairs[:, 1]
