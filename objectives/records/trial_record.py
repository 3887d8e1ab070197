"""A trial as it is read from the store, in one place: the engine's and the report's views are made of this record.

Only this module and what writes trials (`search.study.stored_trial`, `search.study.carry.enqueue`, `stored.proposal`)
use the keys of a trial's attributes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from objectives.records import attributes as keys
from objectives.records.artifacts.stored_files import StoredFile, read_files
from objectives.records.bounds.figures import Figures
from objectives.records.failures import batch_divisor
from objectives.records.proof import ProofTerms
from objectives.records.reading import finite, mapping, named_records, record, records, uncollected
from objectives.records.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Resources, Rung
from objectives.records.stored.packed import Packer
from objectives.records.stored.reader import TrialReader
from objectives.records.study_parts.carried import CarriedRecord
from objectives.records.study_parts.requests import RequestRecord
from spaces.network.family import is_of_many

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class Phase(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"  # in the queue
    RUNNING = "running"
    PAUSED = "paused"  # keeps its checkpoint; may go on
    FINISHED = Outcome.FINISHED.value
    STOPPED = Outcome.STOPPED.value  # never goes on
    OVER_BOUND = Outcome.OVER_BOUND.value  # breaks a hard gate: never trained
    FAILED = Outcome.FAILED.value

    @property
    def has_ended(self) -> bool:
        """Whether a trial in this phase never changes any more."""
        return self in OUTCOMES


OUTCOMES = {Phase(outcome.value): outcome for outcome in Outcome}
PACKED = (  # of an ended trial: a search looks at these fields once, and at the others again and again
    *("candidate", "params", "rungs", "accuracy", "latency", "latency_untrained", "resources", "ending", "proposal"),
    *("decisions", "attempts", "terms", "latencies", "latencies_untrained"),
)


@dataclass(frozen=True)
class TrialRecord:
    """One trial; what the trial never reached, or what an older version did not write, is None or empty.

    Attributes:
        number: the trial's, from 0.
        phase: where it stands; `has_begun` is whether its candidate was written.
        candidate: dimension to choice; Optuna's parameters if the candidate was not written.
        params: what the sampler chose, by Optuna's names; `distributions` are theirs.
        map: the first objective of a finished trial: mAP at IoU 0.5:0.95, in [0, 1].
        objective_ms: the second objective of a finished trial: median latency, ms per image.
        rungs: by epoch.
        latency: of the trained, exported file; `latency_untrained` was measured before training.
        latencies: on the further devices of the study, by their names; `latencies_untrained` before training.
        folder: relative to the study's folder; `seconds` are from start to end of the trial.
        proposal: why it was proposed, if the sampler recorded it.
        decisions: what the pruner decided at its rungs; `attempts` are deaths after which it was taken up again.
        forked_from: its number in the study that it was copied from, if it was.
        family: of an elastic training: dimension to the values that its children have, its own first.
        parent: of a child: number of the elastic training that it was cut from; it was never trained itself.
        polishes: of a polish: number of the trial whose weights it goes on from, one of a family.
        baseline: of the stock detector that the others are compared with: its name, as "yolo26n" or "yolo26n@320".
        carried: of a detector that was trained elsewhere and is only scored here: its origin.
        measured_fully: of one of a family: whether its latency is by the full protocol by now.
        proves: of a training of a proof: number of the trial that it repeats, with another seed.
        seed: of a training of a proof; `terms` say how long it is, and what it starts from.
        files: what an artifact store has of its folder, by name.
        asked: who asked for it, with which choices; None for a candidate that nobody but `start` or a sampler named.
    """

    number: int
    phase: Phase
    has_begun: bool = False
    candidate: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    distributions: "Mapping[str, BaseDistribution]" = field(default_factory=dict)
    map: float | None = None
    objective_ms: float | None = None
    rungs: tuple[Rung, ...] = ()
    accuracy: Accuracy | None = None
    latency: Latency | None = None
    latency_untrained: Latency | None = None
    resources: Resources | None = None
    ending: Ending | None = None
    folder: str | None = None
    seconds: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    proposal: Proposal | None = None
    decisions: tuple[Decision, ...] = ()
    attempts: tuple[Ending, ...] = ()
    forked_from: int | None = None
    family: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    parent: int | None = None
    polishes: int | None = None
    baseline: str | None = None
    measured_fully: bool = False
    proves: int | None = None
    seed: int | None = None
    terms: ProofTerms | None = None
    latencies: Mapping[str, Latency] = field(default_factory=dict)
    latencies_untrained: Mapping[str, Latency] = field(default_factory=dict)
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    asked: RequestRecord | None = None
    carried: CarriedRecord | None = None

    @property
    def is_proof(self) -> bool:
        """Whether it repeats another trial with another seed: it is no candidate, and stands on no front."""
        return self.proves is not None

    @property
    def is_child(self) -> bool:
        """Whether it was made of another trial's training, cut from it or in another precision, and not trained."""
        return self.parent is not None

    @property
    def is_polish(self) -> bool:
        """Whether it was trained on from the weights of one of a family."""
        return self.polishes is not None

    @property
    def is_baseline(self) -> bool:
        """Whether it is the stock detector; its candidate may lie outside the space."""
        return self.baseline is not None

    @property
    def is_carried(self) -> bool:
        """Whether it was trained elsewhere, and is only scored here, maybe outside the space."""
        return self.carried is not None

    @property
    def has_quick_latency(self) -> bool:
        """Whether its latency was measured by the quick protocol: it is one of a family."""
        of_many = self.is_child or is_of_many(self.family)
        return self.latency is not None and of_many and not self.measured_fully

    @property
    def outcome(self) -> Outcome | None:
        """How the trial ended; None while it is running, paused or waiting."""
        return OUTCOMES.get(self.phase)

    @property
    def paused(self) -> bool:
        """Whether the trial waits at a rung with its checkpoint; for Optuna it is running."""
        return self.phase is Phase.PAUSED

    @property
    def known_latency(self) -> Latency | None:
        """The measurement after training, else the one before."""
        return self.latency or self.latency_untrained

    @property
    def p50_ms(self) -> float | None:
        """Median latency, after training if known, else before; ms per image, above 0."""
        if self.objective_ms is not None:
            return _positive(self.objective_ms)
        return _positive(self.known_latency.p50_ms) if self.known_latency else None

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of the same measurement as the median latency, in ms per image."""
        return _positive(self.known_latency.p95_ms) if self.known_latency else None

    @property
    def map50(self) -> float | None:
        """Accuracy (mAP) at IoU 0.5 of the finished detector, in [0, 1]."""
        return self.accuracy.map50 if self.accuracy and self.phase is Phase.FINISHED else None

    @property
    def figures_judged(self) -> Figures:
        """What a gate is judged on; of the finished detector, as far as it is one."""
        known, file_bytes = self.known_latency, self.resources.artifact_bytes if self.resources else 0
        return Figures(
            self.map,
            self.map50,
            self.p50_ms,
            self.p95_ms,
            known.peak_bytes if known else 0,
            file_bytes or (known.file_bytes if known else 0),
            self.accuracy if self.phase is Phase.FINISHED else None,
            known.images_per_s if known else None,
        )

    @property
    def stable(self) -> bool:
        """Whether the latency is not marked unstable."""
        return self.known_latency.stable if self.known_latency else True

    @property
    def batch_divisor(self) -> int:
        """What the trial's batch is divided by: 2 after a death for lack of memory, else 1."""
        return batch_divisor(attempt.error_class for attempt in self.attempts)

    @property
    def stages_s(self) -> Mapping[str, float]:
        """Seconds by stage, as far as the trial's processes have recorded them."""
        return self.resources.seconds if self.resources else {}

    @property
    def overhead_s(self) -> float:
        """Seconds beside the epochs (build, latency, export, score), as far as known."""
        return float(sum(seconds for stage, seconds in self.stages_s.items() if stage != "train"))

    def settled(self, latency: Latency) -> "TrialRecord":
        """Return the record with a latency by the full protocol in place of the quick one."""
        return replace(self, latency=latency, objective_ms=latency.p50_ms, measured_fully=True)

    @property
    def known_latencies(self) -> Mapping[str, Latency]:
        """Further device -> the measurement there after training, else the one before."""
        return {**self.latencies_untrained, **self.latencies}

    def figures(self) -> dict[str, Any]:
        """Return what was measured of the deployable file, as JSON, by the names that the store uses."""
        kept = {keys.ACCURACY: self.accuracy, keys.LATENCY: self.latency, keys.RESOURCES: self.resources}
        return {key: found.to_json() if found else None for key, found in kept.items()}


