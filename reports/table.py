"""A study as a table: one row a trial, with whatever is known of it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from objectives import attributes
from objectives.failures import OF_MEMORY
from objectives.gate import Gate
from objectives.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Resources, Rung
from reports.front import front_mask
from reports.reading import finite, mapping, record, records, uncollected
from reports.words import smaller_batch
from spaces.errors import AutomlError

PAUSED = "paused"


@dataclass(frozen=True)
class TrialRow:
    """One trial; what it never reached, or what an older version did not write, is None or empty.

    Attributes:
        outcome: how it ended; None while it is running, paused or waiting.
        candidate: dimension to choice; Optuna's parameters if the candidate was not written.
        params: what the sampler chose, by Optuna's names; `distributions` are theirs.
        map: mAP at IoU 0.5:0.95 of the finished detector, in [0, 1].
        map50: mAP at IoU 0.5 of the finished detector, in [0, 1].
        p50_ms: median latency, after training if known, else before; ms per image.
        p95_ms: 95th percentile of the same measurement.
        stable: False if that measurement is marked unstable.
        other_device: its latency is of another device than the study's: it stands on no front.
        folder: relative to the study's folder.
        seconds: from start to end of the trial.
        proposal: why it was proposed, if the sampler told.
        decisions: what the pruner decided at its rungs, by epoch.
        paused: it waits at a rung with its checkpoint, for Optuna it is running.
        attempts: deaths after which it was taken up again, in their order.
        forked_from: its number in the study that it was copied from, if it was.
        removed: names of files that were removed from its folder to make room.
    """

    number: int
    state: TrialState
    outcome: Outcome | None
    candidate: Mapping[str, Any]
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    map: float | None
    map50: float | None
    p50_ms: float | None
    p95_ms: float | None
    stable: bool
    other_device: bool
    rungs: tuple[Rung, ...]
    accuracy: Accuracy | None
    latency: Latency | None
    latency_untrained: Latency | None
    resources: Resources | None
    ending: Ending | None
    folder: str | None
    seconds: float | None
    started_at: datetime | None
    finished_at: datetime | None
    proposal: Proposal | None = None
    decisions: tuple[Decision, ...] = ()
    paused: bool = False
    attempts: tuple[Ending, ...] = ()
    forked_from: int | None = None
    removed: tuple[str, ...] = ()
    on_front: bool = False
    passes_gate: bool = False

    @property
    def standing(self) -> str:
        """How it ended, or that it is still 'running', 'paused' or 'waiting'."""
        return self.outcome.value if self.outcome else PAUSED if self.paused else self.state.name.lower()

    @property
    def status(self) -> str:
        """The standing for people: a paused trial tells where it waits."""
        epochs = [*(rung.epoch for rung in self.rungs), *(decision.epoch for decision in self.decisions)]
        return f"{PAUSED} at epoch {max(epochs)}" if self.paused and epochs else self.standing

    @property
    def batch_divisor(self) -> int:
        """What its batch was divided by: 2 after it was out of memory once, else 1."""
        return 2 if any(attempt.error_class in OF_MEMORY for attempt in self.attempts) else 1

    @property
    def smaller_batch(self) -> str:
        """'`batch 4 × 2`' where it trained with a smaller batch than asked, gradients added up; else empty."""
        return smaller_batch(self.candidate.get("train.batch"), self.batch_divisor)

    @property
    def is_measured(self) -> bool:
        """Whether both objectives are known: only then can it stand on a front."""
        return self.outcome is Outcome.FINISHED and self.map is not None and self.p50_ms is not None


@dataclass(frozen=True)
class FailureClass:
    """Failures of one class: the trials' numbers and the reason of the last one."""

    error_class: str
    numbers: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class StudyTable:
    """A study at one moment: its rows by number, and what it says of itself."""

    name: str
    rows: tuple[TrialRow, ...]
    gate: Gate = field(default_factory=Gate)
    device: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, Any] = field(default_factory=dict)
    forked: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def finished(self) -> tuple[TrialRow, ...]:
        """Trials with both objectives, measured on the study's device, by number."""
        return tuple(row for row in self.rows if row.is_measured and not row.other_device)

    @cached_property
    def front(self) -> tuple[TrialRow, ...]:
        """Members of the front of the search's objectives, the fastest first."""
        members = [row for row in self.finished if row.on_front]
        return tuple(sorted(members, key=lambda row: (row.p50_ms or 0, row.number)))

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Standing to number of trials; standings without a trial are left out."""
        order = [*(outcome.value for outcome in Outcome), "running", PAUSED, "waiting"]
        found = [row.standing for row in self.rows]
        return {standing: found.count(standing) for standing in order if standing in found}

    @cached_property
    def failures(self) -> tuple[FailureClass, ...]:
        """Failures by class, the most frequent first."""
        classes: dict[str, list[TrialRow]] = {}
        for row in self.rows:
            if row.outcome is Outcome.FAILED:
                classes.setdefault((row.ending and row.ending.error_class) or "unknown", []).append(row)
        return tuple(
            FailureClass(name, tuple(row.number for row in rows), _last_reason(rows))
            for name, rows in sorted(classes.items(), key=lambda item: (-len(item[1]), item[0]))
        )

    @property
    def is_running(self) -> bool:
        """Whether a trial is being worked on."""
        return any(row.state is TrialState.RUNNING and not row.paused for row in self.rows)

    def row(self, number: int) -> TrialRow:
        """Return the trial of this number.

        Raises:
            AutomlError: the study has no such trial.
        """
        for row in self.rows:
            if row.number == number:
                return row
        span = f"0 to {self.rows[-1].number}" if self.rows else "none yet"
        raise AutomlError(f"trial: study '{self.name}' has no trial {number}; its trials: {span}")


@dataclass(frozen=True)
class Made:
    """A row, and all that it was made of; only the row is judged anew."""

    trial: FrozenTrial
    device: str
    removed: tuple[str, ...]
    row: TrialRow


_made: "WeakKeyDictionary[Study, dict[int, Made]]" = WeakKeyDictionary()  # rows of ended trials, which never change


def read_study(study: Study, trials: Sequence[FrozenTrial] | None = None) -> StudyTable:
    """Return the study as it stands now; other processes may be writing to it.

    A search reads its study after every trial: rows of ended trials are made once.

    Args:
        study: the store.
        trials: its trials, if they were read just now.
    """
    with uncollected():
        stored = study.get_trials(deepcopy=False) if trials is None else trials
        attrs = study._storage.get_study_user_attrs(study._study_id)  # the study's own would copy them
        return read_trials(study.study_name, stored, attrs, _made.setdefault(study, {}))


def read_trials(
    name: str, trials: Sequence[FrozenTrial], user_attrs: Mapping[str, Any], made: dict[int, Made] | None = None
) -> StudyTable:
    """Return the table of these trials of the study with these attributes; `made` keeps rows of ended trials."""
    made = {} if made is None else made
    gate = _gate(user_attrs.get(attributes.GATE))
    fingerprints = mapping(user_attrs.get(attributes.FINGERPRINTS))
    removed = _removed(user_attrs.get(attributes.REMOVED))
    device = str(fingerprints.get("device") or "")
    rows = [_kept_row(trial, device, removed.get(trial.number, ()), made) for trial in trials]
    judged = _judged(sorted(rows, key=lambda row: row.number), gate)
    for row in judged:
        if row.number in made and made[row.number].row is not row:
            made[row.number] = dataclasses.replace(made[row.number], row=row)
    return StudyTable(
        name=name,
        rows=tuple(judged),
        gate=gate,
        device=mapping(user_attrs.get(attributes.DEVICE)),
        data=mapping(user_attrs.get(attributes.DATA)),
        settings=mapping(user_attrs.get(attributes.SETTINGS)),
        provenance=mapping(user_attrs.get(attributes.PROVENANCE)),
        fingerprints=fingerprints,
        forked=mapping(user_attrs.get(attributes.FORKED)),
    )


def _removed(stored: Any) -> dict[int, tuple[str, ...]]:
    """Return number of a trial to the files removed from its folder; the store holds names to numbers."""
    found: dict[int, tuple[str, ...]] = {}
    for names, numbers in mapping(stored).items():
        for number in numbers if isinstance(numbers, list) else ():
            if isinstance(number, int):
                found[number] = (*found.get(number, ()), *str(names).split())
    return found


def _kept_row(trial: FrozenTrial, device: str, removed: tuple[str, ...], made: dict[int, Made]) -> TrialRow:
    """Return the row of one trial, as it was made before if it was made of the same."""
    known = made.get(trial.number)
    if known and known.trial is trial and known.device == device and known.removed == removed:
        return known.row
    row = _row(trial, device, removed)
    if trial.state.is_finished():
        made[trial.number] = Made(trial, device, removed, row)
    return row


def _row(trial: FrozenTrial, device: str, removed: tuple[str, ...]) -> TrialRow:
    """Return the row of one trial, not yet judged against the others."""
    attrs = trial.user_attrs
    latency, untrained = (record(Latency, attrs.get(key)) for key in (attributes.LATENCY, attributes.LATENCY_UNTRAINED))
    accuracy, ending = (
        record(Accuracy, attrs.get(attributes.ACCURACY)),
        record(Ending, attrs.get(attributes.ENDING)),
    )
    rungs = tuple(sorted(records(Rung, attrs.get(attributes.RUNGS)), key=lambda rung: rung.epoch))
    decisions = records(Decision, attrs.get(attributes.DECISIONS))
    values = trial.values if trial.state is TrialState.COMPLETE and trial.values else None
    known = latency or untrained
    p50_ms = values[1] if values and len(values) > 1 else (known and known.p50_ms)
    folder, forked_from = attrs.get(attributes.FOLDER), attrs.get(attributes.FORKED_FROM)
    return TrialRow(
        number=trial.number,
        state=trial.state,
        outcome=_outcome(trial.state, ending, has_rungs=bool(rungs)),
        candidate=mapping(attrs.get(attributes.CANDIDATE)) or trial.params,
        params=trial.params,
        distributions=trial.distributions,
        map=finite(values[0]) if values else None,
        map50=accuracy.map50 if values and accuracy else None,
        p50_ms=p50_ms if p50_ms and math.isfinite(p50_ms) and p50_ms > 0 else None,
        p95_ms=known.p95_ms if known and known.p95_ms > 0 else None,
        stable=known.stable if known else True,
        other_device=bool(known and device and known.device and known.device != device),
        rungs=rungs,
        accuracy=accuracy,
        latency=latency,
        latency_untrained=untrained,
        resources=record(Resources, attrs.get(attributes.RESOURCES)),
        ending=ending,
        folder=folder if isinstance(folder, str) else None,
        seconds=trial.duration.total_seconds() if trial.duration else None,
        started_at=trial.datetime_start,
        finished_at=trial.datetime_complete,
        proposal=record(Proposal, attrs.get(attributes.PROPOSAL)),
        decisions=tuple(sorted(decisions, key=lambda decision: decision.epoch)),
        paused=trial.state is TrialState.RUNNING and attrs.get(attributes.PAUSED) is True,
        attempts=records(Ending, attrs.get(attributes.ATTEMPTS)),
        forked_from=forked_from if isinstance(forked_from, int) else None,
        removed=removed,
    )


def _outcome(state: TrialState, ending: Ending | None, *, has_rungs: bool) -> Outcome | None:
    """Return how the trial ended: Optuna's state decides; the ending tells the pruned ones apart."""
    if state is TrialState.COMPLETE:
        return Outcome.FINISHED
    if state is TrialState.FAIL:
        return Outcome.FAILED
    if state is not TrialState.PRUNED:
        return None
    if ending and ending.outcome in (Outcome.STOPPED, Outcome.OVER_BOUND):
        return Outcome(ending.outcome)
    return Outcome.STOPPED if has_rungs else Outcome.OVER_BOUND


