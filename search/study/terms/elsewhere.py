"""Whether a device of a study is the one that a process asks for, on another machine."""

from collections.abc import Mapping
from typing import Any

from objectives.deploy.device import Device

OF_SETTINGS = ("name", "runtime", "provider", "threads", "options")  # what settings say of a device
OF_SCORES = ("runtime_version", "precision")  # what its scores hang on, beside


def is_elsewhere(device: Device, here: Mapping[str, Any] | None, kept: Mapping[str, Any]) -> bool:
    """Whether a study's device is another machine's, and all that settings say of it, and scores hang on, is alike.

    Args:
        device: as the settings of this process have it.
        here: its description on this machine; None where this machine cannot use it.
        kept: the description that the study keeps.
    """
    asked = {name: getattr(device, name) for name in OF_SETTINGS}
    if device.scores_there or asked != {name: kept.get(name) for name in OF_SETTINGS}:
        return False
    if here is None:
        return device.host is not None
    return dict(here) != dict(kept) and all(here.get(name) == kept.get(name) for name in OF_SCORES)


def words(name: str, kept: Mapping[str, Any], here: Mapping[str, Any] | None) -> str:
    """Return in one line that another machine has a device, and how this one's differs."""
    other = _what(kept)
    if here is None:
        return f"device={name}: this machine does not reach it; the study's queue is asked for latencies ({other})"
    return (
        f"device={name}: another machine has it ({differences(kept, here)}); the study's queue is asked for latencies"
    )


def differences(kept: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Return in words what differs between a study's device and this machine's."""
    keys = [key for key in {**kept, **here} if kept.get(key) != here.get(key)]
    return ", ".join(f"{key} {kept.get(key)} -> {here.get(key)} here" for key in keys)


def _what(description: Mapping[str, Any]) -> str:
    return str(description.get("model") or description.get("processor") or "another machine's")
