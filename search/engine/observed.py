"""What the engine knows of a study: its trials as plain data, read from the store alone."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from objectives.records import attributes as keys
from objectives.records.failures import OF_SIZE
from objectives.records.records import Outcome
from spaces.dimension import Value

if TYPE_CHECKING:
    import optuna


Key = frozenset[tuple[str, Value]]

_ended: "WeakKeyDictionary[optuna.Study, dict[int, Observed]]" = WeakKeyDictionary()  # ended trials never change


class Phase(StrEnum):
    """Where a trial stands."""

    RUNNING = "running"
    PAUSED = "paused"  # keeps its checkpoint; may go on
    STOPPED = "stopped"  # never goes on
    FINISHED = "finished"
    OVER_BOUND = "over bound"  # breaks a hard gate: never trained
    FAILED = "failed"


@dataclass(frozen=True)
class Observed:
    """One trial.

    Attributes:
        number: the trial's, from 0.
        params: its dimensions, those alone that exist for it.
        latency_ms: measured latency, p50; None if it was not measured.
        epochs: epochs that were evaluated, rising.
        accuracies: accuracy (mAP) at each of them, in the order of `epochs`.
        seconds: seconds of training until each of them.
        final: accuracy of the finished trial, as scored; None before its end.
        phase: where it stands.
        overhead_s: seconds that it took beside its epochs (build, latency, export, score), as far as known.
        failure: class of the failure that it ended with, one of `objectives.records.failures.Failure`, else empty.
        p95_ms: 95th percentile of the same measurement as `latency_ms`; None if it is not known.
        is_deployed: whether these are of the trained, exported file; else they were measured before training.
        outgrew: whether it, or an attempt at it, was too large for this machine (memory, time).

    What is derived from these is worked out once: most trials of a long study never change any more.
    """

    number: int
    params: Mapping[str, Value]
    latency_ms: float | None
    epochs: tuple[int, ...]
    accuracies: tuple[float, ...]
    seconds: tuple[float, ...]
    final: float | None
    phase: Phase
    overhead_s: float = 0.0
    failure: str = ""
    p95_ms: float | None = None
    is_deployed: bool = False
    outgrew: bool = False

    @property
    def epoch(self) -> int:
        """Epochs trained and evaluated so far."""
        return self.epochs[-1] if self.epochs else 0

    def best_until(self, epoch: int) -> float | None:
        """Return its best accuracy at or before an epoch; None if it did not get there or had none."""
        if self.epoch < epoch:
            return None
        reached = bisect_right(self.epochs, epoch)
        return self._peaks[reached - 1] if reached else None

    @cached_property
    def best(self) -> float | None:
        """Accuracy in the end, or the best so far; None if there is none."""
        return self.final if self.final is not None else self.best_until(self.epoch)

    @cached_property
    def key(self) -> Key:
        """Its parameters, to be compared with others'."""
        return key_of(self.params)

    @cached_property
    def log_latency(self) -> float:
        """Logarithm of the latency in ms; NaN if it was not measured."""
        return math.nan if self.latency_ms is None else math.log(self.latency_ms)

    @cached_property
    def _peaks(self) -> list[float | None]:
        """The best accuracy until each epoch; None before there was any."""
        return list(accumulate(map(_number, self.accuracies), _better))


def key_of(params: Mapping[str, Value]) -> Key:
    """Return what equal parameters have in common."""
    return frozenset(params.items())


def observe(study: "optuna.Study", trials: "Sequence[optuna.trial.FrozenTrial] | None" = None) -> list[Observed]:
    """Return the trials of a study, by number; those that wait in the queue are left out.

    A trial of any Optuna study with two objectives, accuracy first, is understood; what `automl` keeps beside is
    used where it is there: the curve, the latency measured before training, whether the trial is paused.

    Args:
        study: the study.
        trials: its trials, if they were read just now.
    """
    from optuna.trial import TrialState

    known, found = _ended.setdefault(study, {}), []
    for trial in study.get_trials(deepcopy=False) if trials is None else trials:
        seen = known.get(trial.number)
        if seen is None and trial.state is not TrialState.WAITING:
            seen = _observed(trial)
            if trial.state.is_finished():
                known[trial.number] = seen
        if seen is not None:
            found.append(seen)
    return found


def _observed(trial: "optuna.trial.FrozenTrial") -> Observed:
    from optuna.trial import TrialState

    attrs = trial.user_attrs
    rungs = attrs.get(keys.RUNGS, [])
    failure = (attrs.get(keys.ENDING) or {}).get("error_class", "")
    died_of = {failure, *(attempt.get("error_class", "") for attempt in attrs.get(keys.ATTEMPTS, []))}
    values = trial.values if trial.state is TrialState.COMPLETE else None
    record = attrs.get(keys.LATENCY) or attrs.get(keys.LATENCY_UNTRAINED) or {}
    return Observed(
        number=trial.number,
        params=trial.params,
        latency_ms=_positive(record.get("p50_ms", values[1] if values else math.nan)),
        epochs=tuple(int(rung["epoch"]) for rung in rungs),
        accuracies=tuple(float(rung["map"]) for rung in rungs),
        seconds=tuple(float(rung["seconds"]) for rung in rungs),
        final=float(values[0]) if values and math.isfinite(values[0]) else None,
        phase=_phase(trial),
        overhead_s=_overhead_s(attrs.get(keys.RESOURCES) or {}),
        failure=failure,
        p95_ms=_positive(record.get("p95_ms", math.nan)),
        is_deployed=keys.LATENCY in attrs,
        outgrew=not OF_SIZE.isdisjoint(died_of),
    )


def _number(accuracy: float) -> float | None:
    return None if math.isnan(accuracy) else accuracy


def _better(one: float | None, other: float | None) -> float | None:
    return one if other is None or (one is not None and one >= other) else other


def _overhead_s(resources: Mapping[str, Any]) -> float:
    return float(sum(s for stage, s in resources.get("seconds", {}).items() if stage != "train"))


def _positive(ms: float) -> float | None:
    """Return a latency; None for what is none and has no logarithm."""
    return float(ms) if 0 < ms < math.inf else None


def _phase(trial: "optuna.trial.FrozenTrial") -> Phase:
    from optuna.trial import TrialState

    match trial.state:
        case TrialState.COMPLETE:
            return Phase.FINISHED
        case TrialState.FAIL:
            return Phase.FAILED
        case TrialState.PRUNED:
            ending = trial.user_attrs.get(keys.ENDING) or {}
            return Phase.OVER_BOUND if ending.get("outcome") == Outcome.OVER_BOUND else Phase.STOPPED
    return Phase.PAUSED if trial.user_attrs.get(keys.PAUSED) else Phase.RUNNING
