"""Several devices from a line to a config: `devices=[pi5,orin]`, settings of one of them, and its bounds.

Hydra knows one choice of a group at one place, and no keys below a list. So what a line says of one device is taken out
of it first, and each device is composed at a place of its own, as `device` is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.settings.class_bounds import bound_of
from spaces.errors import SettingsError, nearest

SEVERAL, ONE = "devices", "device"
COMPOSED_AT = "device_of"  # where the devices are composed, by their names
BOUNDS = f"gate.{SEVERAL}."


@dataclass(frozen=True)
class OfDevices:
    """What a line says of single devices.

    Attributes:
        others: the other arguments.
        settings: "device_of.pi5.threads=4", in Hydra's grammar.
        bounds: device -> bound's name -> limit; None takes a bound of a preset away.
    """

    others: list[str]
    settings: list[str]
    bounds: Mapping[str, Mapping[str, float | None]]


def take_of_devices(arguments: Sequence[str]) -> OfDevices:
    """Take what a line says of single devices out of it.

    Raises:
        SettingsError: a bound is no number.
    """
    others, settings, bounds = list[str](), list[str](), dict[str, dict[str, float | None]]()
    for argument in arguments:
        plain = argument.lstrip("+")
        if plain.startswith(f"{SEVERAL}."):
            sign = argument[: len(argument) - len(plain)]
            settings.append(f"{sign}{COMPOSED_AT}.{plain.removeprefix(f'{SEVERAL}.')}")
        elif plain.startswith(BOUNDS):
            key, _, text = plain.partition("=")
            device, _, name = key.removeprefix(BOUNDS).rpartition(".")
            bounds.setdefault(device or name, {})[name if device else ""] = bound_of(key, text, "8")
        else:
            others.append(argument)
    return OfDevices(others, settings, bounds)


def names_of(config: Mapping[str, Any], arguments: Sequence[str], said: OfDevices) -> tuple[str, ...]:
    """Return the names that a config gives under `devices`; none for a study of the one under `device`.

    Args:
        config: as composed.
        arguments: of the line.
        said: what the line says of single devices.

    Raises:
        SettingsError: they are no names, or the line says something of a device that is not there.
    """
    found = config.get(SEVERAL) or []
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise SettingsError(f"{SEVERAL}: must be a list of options of the group device, got {found!r}; give [pi5,orin]")
    for name in found:
        if found.count(name) > 1:
            raise SettingsError(f"{SEVERAL}: '{name}' is named twice; name each device once")
    for line in said.settings:
        said_of = line.lstrip("+").removeprefix(f"{COMPOSED_AT}.")
        name = said_of.partition("=")[0].partition(".")[0]
        if name not in found:
            hint = nearest(name, found) if found else f"; name several with {SEVERAL}=[...], or give device.SEVERAL=..."
            raise SettingsError(f"{SEVERAL}.{said_of}: '{name}' is none of the devices{hint}")
        if "." not in said_of.partition("=")[0]:
            raise SettingsError(
                f"{SEVERAL}.{said_of}: names no setting of the device; give {SEVERAL}.{name}.threads=..."
            )
    for argument in arguments if found else ():
        key = argument.lstrip("+").partition("=")[0]
        if key == ONE:
            listed = f"{SEVERAL}=[{','.join(found)}]"
            raise SettingsError(f"'{argument}' stands beside {listed}; give one of both, or {SEVERAL}=[]")
        if key.startswith(f"{ONE}."):
            names = f"{SEVERAL}.{found[0]}.{key.removeprefix(f'{ONE}.')}"
            raise SettingsError(f"'{argument}': of several devices say which one's, as {names}=...")
    return tuple(found)


def overrides_for(names: Sequence[str], said: OfDevices) -> list[str]:
    """Return the overrides by which Hydra composes several devices, the first under `device` too."""
    return [
        f"{ONE}={names[0]}",
        *(f"+{ONE}@{COMPOSED_AT}.{name}={name}" for name in names),
        *said.settings,
    ]


def put_devices(config: dict[str, Any], names: Sequence[str], said: OfDevices) -> None:
    """Put devices and their bounds into a composed config: `devices` as a list of groups, `device` the first.

    Raises:
        SettingsError: a device is called otherwise than its option.
    """
    places = config.pop(COMPOSED_AT, {})
    groups = [places[name] for name in names]
    for name, group in zip(names, groups, strict=True):
        if group.get("name") != name:
            other = group.get("name")
            raise SettingsError(
                f"{SEVERAL}: option '{name}' of the group device calls itself '{other}'; give it name: {name}"
            )
    if names:
        config[ONE] = groups[0]
    config[SEVERAL] = groups if len(groups) > 1 else []
    gate = config.get("gate")
    if not isinstance(gate, dict | None) or not isinstance((gate or {}).get(SEVERAL), dict | None):
        return  # what is no group is refused later
    before = (gate or {}).get(SEVERAL)
    if not (before or said.bounds):
        return
    config["gate"] = gate = {**(gate or {}), SEVERAL: _merged(before, said.bounds)}
    first = config[ONE]["name"]
    for name, limit in said.bounds.get(first, {}).items():
        if name in gate and not any(line.startswith(f"gate.{name}=") for line in said.others):
            gate[name] = limit  # the line's in place of a preset's; both in one line are compared later


def _merged(before: Mapping[str, Any] | None, said: Mapping[str, Mapping[str, float | None]]) -> dict[str, Any] | None:
    """Return the bounds of a config with those of the line; whole numbers as others, which YAML distinguishes."""
    found: dict[str, Any] = {
        name: {key: float(value) if type(value) is int else value for key, value in bounds.items()}
        if isinstance(bounds, Mapping)
        else bounds
        for name, bounds in (before or {}).items()
    }
    for device, bounds in said.items():
        merged = {**found.get(device, {}), **bounds}
        found[device] = {name: value for name, value in merged.items() if value is not None}
    return {name: bounds for name, bounds in found.items() if bounds} or None
