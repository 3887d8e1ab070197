"""Opening a deployable file in the runtime of a device: the table of runtimes."""

from pathlib import Path

from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime
from objectives.deploy.runtimes.onnx_runtime import OnnxRuntime
from objectives.deploy.runtimes.openvino_runtime import OpenVino
from spaces.errors import DataError

CLASSES: dict[str, type[Runtime]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}


def open_artifact(path: Path, device: Device) -> Runtime:
    """Open a deployable file on a device; one of a board is opened in its runtime here.

    Raises:
        DataError: there is no such file, or it was written neither by this project nor by Ultralytics.
        DeviceError: the runtime is not usable.
    """
    if not path.is_file():
        raise DataError(f"artifact: '{path}' is not a file; name an ONNX file that this project exported")
    device = device.here()
    device.check()
    return CLASSES[device.runtime](path, device)
