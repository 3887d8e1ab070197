"""Where a carried detector comes from: one of another study, or of an export, that a study begins with."""

from dataclasses import dataclass, field
from typing import Any

from objectives.records.records import Record


@dataclass(frozen=True)
class CarriedRecord(Record):
    """A detector that was trained elsewhere, as a new study takes it along.

    Attributes:
        given: as the line named it.
        source: what that was, as "shelves:12"; of an export its folder.
        sha256: of its deployable file, as it came.
        weights_sha256: of its weights, as they came.
        classes: class names by index that it was trained for.
        candidate: every choice of it; it may lie outside the space.
        study: the study that it was a trial of; empty where nothing says so.
        trial: its number there; None where nothing says so.
        origin: what it was there, as "trained" or "child of trial 3".
        family: of an elastic training: dimension to the values that its children may have in this study's space, its
            own first.
        epochs: of the training that its weights come from; 0 where nothing says so.
        epoch_s: seconds that such an epoch would take on this study's images, had it the machine of then; None where
            nothing was timed.
        map: its mAP there, on the data of then; None where nothing says so.
    """

    given: str
    source: str
    sha256: str
    weights_sha256: str
    classes: list[str]
    candidate: dict[str, Any]
    study: str = ""
    trial: int | None = None
    origin: str = ""
    family: dict[str, list[Any]] = field(default_factory=dict)
    epochs: int = 0
    epoch_s: float | None = None
    map: float | None = None