def read_trial(trial: "FrozenTrial") -> TrialRecord:
    """Return what is known of a trial; what another version wrote and this one cannot read is left aside."""
    attrs = trial.user_attrs
    ending = record(Ending, attrs.get(keys.ENDING))
    rungs = tuple(sorted(records(Rung, attrs.get(keys.RUNGS)), key=lambda rung: rung.epoch))
    values = trial.values if trial.state.name == "COMPLETE" and trial.values else None
    folder, forked_from, proves, seed = (attrs.get(k) for k in (keys.FOLDER, keys.FORKED_FROM, keys.PROVES, keys.SEED))
    parent, polishes, baseline = (attrs.get(key) for key in (keys.PARENT, keys.POLISHES, keys.BASELINE))
    asked = record(RequestRecord, attrs.get(keys.ASKED))
    return TrialRecord(
        number=trial.number,
        phase=_phase(trial, ending, has_rungs=bool(rungs)),
        has_begun=bool(mapping(attrs.get(keys.CANDIDATE))),
        candidate=mapping(attrs.get(keys.CANDIDATE)) or trial.params or (asked.choices if asked else {}),
        params=trial.params,
        distributions=trial.distributions,
        map=finite(values[0]) if values else None,
        objective_ms=values[1] if values and len(values) > 1 else None,
        rungs=rungs,
        accuracy=record(Accuracy, attrs.get(keys.ACCURACY)),
        latency=record(Latency, attrs.get(keys.LATENCY)),
        latency_untrained=record(Latency, attrs.get(keys.LATENCY_UNTRAINED)),
        resources=record(Resources, attrs.get(keys.RESOURCES)),
        ending=ending,
        folder=folder if isinstance(folder, str) else None,
        seconds=trial.duration.total_seconds() if trial.duration else None,
        started_at=trial.datetime_start,
        finished_at=trial.datetime_complete,
        proposal=record(Proposal, attrs.get(keys.PROPOSAL)),
        decisions=tuple(sorted(records(Decision, attrs.get(keys.DECISIONS)), key=lambda decision: decision.epoch)),
        attempts=records(Ending, attrs.get(keys.ATTEMPTS)),
        forked_from=forked_from if isinstance(forked_from, int) else None,
        family=mapping(attrs.get(keys.FAMILY)),
        parent=parent if isinstance(parent, int) else None,
        polishes=polishes if isinstance(polishes, int) else None,
        baseline=baseline if isinstance(baseline, str) else None,
        proves=proves if isinstance(proves, int) else None,
        seed=seed if isinstance(seed, int) else None,
        terms=record(ProofTerms, attrs.get(keys.TERMS)),
        latencies=named_records(Latency, attrs.get(keys.LATENCIES)),
        latencies_untrained=named_records(Latency, attrs.get(keys.LATENCIES_UNTRAINED)),
        files=read_files(trial),
        asked=asked,
        carried=record(CarriedRecord, attrs.get(keys.CARRIED)),
    )


