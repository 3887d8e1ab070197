"""Opening a deployable file in the runtime of a device: the table of runtimes."""

from pathlib import Path

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
        DataError: there is no such file, or it was written neither by this project nor by Ultralytics.
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
    return runtime(path, device)
