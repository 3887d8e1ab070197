"""OpenVINO's own format: `.xml` with `.bin` beside it. OpenVINO opens ONNX files too, which a study keeps to."""

from importlib.util import find_spec
from pathlib import Path

from objectives.deploy.artifact import MadeFor
from objectives.deploy.formats.contract import DeployFormat, Source


class OpenVinoIr(DeployFormat):
    """OpenVINO's intermediate representation, weights in 32 bit, or in bytes as its file in int8 has them."""

    name = "openvino"
    suffix = ".xml"
    runtime = "openvino"
    keeps = (MadeFor("int8", "openvino"),)

    def why_not(self) -> str:
        """Name the package, where it is missing."""
        return "" if find_spec("openvino") else "needs openvino; install automl[openvino]"

    def _write(self, source: Source, to: Path) -> None:
        import openvino

        # 16-bit weights would halve the file; precision is a choice of the candidate's, never the format's.
        openvino.save_model(openvino.convert_model(str(source.onnx)), str(to), compress_to_fp16=False)