def _judged(rows: Sequence[TrialRow], gate: Gate) -> list[TrialRow]:
    """Return the rows with their places: on the front, past the gate."""
    fit = [row for row in rows if row.is_measured and not row.other_device]
    mask = front_mask([row.map or 0.0 for row in fit], [row.p50_ms or 0.0 for row in fit])
    members = {row.number for row, member in zip(fit, mask, strict=True) if member}
    passing = {row.number for row in fit if _passes(row, gate)}
    return [_placed(row, row.number in members, row.number in passing) for row in rows]


def _placed(row: TrialRow, on_front: bool, passes_gate: bool) -> TrialRow:
    """Return the row with these places; most keep theirs from one reading to the next."""
    if row.on_front == on_front and row.passes_gate == passes_gate:
        return row
    return dataclasses.replace(row, on_front=on_front, passes_gate=passes_gate)


def _passes(row: TrialRow, gate: Gate) -> bool:
    """Whether a measured row passes; a bounded quantity that is unknown does not."""
    worst = math.inf
    return gate.admits_latency(row.p50_ms or worst, row.p95_ms or worst) and gate.admits_accuracy(
        -1.0 if row.map is None else row.map, -1.0 if row.map50 is None else row.map50
    )


def _gate(value: Any) -> Gate:
    """Return the gate as far as this version knows its bounds."""
    known = {item.name for item in dataclasses.fields(Gate)}
    return Gate(**{key: bound for key, bound in mapping(value).items() if key in known})


def _last_reason(rows: Sequence[TrialRow]) -> str:
    return next((row.ending.reason for row in reversed(rows) if row.ending and row.ending.reason), "")
