"""The baseline as a line asks for it: which published detector, and whether the line itself names it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from search.settings.compose import base_values
from spaces.errors import SettingsError, SpaceError
from spaces.network.baseline import Baseline

KEY = "baseline"


@dataclass(frozen=True)
class BaselineSettings:
    """Which stock detector a study compares its own with.

    Attributes:
        detector: as `spaces.network.baseline.Baseline.parse` reads it; None for none.
        is_named: whether the command line names it: a study that has none gets one then, and loses one that has not
            ended where the line says none. What a preset says holds for new studies alone.
    """

    detector: Baseline | None
    is_named: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any], arguments: Sequence[str]) -> Self:
        """Read the setting of a composed line.

        Raises:
            SettingsError: it is no plain word, or no published detector's.
        """
        value = config[KEY] if KEY in config else base_values()[KEY]
        if value is not None and not isinstance(value, str):
            raise SettingsError(f"baseline: must be a detector's name, as yolo26n, or none, got {value!r}")
        try:
            detector = None if value is None else Baseline.parse(value)
        except SpaceError as error:
            raise SettingsError(str(error)) from error
        named = any(argument.lstrip("+~").partition("=")[0] == KEY for argument in arguments)
        return cls(detector, named)

    def to_json(self) -> str:
        """Return the word that asks for it."""
        return str(self.detector or "none")
