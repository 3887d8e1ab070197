"""Whether a candidate fits this machine: learnt from the trials that ran out of memory or of time."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from search.engine.digest import EPOCH, LOG_LATENCY, Digest, Indices
from search.engine.encoding import Column, Encoder
from search.engine.observed import Observed
from search.engine.staircase import Floats
from spaces.vocabulary import decides_load

EACH_MAX = 200  # trials that fitted, and that did not, which are looked at
# Priors of the weights, on log-odds: nearly all fits; a load's whole range, a category and a decade of latency matter.
START, START_SD, LOAD_SD, CATEGORY_SD, LATENCY_SD = 3.0, 2.0, 8.0, 2.0, 6.0


class Fits:
    """A logistic regression; more of a load never makes it likelier that a candidate fits."""

    def __init__(self, study: Digest, encoder: Encoder, gpu_memory_mb: int = 0) -> None:
        """Fit to trials that were too large and to trials that trained; if none was too large, all candidates fit.

        Args:
            study: the trials.
            encoder: of their parameters.
            gpu_memory_mb: of the machine that asks: what was too large for a smaller GPU alone, and what trained in the
                end, is none that was too large. 0 on a processor, and where that is not known: all count.
        """
        self.encoder = encoder
        self._weights: Floats | None = None
        all_outgrown, all_trained = _here(study, gpu_memory_mb)
        outgrown = study.pick(study.scattered(all_outgrown, EACH_MAX))
        if not outgrown:
            return
        trained = study.pick(study.scattered(all_trained, EACH_MAX))
        names = [column.name for column in encoder.columns]
        ours = [decides_load(name) for name in names]
        self._chosen = [(j, c) for j, c in enumerate(encoder.columns) if decides_load(c.name) or not any(ours)]
        self._bounded = any(ours)
        self._usual_log = float(np.max(study.column(LOG_LATENCY, study.measured), initial=0.0))
        features = np.vstack([self._of_trials(outgrown), self._of_trials(trained)])
        signs = np.concatenate([-np.ones(len(outgrown)), np.ones(len(trained))])
        each = np.concatenate([_shares(all_outgrown, len(outgrown)), _shares(all_trained, len(trained))])
        self._weights = self._fit(features, signs, each)

    def odds(self, rows: Floats, log_latencies: Floats) -> Floats:
        """Return the probability that candidates fit, encoded as rows (n, d)."""
        if self._weights is None:
            return np.ones(len(rows))
        probability: Floats = expit(self._features(rows, log_latencies) @ self._weights)
        return probability

    def _of_trials(self, trials: Sequence[Observed]) -> Floats:
        logs = np.array([t.log_latency for t in trials])
        return self._features(self.encoder.encode([t.params for t in trials]), logs)

    def _features(self, rows: Floats, log_latencies: Floats) -> Floats:
        known = np.where(np.isnan(log_latencies), self._usual_log, log_latencies)
        parts = [np.ones(len(rows)), (known - self._usual_log) / np.log(10.0)]
        for j, column in self._chosen:
            values = rows[:, j]
            parts += [(values == code).astype(float) for code in _codes(column)] or [np.nan_to_num(values)]
        return np.column_stack(parts)

    def _priors(self) -> tuple[Floats, list[tuple[float | None, float | None]]]:
        sd = [START_SD, LATENCY_SD]
        bounds: list[tuple[float | None, float | None]] = [(None, None), (None, 0.0)]
        for _, column in self._chosen:
            codes = _codes(column)
            sd += [CATEGORY_SD] * len(codes) or [LOAD_SD]
            bounds += [(None, None)] * len(codes) or [(None, 0.0 if self._bounded else None)]
        return np.array(sd), bounds

    def _fit(self, features: Floats, signs: Floats, each: Floats) -> Floats:
        sd, bounds = self._priors()
        centre = np.where(np.arange(len(sd)) == 0, START, 0.0)

        def loss(weights: Floats) -> tuple[float, Floats]:
            margins = signs * (features @ weights)
            z = (weights - centre) / sd
            value = float(each @ np.logaddexp(0.0, -margins) + 0.5 * z @ z)
            return value, features.T @ (-each * signs * expit(-margins)) + z / sd

        found: Floats = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds).x
        return found


def _here(study: Digest, gpu_memory_mb: int) -> tuple[Indices, Indices]:
    """Return the trials that were too large for a machine, and those that trained and were not."""
    sizes = np.array([t.outgrew_gpu_mb for t in study.pick(study.outgrown)], dtype=int)
    elsewhere = study.outgrown[(sizes > 0) & (sizes < gpu_memory_mb)]
    if not len(elsewhere):
        return study.outgrown, study.trained
    fitted = elsewhere[study.column(EPOCH, elsewhere) > 0]
    return np.setdiff1d(study.outgrown, elsewhere), np.union1d(study.trained, fitted)


def _shares(of: Indices, looked_at: int) -> Floats:
    """Return for how many trials each trial of the sample stands, shape (looked_at,)."""
    return np.full(looked_at, len(of) / max(looked_at, 1))


def _codes(column: Column) -> range:
    return range(len(column.codes or ()))
