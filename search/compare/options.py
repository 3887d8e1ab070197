"""The settings of a comparison that stand on its line beside those of the data set, the device and the latency."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from objectives.compare.bootstrap import Resampling
from objectives.compare.critical import CriticalRule
from objectives.compare.verdict import Rules
from spaces.errors import SettingsError, nearest

PRINTED = ("text", "json")
KEYS = ("split", "format", "page", "frozen", "gate", "margin", "slower_max", "level", "resamples", "seed")
CRITICAL = "critical."  # critical.CLASS.recall_min=0.9
WHOLE_NUMBERS = ("resamples", "seed")


@dataclass(frozen=True)
class CompareOptions:
    """How two detectors are compared.

    Attributes:
        split: the split that both are run on; None takes the one that trials are scored on.
        format: what is printed, one of PRINTED.
        page: the HTML file to be written; None for none.
        frozen: fingerprint that the set must have; None takes any.
        resampling: of the intervals.
        rules: of the verdict.
        critical: rules of single classes.
        gate: whether the challenger must also keep the gate of the line: that of `conf=...` and `gate.NAME=...`.
    """

    split: str | None
    format: str
    page: Path | None
    frozen: str | None
    resampling: Resampling
    rules: Rules
    critical: Mapping[str, CriticalRule]
    gate: bool

    def __post_init__(self) -> None:
        if self.format not in PRINTED:
            hint = nearest(self.format, PRINTED)
            raise SettingsError(f"format: unknown choice '{self.format}'{hint}; known: {', '.join(PRINTED)}")
        if self.page is not None and self.page.is_dir():
            raise SettingsError(f"page: '{self.page}' is a folder; name a file, such as page=compare.html")


def read_options(arguments: list[str]) -> tuple[CompareOptions, list[str]]:
    """Return the settings of the comparison, and the overrides of the other settings.

    Raises:
        SettingsError: a setting is there twice, has no value, or breaks its rule.
    """
    given: dict[str, str] = {}
    overrides: list[str] = []
    critical: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key.startswith(CRITICAL):
            critical.append(argument)
        elif key not in KEYS:
            overrides.append(argument)
        elif not equals or not value or key in given:
            raise SettingsError(f"{key}: needs one value, got '{argument}'; give {key}=... once")
        else:
            given[key] = value
    numbers = {
        key: _number(key, given[key]) for key in ("margin", "slower_max", "level", *WHOLE_NUMBERS) if key in given
    }
    resampling = {key: numbers[key] for key in ("level", *WHOLE_NUMBERS) if key in numbers}
    rules = {key: numbers[key] for key in ("margin", "slower_max") if key in numbers}
    options = CompareOptions(
        given.get("split"),
        given.get("format", "text"),
        Path(given["page"]).expanduser() if "page" in given else None,
        given.get("frozen"),
        Resampling(**resampling),  # type: ignore[arg-type]  # whole numbers are such by now
        Rules(**rules),  # type: ignore[arg-type]  # only slower_max may be None
        _critical(critical),
        _switch("gate", given.get("gate", "false")),
    )
    return options, overrides


def _critical(arguments: list[str]) -> dict[str, CriticalRule]:
    """Return the rules of critical classes; a class's name may have dots and spaces.

    Raises:
        SettingsError: a rule is unknown, there twice, or its number is none.
    """
    known = [field.name for field in dataclasses.fields(CriticalRule)]
    found: dict[str, dict[str, float]] = {}
    for argument in arguments:
        key, _, text = argument.rpartition("=")
        name, dot, rule = key.removeprefix(CRITICAL).rpartition(".")
        if not dot or not name:
            raise SettingsError(
                f"critical: needs a class and a rule, got '{argument}'; give critical.CLASS.drop_max=0.02"
            )
        if rule not in known:
            raise SettingsError(f"{key}: unknown rule '{rule}'{nearest(rule, known)}; known: {', '.join(known)}")
        if rule in found.get(name, {}):
            raise SettingsError(f"{key}: needs one value, got '{argument}'; give {key}=... once")
        value = _number(key, text)
        if value is None:
            raise SettingsError(f"{key}: must be a number, got '{text}'")
        found.setdefault(name, {})[rule] = value
    return {name: CriticalRule(**rules) for name, rules in found.items()}


def _switch(key: str, text: str) -> bool:
    value = yaml.safe_load(text)
    if not isinstance(value, bool):
        raise SettingsError(f"{key}: must be true or false, got '{text}'; bounds are {key}.map50_min=... and the like")
    return value


def _number(key: str, text: str) -> float | int | None:
    value = yaml.safe_load(text)
    if value is None and key == "slower_max":
        return None
    kinds = (int,) if key in WHOLE_NUMBERS else (int, float)
    if type(value) not in kinds or not math.isfinite(value):
        kind = "whole number" if key in WHOLE_NUMBERS else "number"
        raise SettingsError(f"{key}: must be a {kind}{' or null' if key == 'slower_max' else ''}, got '{text}'")
    return value  # type: ignore[no-any-return]  # one of the kinds above
