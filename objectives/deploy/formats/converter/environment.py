"""An environment of its own for a converter whose pins conflict with ours: made once, whole or not at all, kept."""

import hashlib
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from objectives.machine.files import cache_folder, whole_folder
from objectives.machine.locks import locked_folder
from objectives.records.failures import ExportFailed

INSTALLED_WITHIN_S = 900.0  # of pip, on a slow line
# The pins are all there is: pip must not look for more. onnx2tf asks for Python 3.12 and writes the same bytes by 3.11.
PIP = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--ignore-requires-python", "-r")


def environment(pins: Path) -> Path:
    """Return the folder of the environment that holds exactly what a file of pins names; its name says which."""
    text = f"{sys.version_info[:2]} {pins.read_text(encoding='utf-8')}"
    return cache_folder() / "converters" / f"{pins.stem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def python_of(folder: Path) -> Path:
    """Return an environment's interpreter."""
    return folder / "bin" / "python"


def make_environment(pins: Path) -> Path:
    """Return the interpreter of an environment; it is made first where it is not there, which one line says.

    Several processes that ask at once get one environment.

    Args:
        pins: a file of pip's requirements, each with its exact version.

    Raises:
        ExportFailed: pip could not install the pins, as without a network.
    """
    folder = environment(pins)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked_folder(folder.parent):
        if not python_of(folder).exists():
            logging.getLogger(__name__).warning(
                "format %s: its converter is installed once into '%s', which takes a minute", pins.stem, folder
            )
            with whole_folder(folder) as partial:
                _call([sys.executable, "-m", "venv", str(partial)], pins)
                _call([str(python_of(partial)), *PIP, str(pins)], pins)
    return python_of(folder)


def _call(command: Sequence[str], pins: Path) -> None:
    failed = f"format {pins.stem}: its converter could not be installed"
    hint = "connect to a package index, once, or leave the format out"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise ExportFailed(f"{failed} within {INSTALLED_WITHIN_S:g} s; {hint}") from None
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no output"]
        raise ExportFailed(f"{failed} ({errors[-1].removeprefix('ERROR: ')[:300]}); {hint}")
