"""ONNX: what every trial writes, and what every other format is made of."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.machine.files import whole


class Onnx(DeployFormat):
    """ONNX, as the trial wrote it."""

    name = "onnx"
    suffix = ".onnx"
    runtime = "onnxruntime"

    def why_not(self) -> str:
        """Return "": the trial has written it."""
        return ""

    def convert(self, source: Source, to: Path, properties: Mapping[str, str] | None = None) -> Path:
        """Copy the file; it keeps the metadata that it has."""
        with whole(to) as partial:
            self._write(source, partial)
        return to

    def _write(self, source: Source, to: Path) -> None:
        shutil.copyfile(source.onnx, to)
