"""Children of elastic trainings as plain data: what is asked of their scorer, and what it has found."""

from dataclasses import dataclass, field
from typing import Any

from objectives.records.records import Accuracy, Latency, Record, Resources

HELD_OUT = ", held-out half"  # ends the name of a split that children are scored on and not chosen by

Choices = dict[str, Any]  # size, depth and ratios of a child: dimension to value


@dataclass(frozen=True)
class Look(Record):
    """A child that was looked at: scored without a file, on the images that children are chosen by.

    Attributes:
        choices: its size, depth and ratios.
        map: mAP at IoU 0.5:0.95, in [0, 1].
        seconds: that it took.
    """

    choices: Choices
    map: float
    seconds: float


@dataclass(frozen=True)
class ScoredChild(Record):
    """A child with a file of its own, measured and scored like a trial.

    Attributes:
        choices: its size, depth and ratios.
        folder: below its parent's folder.
        latency: of its file, by the quick protocol.
        accuracy: of its file, on the images that figures are reported on.
        resources: what it cost.
        latencies: further device -> latency there, by the quick protocol.
    """

    choices: Choices
    folder: str
    latency: Latency
    accuracy: Accuracy
    resources: Resources
    latencies: dict[str, Latency] = field(default_factory=dict)


@dataclass(frozen=True)
class FailedChild(Record):
    """A child that could not be made, exported or measured, and why."""

    choices: Choices
    reason: str


@dataclass(frozen=True)
class ChildrenOrder:
    """What a scorer is to do next."""

    look_at: tuple[Choices, ...] = ()
    score: tuple[Choices, ...] = ()


@dataclass(frozen=True)
class ChildrenReport(Record):
    """What a scorer has found since its last report."""

    looks: tuple[Look, ...] = ()
    scored: tuple[ScoredChild, ...] = ()
    failed: tuple[FailedChild, ...] = field(default=())
