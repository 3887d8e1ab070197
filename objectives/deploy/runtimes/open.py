"""Opening a deployable file in the runtime of a device: the table of runtimes."""

from pathlib import Path

from objectives.deploy.artifact import MadeFor
from objectives.deploy.artifact_files import ONNX
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, check_options
from objectives.deploy.runtimes.litert_runtime import LiteRt
from objectives.deploy.runtimes.ncnn_runtime import Ncnn
from objectives.deploy.runtimes.onnx_runtime import OnnxRuntime
from objectives.deploy.runtimes.openvino_runtime import OpenVino
from objectives.deploy.runtimes.torchscript_runtime import TorchScript
from spaces.errors import DataError

CLASSES: dict[str, type[Runtime]] = {
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "litert": LiteRt,
    "ncnn": Ncnn,
    "torchscript": TorchScript,
}


def check_here(device: Device) -> None:
    """Check that a device of this machine can be used: runtime, provider, and the options that a runtime knows.

    Raises:
        DeviceError: it cannot; one line says what is missing, or which option is unknown.
    """
    device.check()
    check_options(device, CLASSES[device.runtime])


def open_artifact(path: Path, device: Device) -> Runtime:
    """Open a deployable file on a device, in a format that its runtime takes; a board's in its runtime here.

    Raises:
        DataError: there is no such file, or it was written neither by this project nor by Ultralytics, or in int8 for
            another runtime.
        DeviceError: the runtime is not usable.
    """
    if not path.is_file():
        raise DataError(f"artifact: '{path}' is not a file; name a file that this project exported")
    device = device.here()
    device.check()
    runtime = CLASSES[device.runtime]
    if path.suffix.lower() not in runtime.suffixes:
        takes = " and ".join(runtime.suffixes)
        raise DataError(f"artifact: device={device.name} opens {takes} files, got '{path}'; see automl formats")
    if path.suffix.lower() == ONNX:
        _check_precision(path, device)
    return runtime(path, device)


def _check_precision(path: Path, device: Device) -> None:
    """Refuse a file in int8 whose operations OpenVINO alone knows: other runtimes would name one of these."""
    made = MadeFor.of_onnx(path)
    if made is not None and (made.precision, made.runtime) == ("int8", "openvino") and device.runtime != made.runtime:
        raise DataError(
            f"artifact: '{path}' is int8 made for openvino; device={device.name} runs {device.runtime}; take the fp32 "
            "file"
        )
