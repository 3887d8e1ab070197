"""One answer of a deployed detector, as a log keeps it."""

from dataclasses import dataclass
from datetime import datetime

from spaces.errors import DataError

BEYOND_PX = 1e7  # no box reaches that far; not-a-number does not lie below it either


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

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise DataError(f"score: must lie in 0..1, got {self.score}")
        left, top, right, bottom = self.box_xyxy
        if not (-BEYOND_PX < left <= right < BEYOND_PX and -BEYOND_PX < top <= bottom < BEYOND_PX):
            raise DataError(f"box: must be [left, top, right, bottom] in pixels, got {list(self.box_xyxy)}")


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

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise DataError(f"time: must have a time zone, got {self.at}")
        if not self.image or not self.version:
            raise DataError("image, version: must not be empty")
        if self.latency_ms is not None and not 0 <= self.latency_ms < float("inf"):
            raise DataError(f"latency_ms: must be 0 or more, got {self.latency_ms}")
