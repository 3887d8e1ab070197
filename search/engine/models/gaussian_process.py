"""A Gaussian process over mixed, conditional dimensions, with a known noise for each observation.

Matern 5/2 with one length scale a dimension (Rasmussen and Williams 2006, ch. 4), by the most probable
hyperparameters under weak priors. Written on SciPy: scikit-learn's regressor has neither categories nor conditions nor
analytic gradients at this cost, BoTorch and Optuna's own bring torch into the searching process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dtrtri
from scipy.optimize import minimize

from search.engine.models.distances import KnownRows
from search.engine.staircase import Floats

ROOT_FIVE = float(np.sqrt(5.0))
JITTER = 1e-6
TUNED_STEPS = 40  # of the hyperparameters' optimisation
REMEMBERED = 16  # results of `tune` that a process keeps: asked twice with the same observations, the same comes
_tuned: dict[bytes, Floats] = {}

# Priors, on logarithms, as (mean, standard deviation). Inputs lie in [0, 1], targets are standardised.
LENGTH_PRIOR = (0.0, 1.0)
SIGNAL_PRIOR = (0.0, 1.0)
NOISE_PRIOR = (-4.0, 1.5)
LENGTH_BOUNDS, SIGNAL_BOUNDS, NOISE_BOUNDS = (-4.0, 5.0), (-5.0, 4.0), (-9.0, 1.0)

# A process of few observations is surer than it should be. Its standard deviations are widened by the root mean square
# of its leave-one-out errors, as if SCEPTICISM observations had already been SCEPTICAL_ERROR of theirs off (squared).
SCEPTICISM = 20.0
SCEPTICAL_ERROR = 3.0


class GaussianProcess:
    """Fitted anew for each set of observations; hyperparameters may come from fewer observations (`tune`)."""

    def __init__(self, categorical: NDArray[np.bool_], linear: int | None = None) -> None:
        """Take which columns have no order, shape (d,), and the column that a straight line is laid through, if any."""
        self.categorical, self.linear = categorical, linear
        self.log_scales: Floats | None = None
        self._unit = 1.0  # standard deviation that targets were divided by when the hyperparameters were found

    def tune(
        self,
        rows: Floats,
        targets: Floats,
        noise_sd: Floats | None = None,
        steps: int = TUNED_STEPS,
        scale: tuple[float, float] | None = None,
    ) -> None:
        """Find the most probable hyperparameters; the same observations are thought through once a process.

        Args: as of `fit`.
        """
        self._observe(rows, targets, noise_sd, scale)
        start = _start(len(self.categorical)) if self.log_scales is None else self.log_scales
        which = np.array([steps, -1 if self.linear is None else self.linear])
        parts = rows, self._targets, self._own_noise, start, self.categorical, which
        key = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
        if key not in _tuned:
            while len(_tuned) >= REMEMBERED:
                del _tuned[next(iter(_tuned))]
            _tuned[key] = self._most_probable(start, steps)
        self.log_scales, self._unit = _tuned[key], self._scale

    def fit(
        self,
        rows: Floats,
        targets: Floats,
        noise_sd: Floats | None = None,
        steps: int = TUNED_STEPS,
        scale: tuple[float, float] | None = None,
    ) -> None:
        """Fit to observations.

        Args:
            rows: shape (n, d).
            targets: shape (n,).
            noise_sd: standard deviation of each observation's error, shape (n,), beside the common noise.
            steps: of the hyperparameters' optimisation; 0 keeps the hyperparameters of `tune` or of the last fit.
            scale: mean and standard deviation that targets are standardised by; their own where left out.
        """
        if self.log_scales is None or steps:
            self.tune(rows, targets, noise_sd, steps or TUNED_STEPS, scale)
        else:
            self._observe(rows, targets, noise_sd, scale)
            shift = np.zeros_like(self.log_scales)
            shift[-2:] = 2.0 * np.log(self._unit / self._scale)  # signal and noise as they were, in another unit
            self.log_scales, self._unit = self.log_scales + shift, self._scale
        self._condition()

    def predict(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of a new observation at rows (m, d), common noise included."""
        assert self.log_scales is not None
        cross = self._kernel(self._known.left(rows)) + self._linear_part(rows)
        prior = np.exp(self.log_scales[-2]) + self._linear_diagonal(rows)
        explained = dtrmm(1.0, self._whitening, cross.T, lower=1)
        variance = np.maximum(prior - np.einsum("ij,ij->j", explained, explained), 1e-9) + np.exp(self.log_scales[-1])
        return self._mean + self._scale * (cross @ self._weights), self._widened * self._scale * np.sqrt(variance)

    def refined(self) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of what the fitted observations stand for, their own errors taken off."""
        assert self.log_scales is not None
        common = np.exp(self.log_scales[-1]) + JITTER
        cross = self._covariance.copy()
        cross[np.diag_indices_from(cross)] += common
        explained = dtrmm(1.0, self._whitening, cross, lower=1)
        variance = np.diag(cross) - np.einsum("ij,ij->j", explained, explained)
        sd = np.sqrt(np.maximum(variance, 1e-9))
        return self._mean + self._scale * (cross @ self._weights), self._widened * self._scale * sd

    def left_out(self) -> Floats:
        """Return what each observation is expected to be from all others, shape (n,).

        In closed form (Rasmussen and Williams 2006, 5.4.2).
        """
        expected: Floats = self._mean + self._scale * self._left_out
        return expected

    def _observe(
        self, rows: Floats, targets: Floats, noise_sd: Floats | None, scale: tuple[float, float] | None
    ) -> None:
        self._rows = rows
        self._mean, self._scale = scale or (float(np.mean(targets)), max(float(np.std(targets)), 1e-9))
        self._targets = (targets - self._mean) / self._scale
        self._own_noise = np.zeros(len(rows)) if noise_sd is None else (noise_sd / self._scale) ** 2
        self._known = KnownRows.of(rows, self.categorical)
        self._left = self._known.left(rows)
        self._line = self._linear_part(rows)

    def _linear_part(self, rows: Floats) -> Floats | float:
        if self.linear is None:
            return 0.0
        return np.outer(rows[:, self.linear], self._rows[:, self.linear])

    def _linear_diagonal(self, rows: Floats) -> Floats | float:
        return 0.0 if self.linear is None else rows[:, self.linear] ** 2

    def _kernel(self, left: Floats) -> Floats:
        assert self.log_scales is not None
        squared = self._known.scaled(left, np.exp(-2.0 * self.log_scales[:-2]))
        return _matern(squared, self.log_scales[-2])[0]

    def _condition(self) -> None:
        assert self.log_scales is not None
        self._covariance = self._kernel(self._left) + self._line
        noisy = self._covariance.copy()
        noisy[np.diag_indices_from(noisy)] += np.exp(self.log_scales[-1]) + self._own_noise + JITTER
        factor = cho_factor(noisy, lower=True)
        self._weights = cho_solve(factor, self._targets)
        self._whitening = np.tril(dtrtri(factor[0], lower=1)[0])  # its square is the precision
        precision = np.einsum("ij,ij->j", self._whitening, self._whitening)
        self._left_out = self._targets - self._weights / precision
        left_out = self._weights**2 / precision  # squared leave-one-out errors in standard deviations
        doubt = (SCEPTICISM * SCEPTICAL_ERROR + left_out.sum()) / (SCEPTICISM + len(left_out))
        self._widened = max(1.0, float(np.sqrt(doubt)))

    def _most_probable(self, start: Floats, steps: int) -> Floats:
        bounds = [LENGTH_BOUNDS] * len(self.categorical) + [SIGNAL_BOUNDS, NOISE_BOUNDS]
        options = {"maxiter": steps}
        found: Any = minimize(self._loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        scales: Floats = found.x
        return scales

    def _loss(self, log_scales: Floats) -> tuple[float, Floats]:
        """Return the negative log posterior of the hyperparameters and its gradient."""
        n, d = len(self._targets), len(self.categorical)
        inverse_squares = np.exp(-2.0 * log_scales[:-2])
        signal, slope_by_gap = _matern(self._known.scaled(self._left, inverse_squares), log_scales[-2])
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
        gradient[:d] = self._known.by_dimension(self._left, inner * slope_by_gap) * (-2.0 * inverse_squares)
        gradient[d] = np.sum(inner * signal)
        gradient[d + 1] = noise * np.trace(inner)
        prior_mean, prior_sd = _priors(d)
        z = (log_scales - prior_mean) / prior_sd
        return float(loss + 0.5 * z @ z), gradient + z / prior_sd


def _matern(squared: Floats, log_signal: float) -> tuple[Floats, Floats]:
    """Return covariance, and its derivative by the scaled squared distance."""
    distance = ROOT_FIVE * np.sqrt(squared + 1e-12)
    decay = np.exp(log_signal - distance)
    linear = 1.0 + distance
    return decay * (linear + 5.0 / 3.0 * squared), -5.0 / 6.0 * decay * linear


def _start(dimensions: int) -> Floats:
    return np.concatenate([np.full(dimensions, LENGTH_PRIOR[0]), [SIGNAL_PRIOR[0], NOISE_PRIOR[0]]])


def _priors(dimensions: int) -> tuple[Floats, Floats]:
    pairs = np.array([LENGTH_PRIOR] * dimensions + [SIGNAL_PRIOR, NOISE_PRIOR])
    return pairs[:, 0], pairs[:, 1]
