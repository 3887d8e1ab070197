"""The plan of a search: as its trials have cost, else as it was timed once, else timed now."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.plan.model import SearchPlan, Timed
from search.plan.rehearsals import Rehearsals
from search.settings.baseline import BaselineSettings
from search.settings.settings import Settings
from search.study.queued.baseline import baseline_in

if TYPE_CHECKING:
    import optuna

MEASURED_LEAST = 3  # trials that must have trained before their own seconds count instead


def make_plan(settings: Settings, dataset: Dataset, folder: Path, study: "optuna.Study | None" = None) -> SearchPlan:
    """Return what trials cost: as the trials of the study have cost, else as it was timed once, else timed now.

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
    costs = _costs_of(trials)
    if len(costs) >= MEASURED_LEAST:
        plan_of_trials = replace(plan or SearchPlan(), timed=costs, measured=True, refused=(), notes=())
        return replace(plan_of_trials, artifact_bytes=plan_of_trials.artifact_bytes or _artifact_bytes(trials))
    if plan is not None:
        return plan
    if study is not None and baseline_in(study) is None:
        settings = replace(settings, baseline=BaselineSettings(None))
    return Rehearsals(settings, dataset, folder).plan()


def _costs_of(trials: Sequence[TrialRecord]) -> tuple[Timed, ...]:
    """Return what the trials that were trained have cost; none before one has come to its end."""
    whole = [
        trial.overhead_s
        for trial in trials
        if trial.phase is Phase.FINISHED and not (trial.is_baseline or trial.is_carried)
    ]
    timed = [
        _timed(trial, trial.overhead_s if trial.phase is Phase.FINISHED else fmean(whole))
        for trial in trials
        if whole and trial.rungs and trial.resources and not trial.is_baseline
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
