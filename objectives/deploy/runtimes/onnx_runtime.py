"""ONNX Runtime, with whatever execution provider it has."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, not_loaded
from objectives.deploy.runtimes.placement import fell_back, read_profile

PROFILED_RUNS = 3  # the last of which counts: providers tune themselves in the first


class OnnxRuntime(Runtime):
    """ONNX Runtime; with TensorRT too, as one of its providers."""

    suffixes = (".onnx",)

    def __init__(self, path: Path, device: Device) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = device.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with tempfile.TemporaryDirectory(prefix="automl-") as folder:
            asked = device.provider != "CPUExecutionProvider"
            if asked:  # its first runs are profiled, no later one
                options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
            self._open(path, device, options)
            if asked:
                self.ran_on = self._prove(path, device)

    def _open(self, path: Path, device: Device, options: Any) -> None:
        import onnxruntime

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

    def _prove(self, path: Path, device: Device) -> str:
        """Return what ran where, by a profile of a few runs.

        Raises:
            DeviceError: nothing ran on the asked provider.
        """
        if device.provider not in self.session.get_providers():
            raise fell_back(device, path, "nothing", ", ".join(self.session.get_providers()))
        first = self.session.get_inputs()[0].shape[0]  # a name, or None, where a file takes any number of images
        images = first if isinstance(first, int) else 1
        try:
            for _ in range(PROFILED_RUNS):
                self.run(np.zeros((images, 3, self.meta.size_px, self.meta.size_px), np.float32))
        except Exception as error:  # as above
            raise not_loaded(path, device, error) from error
        placement = read_profile(Path(self.session.end_profiling()))
        placement.check(device, path)
        return placement.words

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the session."""
        if self._is_half:
            halves: NDArray[np.float16] = self.session.run(None, {self._input: blob.astype(np.float16)})[0]
            return halves.astype(np.float32)
        output: NDArray[np.float32] = self.session.run(None, {self._input: blob})[0]
        return output
