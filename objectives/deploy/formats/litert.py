"""LiteRT (TensorFlow Lite): `.tflite`, made of the ONNX file by onnx2tf's direct writer, which needs no TensorFlow.

Compared on five detectors (three backbones with NMS, a head of final boxes, an RT-DETR): onnx2tf 2.6.9 writes right
files in 2 to 7 s from an environment of 290 MB. onnx2tf 1.29 would bring TensorFlow, litert-torch another torch.
"""

import subprocess
from pathlib import Path

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.deploy.formats.converter.environment import environment, make_environment, python_of
from objectives.records.failures import ExportFailed

HERE = Path(__file__).parent / "converter"
PINS, CONVERTER = HERE / "litert.txt", HERE / "onnx_to_litert.py"
CONVERTED_WITHIN_S = 600.0


class LiteRtFile(DeployFormat):
    """LiteRT, weights in 32 bit."""

    name = "litert"
    suffix = ".tflite"
    runtime = "litert"
    note = "its converter is installed on first use, 290 MB"

    def why_not(self) -> str:
        """Return "": the converter is installed when it is needed."""
        return ""

    def is_installed(self) -> bool:
        """Whether the converter is there, so that no package index is needed."""
        return python_of(environment(PINS)).exists()

    def prepare(self) -> None:
        """Install the converter."""
        make_environment(PINS)

    def _write(self, source: Source, to: Path) -> None:
        python = make_environment(PINS)
        command = [str(python), "-I", str(CONVERTER), str(source.onnx.absolute()), str(to.absolute())]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CONVERTED_WITHIN_S, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no output"]
            raise ExportFailed(f"format litert: onnx2tf does not take '{source.onnx.name}' ({lines[-1].strip()[:300]})")
