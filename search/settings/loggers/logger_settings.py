"""Which loggers a search reports to, each by its `_target_` with its own settings: the config group `logger`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.settings.target import TARGET, Target
from spaces.errors import SettingsError

LOGGER = "logger"


@dataclass(frozen=True)
class LoggerSettings:
    """The loggers of a search; no part of its study, which is the same with others or none.

    Attributes:
        targets: name of a logger, for people -> its class and its own settings.
    """

    targets: Mapping[str, Target]

    @classmethod
    def from_config(cls, values: object) -> "LoggerSettings":
        """Read the group of settings; without any, no logger is meant.

        Raises:
            SettingsError: it is no group, or one in it names no class.
        """
        if not isinstance(values, Mapping | None):
            raise SettingsError(
                f"{LOGGER}: must be a group of loggers by name, got {values!r}; give logger=tensorboard"
            )
        return cls({str(name): _target(str(name), one) for name, one in (values or {}).items() if one is not None})


def _target(name: str, values: Any) -> Target:
    path = values.get(TARGET) if isinstance(values, Mapping) else None
    if not isinstance(path, str) or not path:
        key = f"{LOGGER}.{name}"
        raise SettingsError(f"{key}: needs a class by {TARGET}, got {values!r}; give +{key}.{TARGET}=PACKAGE.CLASS")
    return Target(f"{LOGGER}.{name}", path, {key: value for key, value in values.items() if key != TARGET})
