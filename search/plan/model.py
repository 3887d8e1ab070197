"""What the trials of a search cost, known before the first one, and what is kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.records.records import Record
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.settings.settings import Settings
from spaces.candidate import Candidate
from spaces.dimension import Value

if TYPE_CHECKING:
    import optuna

MEASURED_LEAST = 3  # trials that must have trained before their own seconds count instead


@dataclass(frozen=True)
class Timed(Record):
    """What a candidate costs.

    Attributes:
        candidate: dimension name to value.
        epoch_s: seconds of an epoch, its share of the validations included.
        overhead_s: seconds of a whole trial beside its epochs: build, latency, export, score.
        parameters: of the network.
        peak_bytes: memory that its process needs.
    """

    candidate: dict[str, Value]
    epoch_s: float
    overhead_s: float
    parameters: int
    peak_bytes: int


@dataclass(frozen=True)
class SearchPlan(Record):
    """What the trials of a search cost, as far as it is known.

    Attributes:
        timed: candidates that stand for the space, by seconds of an epoch.
        measured: whether they are trials of the study, and the figures their own.
        refused: candidates that could not be timed, and why; one line each.
        notes: what to doubt about the figures; one line each.
        artifact_bytes: size of a usual deployable file.
        seconds: what the timing cost.
    """

    timed: tuple[Timed, ...] = ()
    measured: bool = False
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    artifact_bytes: int = 0
    seconds: float = 0.0

    @property
    def places(self) -> tuple[Timed, ...]:
        """The small, the middle and the large one; fewer where fewer were timed."""
        middle = len(self.timed) // 2
        return tuple(self.timed[i] for i in sorted({0, middle, len(self.timed) - 1})) if self.timed else ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The timed candidates."""
        return tuple(Candidate.of(one.candidate) for one in self.timed)


def make_plan(settings: Settings, dataset: Dataset, folder: Path, study: "optuna.Study | None" = None) -> SearchPlan:
    """Return what trials cost: as the study's trials have shown, else as it was timed once, else timed now.

    Nothing is written but below `folder`, and what is made there for the timing is removed.

    Args:
        settings: the search's.
        dataset: a sample of it is trained on.
        folder: must exist; Ultralytics' settings are kept in it.
        study: where there is one; it is only read. Keep the plan there by `StudyWriter.plan`.
    """
    kept = StudyRecord.of(study).plan if study else {}
    plan = SearchPlan.from_json(kept) if kept else None
    trials = trial_records(study) if study else []
    measured = _measured(trials)
    if len(measured) >= MEASURED_LEAST:
        shown = replace(plan or SearchPlan(), timed=measured, measured=True, refused=(), notes=())
        return replace(shown, artifact_bytes=shown.artifact_bytes or _artifact_bytes(trials))
    if plan is not None:
        return plan
    from search.plan.rehearsals import Rehearsals  # late: a resumed search needs none

    return Rehearsals(settings, dataset, folder).plan()


def _measured(trials: Sequence[TrialRecord]) -> tuple[Timed, ...]:
    """Return what the trials that were trained have cost; none before one has come to its end."""
    whole = [trial.overhead_s for trial in trials if trial.phase is Phase.FINISHED]
    timed = [
        _timed(trial, trial.overhead_s if trial.phase is Phase.FINISHED else fmean(whole))
        for trial in trials
        if whole and trial.rungs and trial.resources
    ]
    return tuple(sorted(timed, key=lambda one: one.epoch_s))


def _artifact_bytes(trials: Sequence[TrialRecord]) -> int:
    """Return the size of a usual deployable file; at least one trial has come to its end."""
    whole = [trial for trial in trials if trial.phase is Phase.FINISHED]
    return round(median(trial.resources.artifact_bytes if trial.resources else 0 for trial in whole))


def _timed(trial: TrialRecord, overhead_s: float) -> Timed:
    """Return what a trial with a rung has cost."""
    assert trial.resources is not None
    last, spent = trial.rungs[-1], trial.resources
    epoch_s = last.seconds / last.epoch
    return Timed(dict(trial.candidate), epoch_s, overhead_s, spent.parameters, spent.training_peak_bytes)
