"""A trial as a row: whatever is known of it, in the terms of the report."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from objectives.records import attributes
from objectives.records.failures import batch_divisor
from objectives.records.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Resources, Rung
from reports.table.reading import finite, mapping, record, records
from reports.table.words import smaller_batch

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
        return batch_divisor(attempt.error_class for attempt in self.attempts)

    @property
    def smaller_batch(self) -> str:
        """'`batch 4 × 2`' where it trained with a smaller batch than asked, gradients added up; else empty."""
        return smaller_batch(self.candidate.get("train.batch"), self.batch_divisor)

    @property
    def is_measured(self) -> bool:
        """Whether both objectives are known: only then can it stand on a front."""
        return self.outcome is Outcome.FINISHED and self.map is not None and self.p50_ms is not None


def make_row(trial: FrozenTrial, device: str, removed: tuple[str, ...]) -> TrialRow:
    """Return the row of one trial, not yet judged against the others.

    Args:
        trial: as it is stored.
        device: fingerprint of the study's device; empty if it is not known.
        removed: names of files that were removed from its folder.
    """
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
