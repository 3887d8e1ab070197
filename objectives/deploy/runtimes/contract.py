"""The contract of a runtime: a deployable file, open: image batch in, raw output out."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.device import Device
from spaces.errors import DeviceError, first_line, nearest


class Runtime(ABC):
    """A deployable file, open in a runtime: image batch in, raw output out.

    Attributes:
        suffixes: of the files that the runtime opens.
        meta: what the file says of itself.
        ran_on: providers with their shares of the network's time, where one beside the processor was asked for.
    """

    suffixes: ClassVar[tuple[str, ...]]
    meta: ArtifactMeta
    ran_on: str = ""

    @abstractmethod
    def __init__(self, path: Path, device: Device) -> None:
        """Open a file.

        Args:
            path: a file of this project's with one of the suffixes, or an ONNX file that Ultralytics exported.
            device: its provider, threads and options.

        Raises:
            DataError: the file was written neither by this project nor by Ultralytics.
            DeviceError: the runtime cannot load the file, does not take the options, or runs none of it on the
                provider.
        """

    @classmethod
    def known_options(cls) -> Collection[str] | None:
        """Return the options that a device may have; None where the runtime judges them as it opens a file."""
        return None

    @abstractmethod
    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (1, 3, size, size) RGB in [0, 1] to the first output of the file.

        The output may be overwritten by the next run.
        """


def check_options(device: Device, runtime: type[Runtime]) -> None:
    """Refuse options that a device's runtime, which is installed, does not have.

    Raises:
        DeviceError: an option is unknown.
    """
    known = runtime.known_options()
    if known is None:
        return
    for name in device.options:
        if name not in known:
            hint = nearest(name, known) or (f"; known: {', '.join(known)}" if known else "; it has none")
            raise DeviceError(f"device.options: unknown option '{name}' of {device.runtime}{hint}")


def not_loaded(path: Path, device: Device, error: Exception) -> DeviceError:
    """Return the error of a file that a runtime does not take, with the first line of what the runtime says."""
    return DeviceError(f"device={device.name}: cannot load '{path}': {first_line(error, most=1000)}")
