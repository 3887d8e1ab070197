"""Latency before training: the measured figure where there is one, else the prediction of a model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.records.even_sample import even_indices
from search.engine.candidates import Params
from search.engine.digest import LOG_LATENCY, MODELLED_MAX, TUNED_MAX, Digest
from search.engine.encoding import Encoder
from search.engine.models.gaussian_process import GaussianProcess
from search.engine.observed import Observed, key_of
from search.engine.staircase import Floats

UNKNOWN_SD = 1.0  # of a log latency before any was measured
MEASURED_SD = 0.02  # of a measured one


class LatencyBook:
    """Latencies that are known without training; the base class knows only the latencies of the trials."""

    def refresh(self, trials: Sequence[Observed]) -> None:
        """Take the study's trials, by number; all answers until the next call are as of these trials."""

    def lookup(self) -> Callable[[Params], float | None]:
        """Return what gives the measured latency of a candidate in ms.

        The latency is None if the candidate was not measured, infinite if it cannot be built.
        """
        return lambda params: None

    def figures(self) -> Sequence[tuple[Params, float]]:
        """Return what was measured outside trials: parameters and ms."""
        return ()

    def odds(self, params: Params) -> float:
        """Return the odds that a candidate can be measured: 1 unless that failed for a reason that may pass."""
        return 1.0

    def bound_ms(self) -> float | None:
        """Return the latency that no candidate may exceed; None for none."""
        return None

    def measure(self, params: Params) -> float | None:
        """Measure a candidate now, in ms; None where that cannot be done (the trial will)."""
        return None


class NoBook(LatencyBook):
    """Nothing but the trials' own latencies."""


class FunctionBook(LatencyBook):
    """A function that knows latencies without a measurement: a table, a vendor's figures."""

    def __init__(self, latency_ms: Callable[[Params], float | None]) -> None:
        self._latency_ms = latency_ms

    def lookup(self) -> Callable[[Params], float | None]:
        """Return the function."""
        return self._latency_ms


@dataclass(frozen=True)
class LatencyView:
    """Latencies of a pool.

    Attributes:
        log: logarithm of the latency in ms, measured or expected, shape (n,).
        sd: standard deviation of the logarithm, 0 where it was measured.
    """

    log: Floats
    sd: Floats

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether each latency was measured, shape (n,)."""
        return np.asarray(self.sd == 0.0, dtype=bool)


class LatencyModel:
    """Log latency over the parameters, fitted to every measured figure of the study."""

    def __init__(self, study: Digest, book: LatencyBook, encoder: Encoder) -> None:
        """Take the measured figures; the model itself is fitted when first needed."""
        self.encoder = encoder
        self._study = study
        self._ahead = list(book.figures())
        self._lookup = book.lookup()
        self._ahead_ms = {key_of(params): ms for params, ms in self._ahead}
        self._model: GaussianProcess | None = None

    def view(self, params: Sequence[Params], rows: Floats) -> LatencyView:
        """Return the latencies of a pool, given encoded as rows (n, d), too."""
        known = [self._known(p) for p in params]
        log = np.array([np.nan if ms is None else math.log(ms) for ms in known])
        sd = np.zeros(len(params))
        unknown = np.isnan(log)
        if unknown.any():
            log[unknown], sd[unknown] = self._expected(rows[unknown])
        return LatencyView(log, sd)

    def _known(self, params: Params) -> float | None:
        ms = self._lookup(params)
        if ms is not None:
            return ms
        key = key_of(params)
        return self._ahead_ms.get(key) or self._study.known_ms.get(key, (0, None))[1]

    def _expected(self, rows: Floats) -> tuple[Floats, Floats]:
        known = self._study.column(LOG_LATENCY, self._study.measured[:2])
        some = [*known, *(math.log(ms) for _, ms in self._ahead[:2])]
        if len(some) < 2:
            level = some[0] if some else 0.0
            return np.full(len(rows), level), np.full(len(rows), UNKNOWN_SD)
        if self._model is None:
            self._model = self._fit()
        return self._model.predict(rows)

    def _fit(self) -> GaussianProcess:
        ahead = [self._ahead[i] for i in even_indices(len(self._ahead), MODELLED_MAX // 2)] if self._ahead else []
        study = self._study
        trials = study.pick(study.scattered(study.measured, MODELLED_MAX - len(ahead)))
        rows = self.encoder.encode([t.params for t in trials] + [params for params, _ in ahead])
        targets = np.array([t.log_latency for t in trials] + [math.log(ms) for _, ms in ahead])
        errors = np.full(len(rows), MEASURED_SD)
        model = GaussianProcess(self.encoder.categorical)
        settled = study.for_tuning(study.measured)
        if settled is None:
            tuned = even_indices(len(rows), TUNED_MAX)
            model.tune(rows[tuned], targets[tuned], errors[tuned])
        else:
            there = self.encoder.encode([t.params for t in study.pick(settled)])
            model.tune(there, study.column(LOG_LATENCY, settled), errors[: len(there)])
        model.fit(rows, targets, errors, steps=0)
        return model
