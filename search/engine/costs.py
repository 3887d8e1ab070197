"""Seconds of training: an epoch of a trial, an epoch of a candidate, and what a trial costs beside its epochs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from search.engine.beliefs import TUNED_MAX, TUNED_STEPS, spread_indices
from search.engine.encoding import Encoder
from search.engine.gaussian_process import GaussianProcess
from search.engine.observed import Observed
from search.engine.staircase import Floats

EVEN = 1e-3  # spread of log seconds below which every epoch costs the same
BEFORE = 0.5  # share of a trial's other seconds (build, latency, export, score) that falls before its first epoch
AGAIN = 0.25  # share that a paused trial costs again when it goes on


class Costs:
    """Fitted to the trials' own seconds; without any, an epoch counts as a second."""

    def __init__(self, trials: Sequence[Observed], encoder: Encoder) -> None:
        """Fit to the trials that have trained."""
        self.encoder = encoder
        timed = [t for t in trials if t.seconds and t.seconds[-1] > 0 and t.latency_ms]
        self.overhead_s = float(np.mean([t.overhead_s for t in timed if t.overhead_s] or [0.0]))
        self._timed = timed
        self._log = np.log([t.seconds[-1] / t.epochs[-1] for t in timed])

    def of_trials(self, trials: Sequence[Observed]) -> Floats:
        """Return seconds per epoch of trials that have trained."""
        usual = float(np.exp(self._log.mean())) if len(self._log) else 1.0
        return np.array([t.seconds[-1] / t.epochs[-1] if t.seconds and t.seconds[-1] > 0 else usual for t in trials])

    def of_candidates(self, params: Sequence[Mapping[str, Any]], log_latencies: Floats) -> Floats:
        """Return the expected seconds per epoch of candidates."""
        if len(self._log) < 3 or np.ptp(self._log) < EVEN:
            return np.full(len(params), float(np.exp(self._log.mean())) if len(self._log) else 1.0)
        chosen = spread_indices(len(self._timed), TUNED_MAX)
        there = [self._timed[i] for i in chosen]
        rows = self._rows([t.params for t in there], np.log([t.latency_ms or 1.0 for t in there]))
        categorical = np.append(self.encoder.categorical, False)
        model = GaussianProcess(categorical, linear=len(categorical) - 1)
        model.fit(rows, self._log[chosen], steps=TUNED_STEPS)
        mean, _ = model.predict(self._rows(params, log_latencies))
        return np.exp(np.clip(mean, self._log.min() - 1.0, self._log.max() + 1.0))

    def _rows(self, params: Sequence[Mapping[str, Any]], log_latencies: Floats) -> Floats:
        return np.column_stack([self.encoder.encode(params), log_latencies / np.log(10.0)])
