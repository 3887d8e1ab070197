"""Latency before training: measured where it was, else foretold by a model of the measured figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.engine.beliefs import TUNED_MAX, TUNED_STEPS, spread_indices
from search.engine.encoding import Encoder
from search.engine.gaussian_process import GaussianProcess
from search.engine.observed import Observed
from search.engine.staircase import Floats

Params = Mapping[str, Any]

UNKNOWN_SD = 1.0  # of a log latency before any was measured
MEASURED_SD = 0.02  # of a measured one


class LatencyBook:
    """Latencies that are known without training; the base class knows none beyond those of the trials."""

    def lookup(self) -> Callable[[Params], float | None]:
        """Return what gives the measured latency of a candidate in ms.

        None if it was not measured, infinite if it cannot be built.
        """
        return lambda params: None

    def figures(self) -> Sequence[tuple[Params, float]]:
        """Return what was measured outside trials: parameters and ms."""
        return ()

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
        """Which were measured."""
        return np.asarray(self.sd == 0.0, dtype=bool)


class LatencyModel:
    """Log latency over the parameters, fitted to every measured figure of the study."""

    def __init__(self, trials: Sequence[Observed], book: LatencyBook, encoder: Encoder) -> None:
        """Take what is measured; the model itself is fitted only if it is needed."""
        self.encoder = encoder
        self.figures = [(t.params, t.latency_ms) for t in trials if t.latency_ms is not None] + list(book.figures())
        self._lookup = book.lookup()
        self._measured = {_key(params): ms for params, ms in self.figures}
        self._model: GaussianProcess | None = None

    def view(self, params: Sequence[Params]) -> LatencyView:
        """Return the latencies of a pool."""
        known = [self._known(p) for p in params]
        log = np.array([np.nan if ms is None else np.log(ms) for ms in known])
        sd = np.zeros(len(params))
        unknown = np.isnan(log)
        if unknown.any():
            log[unknown], sd[unknown] = self._expected([p for p, ms in zip(params, known, strict=True) if ms is None])
        return LatencyView(log, sd)

    def _known(self, params: Params) -> float | None:
        ms = self._lookup(params)
        return self._measured.get(_key(params)) if ms is None else ms

    def _expected(self, params: Sequence[Params]) -> tuple[Floats, Floats]:
        if len(self.figures) < 2:
            level = float(np.log(self.figures[0][1])) if self.figures else 0.0
            return np.full(len(params), level), np.full(len(params), UNKNOWN_SD)
        if self._model is None:
            self._model = self._fit()
        return self._model.predict(self.encoder.encode(params))

    def _fit(self) -> GaussianProcess:
        rows = self.encoder.encode([params for params, _ in self.figures])
        targets = np.log([ms for _, ms in self.figures])
        errors = np.full(len(rows), MEASURED_SD)
        model = GaussianProcess(self.encoder.categorical)
        tuned = spread_indices(len(rows), TUNED_MAX)
        model.fit(rows[tuned], targets[tuned], errors[tuned], TUNED_STEPS)
        model.fit(rows, targets, errors, steps=0)
        return model


def _key(params: Params) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(params.items()))
