"""The plan of a search: as its trials have cost, else as it was timed once, else timed now."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Resources, Rung
from search.plan.model import SearchPlan, Timed
from search.plan.rehearsals import Rehearsals
from search.settings.settings import Settings

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
        study: where there is one; it is only read. Keep the plan there under `keys.PLAN`, as `to_json`.
    """
    kept = study.user_attrs.get(keys.PLAN) if study else None
    plan = SearchPlan.from_json(kept) if kept else None
    trials = study.get_trials(deepcopy=False) if study else []
    told = _costs_of(trials)
    if len(told) >= MEASURED_LEAST:
        plan_of_trials = replace(plan or SearchPlan(), timed=told, measured=True, refused=(), notes=())
        return replace(plan_of_trials, artifact_bytes=plan_of_trials.artifact_bytes or _artifact_bytes(trials))
    if plan is not None:
        return plan
    return Rehearsals(settings, dataset, folder).plan()


def _costs_of(trials: "Sequence[optuna.trial.FrozenTrial]") -> tuple[Timed, ...]:
    """Return what the trials that were trained have cost; none before one has come to its end."""
    whole = [_overhead_s(trial) for trial in trials if trial.state.name == "COMPLETE"]
    told = [
        _timed(trial, _overhead_s(trial) if trial.state.name == "COMPLETE" else fmean(whole))
        for trial in trials
        if whole and trial.user_attrs.get(keys.RUNGS) and keys.RESOURCES in trial.user_attrs
    ]
    return tuple(sorted(told, key=lambda timed: timed.epoch_s))


def _artifact_bytes(trials: "Sequence[optuna.trial.FrozenTrial]") -> int:
    """Return the size of a usual deployable file; at least one trial has come to its end."""
    whole = [trial.user_attrs.get(keys.RESOURCES, {}) for trial in trials if trial.state.name == "COMPLETE"]
    return round(median(Resources.from_json(told).artifact_bytes for told in whole))


def _overhead_s(trial: "optuna.trial.FrozenTrial") -> float:
    stages = Resources.from_json(trial.user_attrs.get(keys.RESOURCES, {})).seconds
    return sum(seconds for stage, seconds in stages.items() if stage != "train")


def _timed(trial: "optuna.trial.FrozenTrial", overhead_s: float) -> Timed:
    attributes = trial.user_attrs
    last = Rung.from_json(attributes[keys.RUNGS][-1])
    told = Resources.from_json(attributes[keys.RESOURCES])
    epoch_s = last.seconds / last.epoch
    return Timed(attributes[keys.CANDIDATE], epoch_s, overhead_s, told.parameters, told.training_peak_bytes)
