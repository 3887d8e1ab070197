"""One answer of a deployed detector, as a log keeps it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LoggedBox:
    """A detection.

    Attributes:
        label: name of its class.
        score: 0 to 1.
        box_xyxy: px of the image, from its top left.
    """

    label: str
    score: float
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class PredictionRecord:
    """One answer.

    Attributes:
        at: when, in UTC.
        image: its path relative to the stream's folder, or the SHA-256 of its file, or a name of the caller's own.
        version: of the deployment that answered.
        shadow: whether the answer was logged alone, and another version's was used.
        boxes: what was found.
        latency_ms: of the answer; None if it was not logged.
        width_px, height_px: of the image; None if they were not logged.
        group: store, line, car; empty for none.
        error: in one line, where there is no answer; empty where there is one.
    """

    at: datetime
    image: str
    version: str
    shadow: bool
    boxes: tuple[LoggedBox, ...]
    latency_ms: float | None
    width_px: int | None
    height_px: int | None
    group: str
    error: str
