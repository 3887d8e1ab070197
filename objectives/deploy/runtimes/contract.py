"""The contract of a runtime: a deployable file, open: image batch in, raw output out."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.device import Device
from spaces.errors import DeviceError, first_line


class Runtime(ABC):
    """A deployable file, open in a runtime: image batch in, raw output out.

    Attributes:
        meta: what the file says of itself.
        ran_on: providers with their shares of the network's time, where one beside the processor was asked for.
    """

    meta: ArtifactMeta
    ran_on: str = ""

    @abstractmethod
    def __init__(self, path: Path, device: Device) -> None:
        """Open a file.

        Args:
            path: an ONNX file of this project's, or a detector's that Ultralytics exported.
            device: its provider, threads and options.

        Raises:
            DataError: the file was written neither by this project nor by Ultralytics.
            DeviceError: the runtime cannot load the file, does not take the options, or runs none of it on the
                provider.
        """

    @abstractmethod
    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (1, 3, size, size) RGB in [0, 1] to the first output of the file.

        The output may be overwritten by the next run.
        """


def not_loaded(path: Path, device: Device, error: Exception) -> DeviceError:
    """Return the error of a file that a runtime does not take, with the first line of what the runtime says."""
    return DeviceError(f"device={device.name}: cannot load '{path}': {first_line(error, most=1000)}")
