"""When an image was taken and which group it belongs to, by its path and the settings of the stream."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from search.settings.pipeline.parts import StreamSettings
from search.settings.pipeline.stream_checks import GROUP_GROUP, MTIME, TIME_GROUP
from spaces.errors import DataError


@dataclass(frozen=True)
class Taken:
    """When an image was taken, in UTC, and its group."""

    at: datetime
    group: str


def taken(path: str, mtime_s: float, stream: StreamSettings) -> Taken:
    """Return when and where an image was taken.

    Args:
        path: of the file, relative to the folder of the stream, with slashes.
        mtime_s: seconds since 1970, when the file was changed last.
        stream: the settings.

    Raises:
        DataError: a pattern does not match the path, or what it finds is no time; the line begins with the setting.
    """
    return Taken(time_of(path, mtime_s, stream), group_of(path, stream))


def time_of(path: str, mtime_s: float, stream: StreamSettings) -> datetime:
    """Return when an image was taken; arguments and errors are those of `taken`."""
    if stream.time == MTIME:
        try:
            return datetime.fromtimestamp(mtime_s, UTC)
        except (OverflowError, ValueError, OSError):  # a copy or a camera has set it to nonsense
            raise DataError("stream.time: the file's time lies beyond the calendar; set it right") from None
    text = _found("stream.time", stream.time, TIME_GROUP, path)
    try:
        at = datetime.fromisoformat(text) if stream.time_format is None else datetime.strptime(text, stream.time_format)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter where a zone takes it beyond the calendar
        wanted = "ISO 8601" if stream.time_format is None else f"'{stream.time_format}'"
        raise DataError(f"stream.time_format: '{text}' is no time as of {wanted}") from None


def group_of(path: str, stream: StreamSettings) -> str:
    """Return the group of an image; arguments and errors are those of `taken`."""
    if stream.group is None:
        return PurePosixPath(path).parent.as_posix()
    return _found("stream.group", stream.group, GROUP_GROUP, path)


def _found(setting: str, pattern: str, name: str, path: str) -> str:
    found = re.search(pattern, path)
    if found is None or not found[name]:
        raise DataError(f"{setting}: '{pattern}' finds nothing in the path")
    return found[name]
