"""Seconds of training: an epoch of a trial, an epoch of a candidate, and what a trial costs beside its epochs."""

from collections.abc import Mapping, Sequence

import numpy as np

from objectives.records.trial_record import Phase
from search.engine.digest import MODELLED_MAX, TUNED_MAX, Digest, spread
from search.engine.encoding import Encoder
from search.engine.models.gaussian_process import GaussianProcess
from search.engine.models.machines import log_factors
from search.engine.observed import Observed
from search.engine.staircase import Floats

EVEN = 1e-3  # spread of log seconds below which every epoch costs the same
BEFORE = 0.5  # share of a trial's other seconds (build, latency, export, score) that falls before its first epoch
AGAIN = 0.25  # share that a paused trial costs again when it goes on


class Costs:
    """Fitted to the trials' own seconds; without any, an epoch counts as a second.

    In a study of machines of several kinds, seconds are those of the machine that asks.
    """

    def __init__(self, study: Digest, encoder: Encoder, machine: str = "") -> None:
        """Fit to the trials that have trained, and to their machines; `machine` is the kind of the one that asks."""
        self.encoder = encoder
        self._study = study
        self._timed = study.pick(study.scattered(study.timed, MODELLED_MAX))
        self.overhead_s = float(np.mean([t.overhead_s for t in self._timed if t.overhead_s] or [0.0]))
        self._machine, self._factors = machine, self._learnt_factors()
        self._log = self._log_epoch_s(self._timed)
        self._model: GaussianProcess | None = None

    @property
    def known(self) -> bool:
        """Whether any training was timed."""
        return bool(len(self._log))

    def of_trials(self, trials: Sequence[Observed]) -> Floats:
        """Return seconds per epoch of trials that have trained."""
        usual = float(np.exp(self._log.mean())) if self.known else 1.0
        seen = [t.seconds[-1] / t.epochs[-1] if t.seconds and t.seconds[-1] > 0 else usual for t in trials]
        return np.array(seen) if not self._factors else np.array(seen) * np.exp(self._to_here(trials))

    def of_candidates(self, rows: Floats, log_latencies: Floats) -> Floats:
        """Return the expected seconds per epoch of candidates, encoded as rows (n, d)."""
        return self.foretold(rows, log_latencies)[0]

    def foretold(self, rows: Floats, log_latencies: Floats) -> tuple[Floats, Floats]:
        """Return the expected seconds per epoch of candidates, and the standard deviation of their logarithm."""
        if len(self._log) < 3 or np.ptp(self._log) < EVEN:
            epoch_s = float(np.exp(self._log.mean())) if self.known else 1.0
            return np.full(len(rows), epoch_s), np.full(len(rows), float(np.std(self._log)) if self.known else 0.0)
        if self._model is None:
            self._model = self._fit()
        mean, sd = self._model.predict(_placed(rows, log_latencies))
        return np.exp(np.clip(mean, self._log.min() - 1.0, self._log.max() + 1.0)), sd

    def _fit(self) -> GaussianProcess:
        categorical = np.append(self.encoder.categorical, False)
        model = GaussianProcess(categorical, linear=len(categorical) - 1)
        study = self._study
        settled = study.for_tuning(np.intersect1d(study.finished, study.timed, assume_unique=True))
        chosen = study.pick(spread(study.timed, TUNED_MAX) if settled is None else settled)
        model.fit(self._rows(chosen), self._log_epoch_s(chosen))
        return model

    def _log_epoch_s(self, trials: Sequence[Observed]) -> Floats:
        """Return the logarithm of the seconds per epoch of trials, as they would be on the machine that asks."""
        seen = _as_timed(trials)
        return seen + self._to_here(trials) if self._factors else seen

    def _to_here(self, trials: Sequence[Observed]) -> Floats:
        """Return what is added to the logarithm of trials' seconds; 0 where the machine was not recorded."""
        here = self._factors.get(self._machine, 0.0)
        return np.array([here - self._factors[t.machine] if t.machine in self._factors else 0.0 for t in trials])

    def _learnt_factors(self) -> Mapping[str, float]:
        """Return by kind of machine the logarithm of how much longer it trains; nothing in a study of one kind."""
        # Where a trial runs is stored when it pauses or ends.
        ended = [t for t in self._timed if t.machine or t.phase is not Phase.RUNNING]
        if len({t.machine for t in ended if t.machine}) < 2:
            return {}
        rows, logs = self.encoder.encode([t.params for t in ended]), np.array([t.log_latency for t in ended])
        return log_factors([t.machine for t in ended], _as_timed(ended), rows, logs, self.encoder.categorical)

    def _rows(self, trials: Sequence[Observed]) -> Floats:
        return _placed(self.encoder.encode([t.params for t in trials]), np.array([t.log_latency for t in trials]))


def _placed(rows: Floats, log_latencies: Floats) -> Floats:
    return np.column_stack([rows, log_latencies / np.log(10.0)])


def _as_timed(trials: Sequence[Observed]) -> Floats:
    return np.log([t.seconds[-1] / t.epochs[-1] for t in trials])
