"""Latencies of a study: what was measured of each architecture, by trials and ahead of them."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.records.bounds.figures import Figures
from objectives.records.failures import OF_ARCHITECTURE, Failure
from objectives.records.gate import Gate
from objectives.records.records import Ending, Latency
from objectives.records.study_parts.parts import MeasuredRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord
from search.engine.candidates import Params
from search.engine.models.latencies import LatencyBook
from search.engine.observed import Key, Observed, key_of, observe
from search.engine.steering import OnDevices, WorstDevice
from spaces.dimension import Value
from spaces.vocabulary import is_deployed

if TYPE_CHECKING:
    import optuna

ELASTIC = "train.elastic"
DOUBTED = 0.25  # odds of a candidate whose measurement failed for a reason that may pass

Measure = Callable[[Params], Latency | OnDevices | Ending | None]


def architecture_key(params: Mapping[str, Any]) -> str:
    """Return sixteen hexadecimal digits that name what is deployed: two trainings of one detector share them."""
    deployed = _deployed_part(params)
    return hashlib.sha256(json.dumps(deployed, sort_keys=True).encode()).hexdigest()[:16]


class StudyLatencies(LatencyBook):
    """The measured latencies of a study, kept in the study's store.

    What was measured ahead is read from the store once, and again before every measurement: other processes measure
    too. Trials are taken as the engine sees them; an ended one is looked at once.
    """

    def __init__(
        self,
        study: "optuna.Study",
        gate: Gate,
        measure: Measure,
        fixed: Mapping[str, Value] | None = None,
        worst: WorstDevice | None = None,
    ) -> None:
        """Take the study and how it measures.

        Args:
            study: the store.
            gate: the bounds.
            measure: measures a candidate now: its latency, or how that failed; None if it cannot be built.
            fixed: dimensions of the space that have a single value, which parameters lack.
            worst: by which of several devices the engine steers; None for the first.
        """
        self._study, self._gate, self._measure, self._worst = study, gate, measure, worst
        self._always_elastic = (fixed or {}).get(ELASTIC) is True
        self._seconds: dict[str, float] | None = None  # of each measurement ahead, by the architecture's key
        self._ahead: dict[Key, tuple[Params, float, OnDevices]] = {}  # what was measured, and what the engine goes by
        self._refused: set[Key] = set()  # can never be deployed
        self._doubted: set[Key] = set()
        self._heavy: set[Key] = set()  # break a bound that is none of latency: rate of batches, memory, size
        self._heavy_families: set[Key] = set()  # elastic trainings none of whose children keeps these bounds
        self._tried: set[Key] = set()  # failed in this process, and not measured ahead again by it
        self._ended: dict[int, Key] = {}  # ended trials with a latency that were looked at
        self._untrained: dict[Key, int] = {}  # a trial that has the figure
        self._by_trials: dict[Key, tuple[bool, int, float]] = {}  # whether it was trained, the trial, and p50 in ms
        self._ratios: dict[int | Key, float] = {}  # p95 over p50, by trial or measurement ahead
        self._fresh = False

    def refresh(self, trials: Sequence[Observed]) -> None:
        """Take the study's trials; all figures until the next call are as of these."""
        self._read(again=False)
        self._fresh = True
        for trial in trials:
            if trial.number not in self._ended:
                self._take(trial)

    def lookup(self) -> Callable[[Params], float | None]:
        """Return what gives p50 in ms; infinite for an architecture that can never be deployed."""
        self._look()
        return self._known_ms

    def figures(self) -> Sequence[tuple[Params, float]]:
        """Return parameters and p50 of the architectures that were measured ahead and that no trial has."""
        self._look()
        return [(params, ms) for key, (params, ms, _) in self._ahead.items() if key not in self._untrained]

    def odds(self, params: Params) -> float:
        """Return the odds that a candidate can be measured: 1 unless that failed for a reason that may pass."""
        return DOUBTED if self._doubted and _deployed(params) in self._doubted else 1.0

    def bound_ms(self) -> float | None:
        """Return the bound of p50: the gate's own, its throughput's, or its p95 bound by the usual ratio of the two."""
        if self._worst is not None:
            return self._worst.bound_ms
        most = self._gate.p50_ms_most()
        bounds = [] if most is None else [most]
        if self._gate.p95_ms_max is not None:
            self._look()
            ratio = float(np.median(list(self._ratios.values()))) if self._ratios else 1.0
            bounds.append(self._gate.p95_ms_max / ratio)
        return min(bounds, default=None)

    def untrained(self, params: Params, trials: Sequence[TrialRecord]) -> OnDevices | None:
        """Return what was measured of a candidate's architecture before training, ahead of trials or by one of these.

        Where both have it, the one that has it on more devices.
        """
        self.refresh(observe(self._study, trials))
        key = _deployed(params)
        found = [self._ahead[key][2]] if key in self._ahead else []
        if key in self._untrained:
            trial = trials[self._untrained[key]]
            if trial.latency_untrained is not None:
                found.append(OnDevices(trial.latency_untrained, trial.latencies_untrained))
        return max(found, key=lambda one: len(one.others), default=None)  # of equals the one ahead

    def measure(self, params: Params) -> float | None:
        """Measure a candidate now and keep the figure; one whose architecture was measured already is not.

        Returns:
            p50 in ms; infinite if it can never be deployed; None if it failed for a reason that may pass: this process
            does not measure it ahead again, and it may become a trial all the same, at worse odds.
        """
        self._look()
        self._read(again=True)
        key = _deployed(params)
        known = self._known_ms(params)
        if known is not None or key in self._tried:
            return known
        began = time.perf_counter()
        found = self._measure(params)
        if isinstance(found, Ending) and found.error_class == Failure.DEVICE_AWAY:
            return None  # it says nothing of the candidate, and the board may be back for the next one
        name = architecture_key(params)
        seconds = time.perf_counter() - began + self._read(again=False).get(name, 0.0)
        kept = _measured(params, found, seconds)
        StudyWriter(self._study).measured(name, kept)
        self._keep(name, kept)
        if not isinstance(found, Latency | OnDevices):
            self._tried.add(key)
        return self._known_ms(params)

    def spent_s(self) -> float:
        """Return the seconds that measuring ahead of trials has taken."""
        return sum(self._read(again=True).values())

    def _known_ms(self, params: Params) -> float | None:
        key = _deployed(params)
        if key in (self._heavy_families if self._is_elastic(params) else self._heavy):
            return math.inf
        if key in self._by_trials:
            return self._by_trials[key][2]
        if key in self._ahead:
            return self._ahead[key][1]
        return math.inf if key in self._refused else None

    def _is_elastic(self, params: Params) -> bool:
        """Whether a candidate is an elastic training, which may have lighter children than it is itself."""
        return params.get(ELASTIC, self._always_elastic) is True

    def _look(self) -> None:
        if not self._fresh:
            self.refresh(observe(self._study))

    def _read(self, *, again: bool) -> dict[str, float]:
        """Read what was measured ahead; return its seconds."""
        if self._seconds is None or again:
            self._seconds = self._seconds or {}
            known = None if self._doubted else dict(self._seconds)
            for name, kept in StudyRecord.of(self._study).measured(known):
                self._keep(name, kept)
        return self._seconds

    def _keep(self, name: str, kept: MeasuredRecord) -> None:
        assert self._seconds is not None
        self._seconds[name] = kept.seconds
        key = _deployed(kept.params)
        if kept.latency:
            record = kept.latency
            ms = record.p50_ms if self._worst is None else self._worst.latency_ms(record, kept.latencies)
            if ms is None:  # measured before the study was steered so, or by one that knows fewer devices
                return
            self._ahead[key] = kept.params, ms, OnDevices(record, kept.latencies)
            self._ratios[key] = record.p95_ms / record.p50_ms
            self._doubted.discard(key)
            if self._is_heavy(OnDevices(record, kept.latencies)):
                self._heavy.add(key)
        elif kept.failure in OF_ARCHITECTURE:
            self._refused.add(key)
        else:
            self._doubted.add(key)

    def _is_heavy(self, found: OnDevices) -> bool:
        """Whether a detector breaks a bound that is none of latency, of a device that it is wanted for."""
        broken = [*self._gate.of_first.broken_untrained(Figures.of(found.first))]
        for name, latency in found.others.items() if self._worst is not None else ():
            broken += self._gate.on(name).broken_untrained(Figures.of(latency))
        return any(not judged.bound.quantity.is_of_latency for judged in broken)

    def _take(self, trial: Observed) -> None:
        """Take the figures of a trial; one that has ended never gets more. The baseline is no candidate's detector."""
        if trial.is_baseline:
            return
        key = _deployed(trial.params)
        if trial.phase not in (Phase.RUNNING, Phase.PAUSED):
            self._ended[trial.number] = key
        if trial.failure in OF_ARCHITECTURE:
            self._refused.add(key)
        if trial.latency_ms is None:
            return
        if trial.phase is Phase.OVER_BOUND:
            if self._is_elastic(trial.params) and not (trial.is_child or trial.is_polish):
                self._heavy_families.add(key)  # its fastest child was measured, and breaks a bound, too
            elif not self._gate.broken_untrained(_figures(trial)):
                self._heavy.add(key)  # by what is not known of it here
        self._doubted.discard(key)
        self._untrained.setdefault(key, trial.number)
        figure = trial.is_deployed, trial.number, trial.latency_ms
        self._by_trials[key] = max(figure, self._by_trials.get(key, figure))  # a trained one first, then the latest
        if trial.p95_ms is not None:
            self._ratios[trial.number] = trial.p95_ms / trial.latency_ms


def _figures(trial: Observed) -> Figures:
    return Figures(p50_ms=trial.latency_ms, p95_ms=trial.p95_ms)


def _measured(params: Params, found: Latency | OnDevices | Ending | None, seconds: float) -> MeasuredRecord:
    """Return what is kept of a measurement."""
    if isinstance(found, OnDevices):
        return MeasuredRecord(dict(params), found.first, seconds=seconds, latencies=dict(found.others))
    if isinstance(found, Latency):
        return MeasuredRecord(dict(params), found, seconds=seconds)
    return MeasuredRecord(dict(params), None, found.error_class if found else Failure.NOT_BUILDABLE, seconds)


def _deployed(params: Mapping[str, Any]) -> Key:
    """Return what is deployed of a candidate, to be compared with others'."""
    return key_of(_deployed_part(params))


def _deployed_part(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices of a candidate that are deployed; a part that is whole is left out."""
    return {k: v for k, v in params.items() if is_deployed(k) and not (v == 0 and k.startswith("slim."))}
