"""Errors that the user can mend: one base class, one line, exit code 2."""

from collections.abc import Iterable
from difflib import get_close_matches


class AutomlError(Exception):
    """A user's mistake or an unusable environment; the message is one line: the rule, what came, what to do."""


class SpaceError(AutomlError):
    """A search space, a domain or a candidate breaks its rules."""


class DataError(AutomlError):
    """A data set cannot be used."""


class SettingsError(AutomlError):
    """A setting is unknown or breaks its rules."""


class StoreError(AutomlError):
    """A store cannot be opened, written or continued."""


class DiskFull(StoreError):
    """The disk of a store has no room left; what was written before is whole, and the same goes through once it has."""


class DeviceError(AutomlError):
    """A device or its runtime is not usable here."""


class DeviceAway(DeviceError):
    """A board cannot be reached or used just now; the same goes through once it can, and nothing is lost till then."""


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return `; nearest: a, b` for up to three known names closest to `name`, or an empty string.

    Args:
        name: what came.
        known: what is known.
        prefix: put before each name that is shown.
    """
    close = get_close_matches(name, list(dict.fromkeys(known)), n=3, cutoff=0.5)
    return f"; nearest: {', '.join(prefix + near for near in close)}" if close else ""


def first_line(error: BaseException, most: int = 160) -> str:
    """Return the first line of what another library's error says, cut at `most` characters; else its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]
