"""Bounds on classes from the command line: `gate.recall_of.NAME=0.9`, whatever a class is called.

Hydra's grammar has no keys with spaces, dots or letters beyond ASCII, and adds a key only after a `+`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from spaces.errors import SettingsError

CLASS_PREFIXES = {"gate.recall_of.": "recall_of", "gate.misses_of.": "misses_of"}


def take_class_bounds(arguments: Sequence[str]) -> tuple[list[str], dict[str, dict[str, float | None]]]:
    """Return the other arguments, and setting -> class -> bound; None takes a bound of a preset away.

    Raises:
        SettingsError: a bound is no number.
    """
    others, bounds = [], dict[str, dict[str, float | None]]()
    for argument in arguments:
        plain = argument.lstrip("+")
        setting = next((name for prefix, name in CLASS_PREFIXES.items() if plain.startswith(prefix)), None)
        if setting is None:
            others.append(argument)
        else:
            name, equals, text = plain.removeprefix(f"gate.{setting}.").rpartition("=")
            limit = bound_of(f"gate.{setting}.{name}", text if equals else "", "0.9")
            bounds.setdefault(setting, {})[_unquoted(name)] = limit
    return others, bounds


def put_class_bounds(config: dict[str, Any], bounds: Mapping[str, Mapping[str, float | None]]) -> None:
    """Put the bounds into a composed config, beside those that it holds."""
    gate = config.get("gate")
    if not bounds or not isinstance(gate, dict | None):  # a gate that is no group is refused later
        return
    config["gate"] = gate = dict(gate or {})
    for setting, of_classes in bounds.items():
        merged = {**(gate.get(setting) or {}), **of_classes}
        gate[setting] = {name: bound for name, bound in merged.items() if bound is not None} or None


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] and name[0] in "'\"" else name


def bound_of(key: str, text: str, example: str) -> float | None:
    """Return a bound as a line gives it; None takes a bound of a preset away.

    Raises:
        SettingsError: it is no number.
    """
    if text == "null":
        return None
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{key}: must be a number or null, got '{text}'; give {key}={example}") from None
