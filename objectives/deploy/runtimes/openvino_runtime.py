"""OpenVINO, on its processor, graphics and neural devices."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, not_loaded
from objectives.deploy.runtimes.placement import check_devices
from objectives.machine.openvino_core import openvino_core


class OpenVino(Runtime):
    """OpenVINO: ONNX files, and its own."""

    suffixes = (".onnx", ".xml")

    def __init__(self, path: Path, device: Device) -> None:
        options = {"PERFORMANCE_HINT": "LATENCY", **device.options}
        if device.threads:
            options["INFERENCE_NUM_THREADS"] = device.threads
        try:
            properties = _properties(path) if path.suffix == ".onnx" else read_properties(path)
            self._compiled = openvino_core().compile_model(str(path), device.provider, options)
        except Exception as error:  # of the parser, of the file's format, of the device's plug-in
            raise not_loaded(path, device, error) from error
        self.meta = read_meta(properties, path)
        used = check_devices(self._compiled.get_property("EXECUTION_DEVICES"), device, path)
        self.ran_on = "" if device.provider == "CPU" else used
        self._request = self._compiled.create_infer_request()

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one request."""
        self._request.infer([blob], share_inputs=True)
        output: NDArray[np.float32] = self._request.get_output_tensor(0).data
        return output


def _properties(path: Path) -> Mapping[str, str]:
    """Return the metadata of an ONNX file: by onnx, or by OpenVINO's own reader on a board that has no onnx."""
    if find_spec("onnx"):
        import onnx

        return {p.key: p.value for p in onnx.load(str(path), load_external_data=False).metadata_props}
    kept = dict(openvino_core().read_model(str(path)).get_rt_info().items()).get("framework", {})
    return {key: str(value.value) for key, value in kept.items()}
