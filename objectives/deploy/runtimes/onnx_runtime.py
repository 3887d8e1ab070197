"""ONNX Runtime, with whatever execution provider it has."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, not_loaded


class OnnxRuntime(Runtime):
    """ONNX Runtime; with TensorRT too, as one of its providers."""

    suffixes = (".onnx",)

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
            raise not_loaded(path, device, error) from error
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
