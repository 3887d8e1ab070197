"""Latencies of a study: what was measured of each architecture, by trials and ahead of them."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from objectives import attributes as keys
from objectives.gate import Gate
from objectives.records import Latency
from search.engine.latencies import LatencyBook, Params

if TYPE_CHECKING:
    import optuna

ARCHITECTURE = ("backbone", "neck", "head", "size", "prune", "deploy")  # groups that latency depends on


def architecture_key(params: Mapping[str, Any]) -> str:
    """Return sixteen hexadecimal digits that name what is deployed: two trainings of one detector share them."""
    deployed = {name: value for name, value in params.items() if name.split(".")[0] in ARCHITECTURE}
    return hashlib.sha256(json.dumps(deployed, sort_keys=True).encode()).hexdigest()[:16]


class StudyLatencies(LatencyBook):
    """The measured latencies of a study, kept in its store."""

    def __init__(self, study: "optuna.Study", gate: Gate, measure: Callable[[Params], Latency | None]) -> None:
        """Take the study, the bounds, and what measures a candidate now."""
        self._study, self._gate, self._measure = study, gate, measure

    def records(self) -> dict[str, tuple[Params, Latency]]:
        """Return parameters and measurement by architecture; of a trained network where there is one."""
        found: dict[str, tuple[Params, Latency]] = {}
        for name, kept in self._study.user_attrs.items():
            if name.startswith(keys.MEASURED) and kept["latency"]:
                found[name.removeprefix(keys.MEASURED)] = kept["params"], Latency.from_json(kept["latency"])
        for key in (keys.LATENCY_UNTRAINED, keys.LATENCY):
            for trial in self._study.get_trials(deepcopy=False):
                if record := trial.user_attrs.get(key):
                    found[architecture_key(trial.params)] = trial.params, Latency.from_json(record)
        return found

    def untrained(self, params: Params) -> Latency | None:
        """Return the measurement of a candidate's architecture before training."""
        key = architecture_key(params)
        kept = self._study.user_attrs.get(keys.MEASURED + key)
        if kept and kept["latency"]:
            return Latency.from_json(kept["latency"])
        for trial in self._study.get_trials(deepcopy=False):
            record = trial.user_attrs.get(keys.LATENCY_UNTRAINED)
            if record and architecture_key(trial.params) == key:
                return Latency.from_json(record)
        return None

    def lookup(self) -> Callable[[Params], float | None]:
        """Return what gives p50 in ms; infinite for an architecture that could not be built or measured."""
        p50_ms = dict.fromkeys(self._refused(), math.inf)
        p50_ms |= {key: record.p50_ms for key, (_, record) in self.records().items()}
        return lambda params: p50_ms.get(architecture_key(params))

    def _refused(self) -> Iterator[str]:
        """Yield the architectures that failed before training."""
        for name, kept in self._study.user_attrs.items():
            if name.startswith(keys.MEASURED) and not kept["latency"]:
                yield name.removeprefix(keys.MEASURED)
        for trial in self._study.get_trials(deepcopy=False):
            if (trial.user_attrs.get(keys.ENDING) or {}).get("error_class") == "not buildable":
                yield architecture_key(trial.params)

    def figures(self) -> Sequence[tuple[Params, float]]:
        """Return parameters and p50 of the architectures that were measured ahead and that no trial has."""
        trials = self._study.get_trials(deepcopy=False)
        known = {architecture_key(trial.params) for trial in trials if keys.LATENCY_UNTRAINED in trial.user_attrs}
        return [(params, record.p50_ms) for key, (params, record) in self.records().items() if key not in known]

    def bound_ms(self) -> float | None:
        """Return the bound of p50: the gate's own, or its p95 bound by the usual ratio of the two."""
        bounds = [] if self._gate.p50_ms_max is None else [self._gate.p50_ms_max]
        if self._gate.p95_ms_max is not None:
            ratios = [record.p95_ms / record.p50_ms for _, record in self.records().values()]
            bounds.append(self._gate.p95_ms_max / (median(ratios) if ratios else 1.0))
        return min(bounds, default=None)

    def measure(self, params: Params) -> float | None:
        """Measure a candidate now and keep the figure; one whose architecture was measured already is not.

        One that cannot be built or measured is kept as infinitely slow.
        """
        known = self.lookup()(params)
        if known is not None:
            return known
        began = time.perf_counter()
        record = self._measure(params)
        latency = record.to_json() if record else None
        kept = {"params": dict(params), "latency": latency, "seconds": time.perf_counter() - began}
        self._study.set_user_attr(keys.MEASURED + architecture_key(params), kept)
        return record.p50_ms if record else math.inf

    def spent_s(self) -> float:
        """Return the seconds that measuring ahead of trials has taken."""
        kept = (record for name, record in self._study.user_attrs.items() if name.startswith(keys.MEASURED))
        return sum(float(record.get("seconds", 0.0)) for record in kept)
