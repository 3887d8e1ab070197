"""Settings that choose an object and hold its own settings: the sampler and the pruner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.settings.compose import default_values
from search.settings.sections import read_section
from search.settings.target import TARGET
from spaces.errors import SettingsError


@dataclass(frozen=True)
class SamplerSettings:
    """Which sampler proposes candidates.

    Attributes:
        name: of one of the product's own; a label for any other.
        target: where any other is imported from; None for the product's own.
        arguments: the sampler's own settings.
    """

    name: str
    target: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_config(cls, values: object) -> "SamplerSettings":
        """Read the group of settings; what it leaves out is as `conf/` has it."""
        given = _given("sampler", values)
        own = {key: value for key, value in given.items() if key not in ("name", TARGET)}
        return cls(_text("sampler.name", given["name"]), _target("sampler", given), own)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a preset holds them."""
        return {"name": self.name, **({TARGET: self.target} if self.target else {}), **self.arguments}


@dataclass(frozen=True)
class PrunerSettings:
    """At which rungs trials are judged, and by which scheduler.

    Attributes:
        name: of one of the product's own schedulers; a label for any other.
        rungs: at most so many rungs.
        eta: ratio of the epochs of two rungs.
        grace: share of the training before which nothing is decided, in [0, 1].
        target: where any other scheduler is imported from; None for the product's own.
        arguments: the scheduler's own settings.
    """

    name: str
    rungs: int
    eta: float
    grace: float
    target: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rungs < 1 or not self.eta > 1:
            raise SettingsError(f"pruner: needs rungs >= 1 and eta > 1, got rungs={self.rungs}, eta={self.eta}")
        if not 0 <= self.grace <= 1:
            raise SettingsError(f"pruner.grace: must lie in [0, 1], got {self.grace}")

    @classmethod
    def from_config(cls, values: object) -> "PrunerSettings":
        """Read the group of settings; what it leaves out is as `conf/` has it."""
        given = _given("pruner", values)
        ladder = read_section(_Ladder, "pruner", {key: given[key] for key in ("rungs", "eta", "grace")})
        own = {key: value for key, value in given.items() if key not in ("name", TARGET, *vars(ladder))}
        name, target = _text("pruner.name", given["name"]), _target("pruner", given)
        return cls(name, **vars(ladder), target=target, arguments=own)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a preset holds them."""
        ladder = {"rungs": self.rungs, "eta": self.eta, "grace": self.grace}
        return {"name": self.name, **ladder, **({TARGET: self.target} if self.target else {}), **self.arguments}


@dataclass(frozen=True)
class _Ladder:
    rungs: int
    eta: float
    grace: float


def _given(section: str, values: object) -> dict[str, Any]:
    """Return what a group says, filled up from `conf/`."""
    if not isinstance(values, Mapping | None):
        raise SettingsError(f"{section}: must be a group of settings, got {values!r}")
    return default_values(section, (values or {}).get("name")) | dict(values or {})


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{key}: must be a name, got {value!r}")
    return value


def _target(section: str, values: Mapping[str, Any]) -> str | None:
    return _text(f"{section}.{TARGET}", values[TARGET]) if values.get(TARGET) is not None else None
