"""Ultralytics' own exporters for vendors' compilers: run on the checkpoint that Ultralytics alone builds and loads."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from objectives.deploy.formats.contract import Source
from objectives.records.failures import ExportFailed

COMPILED_WITHIN_S = 4 * 3600.0  # compilers of accelerators optimise for hours
CHECKPOINT_WRITER = (
    "objectives.trial.plain_checkpoint"  # by name alone: the program needs the trial's floors, above this one
)


def export_by_ultralytics(name: str, source: Source, to: Path, arguments: Mapping[str, str] | None = None) -> None:
    """Write a vendor's folder by `yolo export`, calibrated on the data set.

    Args:
        name: of the format, here and in Ultralytics ("imx", "hailo").
        source: with weights, and the data set for calibration.
        to: the folder.
        arguments: further ones of `yolo export`, such as Hailo's `name`.

    Raises:
        ExportFailed: there are no weights or no data set, Ultralytics does not build the network alone, or the
            vendor's compiler fails.
    """
    if source.weights is None or source.data_yaml is None:
        raise ExportFailed(f"format {name}: it is made of a study's weights and data; name a study, not a file")
    plain = to.parent / "detector.pt"
    job = json.dumps({"weights": str(source.weights.absolute()), "target": str(plain.absolute())})
    out = _run(name, [sys.executable, "-m", CHECKPOINT_WRITER], job)
    why_not = json.loads(out.splitlines()[-1])["why_not"]
    if why_not:
        raise ExportFailed(f"format {name}: Ultralytics' exporter does not take this network ({why_not})")
    given = {"model": str(plain), "format": name, "data": str(source.data_yaml), **(arguments or {})}
    program = "import sys; from ultralytics.cfg import entrypoint; entrypoint()"
    _run(name, [sys.executable, "-c", program, "export", *(f"{key}={value}" for key, value in given.items())], "")
    made = [path for path in to.parent.glob(f"detector_{name}*") if path.is_dir()]
    if len(made) != 1:
        raise ExportFailed(f"format {name}: Ultralytics' exporter left no folder 'detector_{name}...'")
    made[0].replace(to)


def _run(name: str, command: list[str], text: str) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=COMPILED_WITHIN_S, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()] or ["no output"]
        raise ExportFailed(f"format {name}: its exporter failed ({lines[-1].strip()[:300]})")
    return done.stdout
