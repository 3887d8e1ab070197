"""What the engine knows of a study: its trials as plain numbers, made of their records."""

import math
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from objectives.records.failures import OF_GPU, OF_SIZE
from objectives.records.made_once import MadeOnce
from objectives.records.records import Ending
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.engine.steering import WorstDevice
from spaces.dimension import Value

if TYPE_CHECKING:
    import optuna


Key = tuple[str, *tuple[Value, ...]]  # names in their order, values; a tenth of a set of pairs

_seen: "WeakKeyDictionary[optuna.Study, MadeOnce[TrialRecord, Observed | None]]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Observed:
    """One trial.

    Attributes:
        number: the trial's, from 0.
        params: its dimensions, those alone that exist for it.
        latency_ms: measured latency, p50; None if it was not measured. Where a study of several devices is steered by
            the worst of each trial, as of `search.engine.steering`.
        epochs: epochs that were evaluated, rising.
        accuracies: accuracy (mAP) at each of them, in the order of `epochs`.
        seconds: seconds of training until each of them.
        final: accuracy of the finished trial, as scored; None before its end.
        phase: where it stands.
        overhead_s: seconds that it took beside its epochs (build, latency, export, score), as far as known.
        failure: class of the failure that it ended with, one of `objectives.records.failures.Failure`, else empty.
        p95_ms: 95th percentile of the same measurement as `latency_ms`; None if it is not known.
        is_deployed: whether these are of the trained, exported file; else they were measured before training.
        is_child: whether it was cut from an elastic training, and not trained: it has no curve.
        is_polish: whether it went on from the weights of one of a family, or was carried here with weights of another
            study: its curve is no candidate's own, and is left out; it teaches latencies alone.
        is_baseline: whether it is the stock detector, or a carried one, outside the space: it has a place on the front,
            and teaches nothing of candidates.
        outgrew: whether it, or an attempt at it, was too large for its machine (memory, time).
        outgrew_gpu_mb: memory of the largest GPU that was too small for it; 0 where that is not known, and where it was
            more than the memory of a GPU that it outgrew.
        machine: kind of the machine that it trained on; empty where that is not recorded, or not yet.
        key: its parameters, to be compared with others'.

    There are as many as a study has trials: they are kept small.
    """

    number: int
    params: Mapping[str, Value]
    latency_ms: float | None
    epochs: tuple[int, ...]
    accuracies: Sequence[float]
    seconds: Sequence[float]
    final: float | None
    phase: Phase
    overhead_s: float = 0.0
    failure: str = ""
    p95_ms: float | None = None
    is_deployed: bool = False
    outgrew: bool = False
    is_child: bool = False
    is_polish: bool = False
    is_baseline: bool = False
    outgrew_gpu_mb: int = 0
    machine: str = ""
    key: Key = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", key_of(self.params))

    @property
    def shows_curve(self) -> bool:
        """Whether it was trained from the start, so that its end says something of its candidate's curve."""
        return not (self.is_child or self.is_polish or self.is_baseline)

    @property
    def epoch(self) -> int:
        """Epochs trained and evaluated so far."""
        return self.epochs[-1] if self.epochs else 0

    def best_until(self, epoch: int) -> float | None:
        """Return the best accuracy at or before an epoch; None if the trial did not get there or had none."""
        if self.epoch < epoch:
            return None
        reached = self.accuracies[: bisect_right(self.epochs, epoch)]
        return max((accuracy for accuracy in reached if not math.isnan(accuracy)), default=None)

    @property
    def best(self) -> float | None:
        """Accuracy in the end, or the best so far; None if there is none."""
        return self.final if self.final is not None else self.best_until(self.epoch)

    @property
    def log_latency(self) -> float:
        """Logarithm of the latency in ms; NaN if the latency was not measured."""
        return math.nan if self.latency_ms is None else math.log(self.latency_ms)


def key_of(params: Mapping[str, Value]) -> Key:
    """Return what equal parameters have in common."""
    names, text = _in_order(tuple(params))
    return (text, *(params[name] for name in names))


@lru_cache(maxsize=4096)
def _in_order(names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return names in their order, and as one text."""
    ordered = tuple(sorted(names))
    return ordered, "\0".join(ordered)


def observe(study: "optuna.Study", records: Sequence[TrialRecord] | None = None) -> list[Observed]:
    """Return the trials of a study, by number; those that wait in the queue are left out, and trainings of a proof.

    A trial of any Optuna study with two objectives, accuracy first, is understood; what `automl` keeps beside is
    used where it is there: the curve, the latency measured before training, whether the trial is paused.

    Args:
        study: the study.
        records: its trials, if they were read just now.
    """
    known = _seen.setdefault(study, MadeOnce(_observed, _is_kept))
    return [seen for seen in known.of(trial_records(study) if records is None else records) if seen is not None]


def steer(study: "optuna.Study", worst: WorstDevice | None) -> None:
    """Have the trials of a study seen by the latency of their worst device from here on; None: by the first one's."""
    _seen[study] = MadeOnce(lambda record: _observed(record, worst), _is_kept)


def _is_kept(seen: Observed | None) -> bool:
    return seen is not None and seen.phase.has_ended


def _observed(record: TrialRecord, worst: WorstDevice | None = None) -> Observed | None:
    if record.phase is Phase.WAITING or record.is_proof:
        return None
    seen = observed(record)
    return seen if worst is None else replace(seen, latency_ms=worst.latency_of(record), p95_ms=None)


def observed(record: TrialRecord) -> Observed:
    """Return a trial as the engine sees it, by the latency of the device that is named first."""
    failure = record.ending.error_class if record.ending else ""
    too_large = _too_large(record)
    rungs = () if record.is_polish or record.is_baseline else record.rungs
    return Observed(
        number=record.number,
        params=_small(record.params),
        latency_ms=record.p50_ms,
        epochs=_shared(tuple(rung.epoch for rung in rungs)),
        accuracies=array("d", [rung.map for rung in rungs]),
        seconds=array("d", [rung.seconds for rung in rungs]),
        final=record.map,
        phase=record.phase,
        overhead_s=record.overhead_s,
        failure=failure,
        p95_ms=record.p95_ms,
        is_deployed=record.latency is not None,
        is_child=record.is_child,
        is_polish=record.is_polish or (record.is_carried and bool(record.params)),
        is_baseline=record.is_baseline or (record.is_carried and not record.params),
        outgrew=bool(too_large),
        outgrew_gpu_mb=_largest_gpu_mb(too_large),
        machine=intern(record.resources.machine) if record.resources else "",
    )


def _too_large(record: TrialRecord) -> list[Ending]:
    """Return the deaths of a trial that say that it was too large for its machine."""
    deaths = (*record.attempts, *([record.ending] if record.ending else []))
    return [death for death in deaths if death.error_class in OF_SIZE]


def _largest_gpu_mb(deaths: Sequence[Ending]) -> int:
    """Return the memory of the largest GPU that did not suffice; 0 if one of the deaths was of anything else."""
    sizes = [ending.death.gpu_memory_mb if ending.error_class in OF_GPU and ending.death else 0 for ending in deaths]
    return max(sizes) if sizes and all(sizes) else 0


def _small(params: Mapping[str, Value]) -> dict[str, Value]:
    """Return parameters whose texts are shared with other trials'."""
    return {intern(name): intern(value) if type(value) is str else value for name, value in params.items()}


@lru_cache(maxsize=4096)
def _shared(epochs: tuple[int, ...]) -> tuple[int, ...]:
    """Return the epochs of rungs as one object for all trials that have the same."""
    return epochs
