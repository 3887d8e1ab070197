"""Checks of the settings of stream, labelling and versions: what is wrong there becomes one line."""

import re
from collections.abc import Collection

from spaces.errors import SettingsError, nearest

LABEL_TOOLS = ("coco", "yolo", "label_studio")
MTIME = "mtime"
TIME_GROUP, GROUP_GROUP = "time", "group"
_HOOK = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def check_choice(setting: str, value: str, known: Collection[str]) -> None:
    """Check that a value is one of those known.

    Raises:
        SettingsError: it is not.
    """
    if value not in known:
        raise SettingsError(f"{setting}: unknown choice '{value}'{nearest(value, known)}; known: {', '.join(known)}")


def check_bounds(setting: str, value: float | None, low: float, high: float | None = None) -> None:
    """Check that a number lies within bounds; None is let pass.

    Raises:
        SettingsError: it does not.
    """
    if value is not None and not (low <= value and (high is None or value <= high)):
        wanted = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        raise SettingsError(f"{setting}: must be {wanted}, got {value}")


def check_stream(time: str, time_format: str | None, group: str | None, privacy: str | None) -> None:
    """Check how time and group are read from paths, and the shape of the privacy hook.

    Raises:
        SettingsError: a pattern is no regular expression or names no group, or the hook is no `module:function`.
    """
    if time != MTIME:
        _check_pattern("stream.time", time, TIME_GROUP)
    elif time_format is not None:
        raise SettingsError(f"stream.time_format: needs a pattern in stream.time, not {MTIME}; got '{time_format}'")
    if group is not None:
        _check_pattern("stream.group", group, GROUP_GROUP)
    if privacy is not None and not _HOOK.fullmatch(privacy):
        raise SettingsError(f"stream.privacy: must be module:function, got '{privacy}'")


def _check_pattern(setting: str, pattern: str, name: str) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"{setting}: '{pattern}' is no regular expression: {error}") from None
    if name not in compiled.groupindex:
        raise SettingsError(f"{setting}: '{pattern}' has no group '{name}'; write (?P<{name}>...) around what is meant")
