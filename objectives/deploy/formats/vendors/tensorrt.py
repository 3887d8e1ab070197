"""TensorRT: an engine, built of the ONNX file for the GPU that is here. Untested on machines of ours."""

from importlib.util import find_spec
from pathlib import Path

from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.records.failures import ExportFailed

GPUS = Path("/proc/driver/nvidia/gpus")


class TensorRt(DeployFormat):
    """An `.engine` for this GPU and this version of TensorRT alone, metadata beside it."""

    name = "tensorrt"
    suffix = ".engine"
    tested = False
    note = "for the GPU that builds it; device=tensorrt builds its own of the ONNX file"

    def why_not(self) -> str:
        """Name the GPU or the package, where it is missing."""
        if not GPUS.is_dir():
            return "needs an NVIDIA GPU: no driver here (no /proc/driver/nvidia); export on the machine that deploys"
        return "" if find_spec("tensorrt") else "needs TensorRT: no module tensorrt; install tensorrt"

    def _write(self, source: Source, to: Path) -> None:
        import tensorrt

        logger = tensorrt.Logger(tensorrt.Logger.ERROR)
        builder = tensorrt.Builder(logger)
        network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
        parser = tensorrt.OnnxParser(network, logger)
        if not parser.parse_from_file(str(source.onnx)):
            raise ExportFailed(f"format tensorrt: '{source.onnx.name}' is not taken ({parser.get_error(0).desc()})")
        engine = builder.build_serialized_network(network, builder.create_builder_config())
        if engine is None:
            raise ExportFailed(f"format tensorrt: no engine could be built of '{source.onnx.name}'")
        to.write_bytes(engine)
