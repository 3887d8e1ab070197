"""TorchScript on the processor. The one runtime that is torch's: whoever opens such a file imports torch."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import read_meta
from objectives.deploy.artifact_files import read_properties
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime, check_options, not_loaded


class TorchScript(Runtime):
    """TorchScript. Its threads are the process's, and are set for each run alone: a training may be beside it."""

    suffixes = (".torchscript",)

    def __init__(self, path: Path, device: Device) -> None:
        import torch

        check_options(device, TorchScript)
        self._torch, self._threads = torch, device.threads
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch calls its own format old
                load: Any = torch.jit.load  # it has no types
                self._module = load(str(path), map_location="cpu").eval()
        except Exception as error:  # RuntimeError of the archive, or of what is in it
            raise not_loaded(path, device, error) from error
        self.meta = read_meta(read_properties(path), path)

    @classmethod
    def known_options(cls) -> tuple[str, ...]:
        """Return that there are none."""
        return ()

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the module."""
        torch = self._torch
        before = torch.get_num_threads()
        if self._threads and before != self._threads:
            torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                output = self._module(torch.from_numpy(blob))
        finally:
            if self._threads and before != self._threads:
                torch.set_num_threads(before)
        first = output[0] if isinstance(output, tuple | list) else output
        found: NDArray[np.float32] = first.numpy()
        return found
