"""NCNN: `.ncnn.param` with `.ncnn.bin` and metadata beside it, made of the ONNX file by pnnx."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.records.failures import ExportFailed

PNNX_WITHIN_S = 300.0
PNNX_OWN = ("pnnx.", "torch.", "Tensor.", "aten::", "F.", "nn.", "prim::")  # operators that pnnx leaves as they were


class NcnnNetwork(DeployFormat):
    """NCNN, weights in 32 bit; heads of final boxes choose the best by operators that NCNN has not."""

    name = "ncnn"
    suffix = ".ncnn.param"
    runtime = "ncnn"
    note = "heads with NMS alone"

    def why_not(self) -> str:
        """Name the package, where it is missing."""
        return "" if find_spec("pnnx") and find_spec("ncnn") else "needs ncnn and pnnx; install automl[ncnn]"

    def _write(self, source: Source, to: Path) -> None:
        work = to.parent / "pnnx"  # where pnnx leaves a dozen files
        work.mkdir()
        (work / "net.onnx").symlink_to(source.onnx.absolute())
        command = [str(_pnnx()), "net.onnx", "fp16=0"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=PNNX_WITHIN_S, check=False)
        param, weights = work / "net.ncnn.param", work / "net.ncnn.bin"
        if not param.is_file() or not weights.is_file():
            last = ([line for line in (done.stderr + done.stdout).splitlines() if line.strip()] or ["no output"])[-1]
            raise ExportFailed(f"format ncnn: pnnx does not take '{source.onnx.name}' ({last.strip()})")
        _check_layers(param, source)
        weights.replace(to.with_suffix(".bin"))
        param.replace(to)


def _pnnx() -> Path:
    """Return pnnx's program, which lies in its package; importing that would bring torch along."""
    spec = find_spec("pnnx")
    assert spec is not None  # as `why_not` has found
    assert spec.origin is not None
    return Path(spec.origin).with_name("pnnx")


def _check_layers(param: Path, source: Source) -> None:
    """Refuse a network with layers that NCNN does not know: its runtime would not open the file."""
    layers = {line.split(" ", 1)[0] for line in param.read_text().splitlines()[2:]}
    strange = sorted(layer for layer in layers if layer.startswith(PNNX_OWN))
    if strange:
        named = ", ".join(strange)
        raise ExportFailed(
            f"format ncnn: '{source.onnx.name}' has operators that NCNN does not know ({named}); search with "
            "space.head.kind=nms"
        )
