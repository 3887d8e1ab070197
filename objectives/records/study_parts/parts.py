"""Plain records in a study's attributes: what was measured ahead, what it started from, what its processes do."""

from dataclasses import dataclass, field
from typing import Any

from objectives.records.failures import Failure
from objectives.records.records import Latency, Record


@dataclass(frozen=True)
class WorkRecord(Record):
    """What a searching process does with one trial.

    Attributes:
        trial: number of the trial.
        stage: name of its stage; empty before the first one.
        epoch: epoch under way, from 1; 0 before the training.
    """

    trial: int
    stage: str = ""
    epoch: int = 0


@dataclass(frozen=True)
class MeasuredRecord(Record):
    """An architecture that was measured ahead of trials.

    Attributes:
        params: of the candidate that was measured, by Optuna's names.
        latency: before training; None if it could not be measured.
        failure: why not, one of `objectives.records.failures.Failure`.
        seconds: what the measuring took, that of earlier attempts included.
        latencies: further device -> latency there, as far as it was measured ahead.
    """

    params: dict[str, Any]
    latency: Latency | None
    failure: str = Failure.NOT_BUILDABLE.value
    seconds: float = 0.0
    latencies: dict[str, Latency] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON values; one that was measured has no failure."""
        left_out = {"failure" if self.latency else "", "" if self.latencies else "latencies"}
        return {name: value for name, value in super().to_json().items() if name not in left_out}


@dataclass(frozen=True)
class ExperienceRecord(Record):
    """What a study started from, so that whoever goes on with it proposes the same.

    Attributes:
        source: where it came from, as the setting `experience` names it.
        trainings: of earlier studies, packed: see `search.study.experience.frozen`.
    """

    source: str
    trainings: str
