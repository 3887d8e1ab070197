"""RKNN, Rockchip's NPUs (Orange Pi 5: RK3588): the ONNX file through rknn-toolkit2. Untested on machines of ours."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.records.failures import ExportFailed

PLATFORM = "rk3588"


class Rknn(DeployFormat):
    """A `.rknn` file for the RK3588, 16-bit floats; images go in as (1, height, width, 3) of 8 bits."""

    name = "rknn"
    suffix = ".rknn"
    tested = False
    note = f"for {PLATFORM}"

    def why_not(self) -> str:
        """Name Rockchip's toolkit, where it is missing."""
        return "" if find_spec("rknn") else "needs Rockchip's toolkit: no module rknn; install rknn-toolkit2"

    def _write(self, source: Source, to: Path) -> None:
        from rknn.api import RKNN

        of_vendor: Any = RKNN  # it has no types
        toolkit = of_vendor(verbose=False)
        try:
            toolkit.config(mean_values=[[0, 0, 0]], std_values=[[255, 255, 255]], target_platform=PLATFORM)
            _passed("load_onnx", toolkit.load_onnx(model=str(source.onnx)))
            _passed("build", toolkit.build(do_quantization=False))
            _passed("export_rknn", toolkit.export_rknn(str(to)))
        finally:
            toolkit.release()


def _passed(step: str, code: int) -> None:
    if code:
        raise ExportFailed(f"format rknn: rknn-toolkit2 failed at {step} with {code}")
