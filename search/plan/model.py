"""What the trials of a search cost, known before the first one, and what is kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Self

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Record, Resources, Rung
from search.settings.settings import Settings
from spaces.candidate import Candidate
from spaces.dimension import Value

if TYPE_CHECKING:
    import optuna

MEASURED_LEAST = 3  # trials that must have trained before their own seconds count instead
PLANNING = ".plan-"  # how the folder of a timing begins, which is removed again


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

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild the plan and the candidates in it."""
        timed = tuple(Timed.from_json(value) for value in values["timed"])
        return super().from_json(
            {**values, "timed": timed, "refused": tuple(values["refused"]), "notes": tuple(values["notes"])}
        )

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
    """Return what trials cost: as the study's trials tell, else as it was timed once, else timed now.

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
    told = _told_by(trials)
    if len(told) >= MEASURED_LEAST:
        told_of = replace(plan or SearchPlan(), timed=told, measured=True, refused=(), notes=())
        return replace(told_of, artifact_bytes=told_of.artifact_bytes or _artifact_bytes(trials))
    if plan is not None:
        return plan
    from search.plan.rehearsals import Rehearsals  # late: a resumed search needs none

    return Rehearsals(settings, dataset, folder).plan()


def _told_by(trials: "Sequence[optuna.trial.FrozenTrial]") -> tuple[Timed, ...]:
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
