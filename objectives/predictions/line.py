"""A line of a log: one answer as JSON, checked as it is read."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from objectives.predictions.record import LoggedBox, PredictionRecord
from spaces.errors import DataError, first_line


class FoundBox(msgspec.Struct, omit_defaults=True):
    """A detection, as the log writes it; `box` is left, top, right, bottom in pixels of the image."""

    label: str = msgspec.field(name="class")
    score: float
    box: tuple[float, float, float, float]


class LogLine(msgspec.Struct, omit_defaults=True):
    """A line of the log; what is left out of it has the values here. docs/predictions.md has a row for each."""

    time: datetime
    image: str
    version: str
    shadow: bool = False
    detections: list[FoundBox] = []  # msgspec copies it for each
    latency_ms: float | None = None
    width: int | None = None
    height: int | None = None
    group: str = ""
    error: str = ""


LINE_DECODER = msgspec.json.Decoder(LogLine)
LINE_ENCODER = msgspec.json.Encoder()


def record_of_line(line: bytes) -> PredictionRecord:
    """Return the answer that a line of JSON holds; a time without a zone is in UTC.

    Raises:
        DataError: what is wrong with the line.
    """
    try:
        return _record(LINE_DECODER.decode(line))
    except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is one
        raise DataError(first_line(error)) from None
    except UnicodeDecodeError:
        raise DataError("not UTF-8") from None


def record_of_values(values: dict[str, Any]) -> PredictionRecord:
    """Return the answer that plain values hold, as a row of Parquet has them; None is what is left out.

    Raises:
        DataError: what is wrong with them.
    """
    there = {key: value for key, value in values.items() if value is not None}
    try:
        return _record(msgspec.convert(there, LogLine))
    except msgspec.ValidationError as error:
        raise DataError(first_line(error)) from None


def values_of(record: PredictionRecord) -> dict[str, Any]:
    """Return an answer as plain values, every field of the format there."""
    return {
        "time": record.at,
        "image": record.image,
        "version": record.version,
        "shadow": record.shadow,
        "detections": [{"class": one.label, "score": one.score, "box": list(one.box_xyxy)} for one in record.boxes],
        "latency_ms": record.latency_ms,
        "width": record.width_px,
        "height": record.height_px,
        "group": record.group,
        "error": record.error,
    }


def line_of(record: PredictionRecord) -> bytes:
    """Return an answer as a line of JSON, its end included."""
    return LINE_ENCODER.encode(values_of(record)) + b"\n"


def time_of_line(line: bytes) -> datetime | None:
    """Return the time of a line; None of a line that is none."""
    try:
        return record_of_line(line).at
    except DataError:
        return None


def _record(line: LogLine) -> PredictionRecord:
    boxes = tuple(LoggedBox(one.label, one.score, one.box) for one in line.detections)
    try:
        at = line.time.replace(tzinfo=UTC) if line.time.tzinfo is None else line.time.astimezone(UTC)
    except OverflowError:  # of the year 1 or 9999, which another zone takes beyond the calendar
        raise DataError(f"time: lies beyond the calendar, got {line.time.isoformat()}") from None
    sizes = line.width, line.height
    return PredictionRecord(
        at, line.image, line.version, line.shadow, boxes, line.latency_ms, *sizes, line.group, line.error
    )