def _phase(trial: "FrozenTrial", ending: Ending | None, *, has_rungs: bool) -> Phase:
    """Return where a trial stands: Optuna's state decides; the attributes distinguish what Optuna does not."""
    match trial.state.name:
        case "COMPLETE":
            return Phase.FINISHED
        case "FAIL":
            return Phase.FAILED
        case "WAITING":
            return Phase.WAITING
        case "RUNNING":
            return Phase.PAUSED if trial.user_attrs.get(keys.PAUSED) is True else Phase.RUNNING
    if ending and ending.outcome in (Outcome.STOPPED, Outcome.OVER_BOUND):
        return Phase(ending.outcome)
    return Phase.STOPPED if has_rungs else Phase.OVER_BOUND  # older versions had another word for the latter


def _positive(ms: float) -> float | None:
    """Return a latency; None for what is none and has no logarithm."""
    return ms if 0 < ms < math.inf else None


_readers: "WeakKeyDictionary[optuna.Study, TrialReader[TrialRecord]]" = WeakKeyDictionary()


def trial_records(study: "optuna.Study", trials: "Sequence[FrozenTrial] | None" = None) -> list[TrialRecord]:
    """Return the trials of a study, by number; an ended one is read once, since it never changes, and is the same then.

    Args:
        study: the study.
        trials: its trials, if they were read just now.
    """
    with uncollected():
        if trials is not None:
            return [read_trial(trial) for trial in trials]
        if study not in _readers:
            _readers[study] = TrialReader(read_trial, lambda record: record.phase.has_ended, Packer(PACKED).pack)
        return _readers[study].read(study)
