"""OpenVINO, on its processor, graphics and neural devices."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, not_loaded


class OpenVino(Runtime):
    """OpenVINO: ONNX files, and its own."""

    suffixes = (".onnx", ".xml")

    def __init__(self, path: Path, device: Device) -> None:
        import openvino

        options = {"PERFORMANCE_HINT": "LATENCY", **device.options}
        if device.threads:
            options["INFERENCE_NUM_THREADS"] = device.threads
        try:
            properties = read_properties(path)
            self._compiled = openvino.Core().compile_model(str(path), device.provider, options)
        except Exception as error:  # of the parser, of the file's format, of the device's plug-in
            raise not_loaded(path, device, error) from error
        self.meta = read_meta(properties, path)
        self._request = self._compiled.create_infer_request()

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one request."""
        self._request.infer([blob], share_inputs=True)
        output: NDArray[np.float32] = self._request.get_output_tensor(0).data
        return output
