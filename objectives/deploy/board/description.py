"""A board's own description: what it is made of, and what is installed for one of its Pythons."""

import platform
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from objectives.deploy.board.hardware import hardware, unit
from objectives.deploy.board.health import now
from objectives.deploy.device import RUNTIMES, Device, offers
from spaces.errors import first_line

IDENTITY = ("model", "soc", "processor", "cores", "max_mhz", "memory_gb", "accelerators", "power_mode", "system")


def describe(root: Path = Path("/")) -> dict[str, Any]:
    """Return what the board says of itself; run on the board, without NumPy if need be.

    Returns:
        `hardware` (see `objectives.deploy.board.hardware`), `unit`, `python`, `executable`, `numpy` and `opencv` (a
        version, or None), `pixels` (who computes letterbox and NMS), `runtimes` (by name `version` and `providers`, or
        `error`), `externally_managed` and `has_pip` (how packages can be installed), `health` (now, in words).
    """
    return {
        "hardware": hardware(root),
        "unit": unit(root),
        "python": platform.python_version(),
        "executable": sys.executable,
        "numpy": _version("numpy"),
        "opencv": _opencv(),
        "pixels": _pixels(),
        "runtimes": _runtimes(),
        "externally_managed": _is_externally_managed(),
        "has_pip": find_spec("pip") is not None,
        "has_venv": find_spec("ensurepip") is not None,
        "health": now(root),
    }


def device_description(device: Device, board: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fingerprint of a device on a board is made of, as of `Device.describe`.

    The host's name is not in it: a board that moves, or is called otherwise, keeps its figures. Neither is its serial
    number: two boards of one model are one device.

    Args:
        device: with a host.
        board: what `describe` has returned there; nothing is missing.
    """
    parts, processor = board["hardware"], device.on_processor
    return {
        "name": device.name,
        "runtime": device.runtime,
        "provider": device.provider,
        "threads": device.threads,
        "options": dict(device.options),
        **{key: parts[key] for key in IDENTITY if key != "accelerators"},
        "accelerator": "" if processor else " + ".join(parts["accelerators"]),
        "runtime_version": board["runtimes"][device.runtime]["version"],
        "precision": str(device.options.get("INFERENCE_PRECISION_HINT", "fp32")),
        "pixels": board["pixels"],
        **({"accuracy": "by the board"} if device.accuracy else {}),  # scores of two runtimes stand on no one front
    }


def _runtimes() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for runtime in RUNTIMES:
        try:
            if offered := offers(runtime):
                found[runtime] = {"version": offered[0], "providers": offered[1]}
        except Exception as error:  # installed, and broken: a library that lacks, a processor that is too old
            found[runtime] = {"error": first_line(error)}
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _opencv() -> str | None:
    """Return OpenCV's version: it ships under several names."""
    if find_spec("cv2") is None:
        return None
    import cv2

    return str(cv2.__version__)


def _pixels() -> str:
    if find_spec("numpy") is None:
        return ""
    from objectives.deploy.pixels.choose import pixel_work

    return pixel_work().name


def _is_externally_managed() -> bool:
    """Whether pip refuses to install for this Python (PEP 668), as on Debian and Raspberry Pi OS."""
    in_venv = sys.prefix != sys.base_prefix
    return not in_venv and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
