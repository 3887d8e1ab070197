"""TorchScript: the trial's network, traced by torch in a process of its own; this module brings no torch along."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.records.failures import ExportFailed
from objectives.records.paths import WEIGHTS

TRACED_WITHIN_S = 300.0  # torch and Ultralytics take five to be imported, many times that on a machine that swaps
# By name alone: the program needs the trial's floors, which stand above this one.
TRACER = "objectives.trial.trace"


class TorchScriptFile(DeployFormat):
    """TorchScript, weights in 32 bit."""

    name = "torchscript"
    suffix = ".torchscript"
    runtime = "torchscript"
    of_weights = True
    note = f"made of the trial's {WEIGHTS}; the measuring process imports torch"

    def why_not(self) -> str:
        """Name the package, where it is missing."""
        return "" if find_spec("torch") else "needs torch; install it"

    def _write(self, source: Source, to: Path) -> None:
        if source.weights is None or not source.weights.is_file():
            raise ExportFailed(
                f"format torchscript: it is made of a network, and there is no {WEIGHTS} beside '{source.onnx}'; name "
                "a study or an export"
            )
        job = {"weights": str(source.weights.absolute()), "onnx": str(source.onnx.absolute()), "to": str(to.absolute())}
        done = subprocess.run(
            [sys.executable, "-m", TRACER],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=TRACED_WITHIN_S,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"])[-1]
            raise ExportFailed(f"format torchscript: '{source.weights.name}' cannot be traced ({last[:300]})")
