"""The runtimes that run a deployable file, behind one contract. No torch in here."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta, read_meta
from objectives.deploy.device import Device
from spaces.errors import DataError, DeviceError


class Runtime(ABC):
    """A deployable file, open in a runtime: image batch in, raw output out.

    Attributes:
        meta: what the file says of itself.
    """

    meta: ArtifactMeta

    @abstractmethod
    def __init__(self, path: Path, device: Device) -> None:
        """Open a file.

        Args:
            path: an ONNX file of this project's, or a detector's that Ultralytics exported.
            device: its provider, threads and options.

        Raises:
            DataError: the file was written neither by this project nor by Ultralytics.
            DeviceError: the runtime cannot load the file, or does not take the options.
        """

    @abstractmethod
    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (1, 3, size, size) RGB in [0, 1] to the first output of the file.

        The output may be overwritten by the next run.
        """


class OnnxRuntime(Runtime):
    """ONNX Runtime; with TensorRT too, as one of its providers."""

    def __init__(self, path: Path, device: Device) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = device.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=[(device.provider, {k: str(v) for k, v in device.options.items()})],
            )
        except Exception as error:  # the runtime's own classes of error differ by version and provider
            raise _not_loaded(path, device, error) from error
        self.meta = read_meta(self.session.get_modelmeta().custom_metadata_map, path)
        self._input = self.session.get_inputs()[0].name
        self._is_half = self.session.get_inputs()[0].type == "tensor(float16)"  # as Ultralytics exports on a GPU

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the session."""
        if self._is_half:
            halves: NDArray[np.float16] = self.session.run(None, {self._input: blob.astype(np.float16)})[0]
            return halves.astype(np.float32)
        output: NDArray[np.float32] = self.session.run(None, {self._input: blob})[0]
        return output


class OpenVino(Runtime):
    """OpenVINO."""

    def __init__(self, path: Path, device: Device) -> None:
        import onnx
        import openvino

        options = {"PERFORMANCE_HINT": "LATENCY", **device.options}
        if device.threads:
            options["INFERENCE_NUM_THREADS"] = device.threads
        try:
            properties = onnx.load(str(path), load_external_data=False).metadata_props
            self._compiled = openvino.Core().compile_model(str(path), device.provider, options)
        except Exception as error:  # of the parser, of the file's format, of the device's plug-in
            raise _not_loaded(path, device, error) from error
        self.meta = read_meta({p.key: p.value for p in properties}, path)
        self._request = self._compiled.create_infer_request()

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one request."""
        self._request.infer([blob], share_inputs=True)
        output: NDArray[np.float32] = self._request.get_output_tensor(0).data
        return output


CLASSES: dict[str, type[Runtime]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}


def open_artifact(path: Path, device: Device) -> Runtime:
    """Open a deployable file on a device.

    Raises:
        DataError: there is no such file, or it was written neither by this project nor by Ultralytics.
        DeviceError: the runtime is not usable.
    """
    if not path.is_file():
        raise DataError(f"artifact: '{path}' is not a file; name an ONNX file that this project exported")
    device.check()
    return CLASSES[device.runtime](path, device)


def _not_loaded(path: Path, device: Device, error: Exception) -> DeviceError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return DeviceError(f"device={device.name}: cannot load '{path}': {reason}")
