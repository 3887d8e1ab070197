"""LiteRT (TensorFlow Lite), with XNNPACK on the processor."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, check_options, not_loaded


class LiteRt(Runtime):
    """LiteRT. Its files take images as (1, size, size, 3): putting the channels last counts as time of the network."""

    suffixes = (".tflite",)

    def __init__(self, path: Path, device: Device) -> None:
        from ai_edge_litert.interpreter import Interpreter

        check_options(device, LiteRt)
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=device.threads or None)
            self._interpreter.allocate_tensors()
            (given,) = self._interpreter.get_input_details()
            self._output = self._interpreter.get_output_details()[0]["index"]
        except Exception as error:  # ValueError and RuntimeError, for whatever the file has wrong
            raise not_loaded(path, device, error) from error
        self.meta = read_meta(read_properties(path), path)
        self._input = given["index"]
        self._channels_last = tuple(given["shape"])[-1] == 3

    @classmethod
    def known_options(cls) -> tuple[str, ...]:
        """Return that there are none."""
        return ()

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Invoke the interpreter."""
        image = np.ascontiguousarray(blob.transpose(0, 2, 3, 1)) if self._channels_last else blob
        self._interpreter.set_tensor(self._input, image)
        self._interpreter.invoke()
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        return output
