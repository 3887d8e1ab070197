"""The contract of a host: the machine that a device is part of, and how it measures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.deploy.device import Device
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.device_locks import Patience


@dataclass(frozen=True)
class Task:
    """What one measuring process is asked for.

    Attributes:
        artifacts: the files.
        images: image files, taken in turn.
        protocol: when a file is done.
        calm_ms: calm time of the reference, where it is known; None: the process finds it.
        limit_s: after which the process counts as hung.
        cores: processor cores to measure on, where this process has not got them all.
    """

    artifacts: Sequence[Path]
    images: Sequence[Path]
    protocol: LatencyProtocol
    calm_ms: float | None
    limit_s: float
    cores: Sequence[int] = ()

    @property
    def what(self) -> str:
        """What is measured, for messages."""
        return f"'{self.artifacts[0].name}'" if len(self.artifacts) == 1 else f"{len(self.artifacts)} files"


@dataclass(frozen=True)
class About:
    """What a host says beside the description of a device; no part of the device's fingerprint.

    Attributes:
        offers: providers of the runtime.
        health: of a board at the last connection, in words; empty for this machine.
        advice: a line for each thing that would make figures those of the usual deployed program.
    """

    offers: tuple[str, ...]
    health: str = ""
    advice: tuple[str, ...] = ()


class Host(ABC):
    """A machine that measures on a device of its own."""

    def __init__(self, device: Device) -> None:
        """Take a device of this host; nothing is opened yet."""
        self.device = device

    @abstractmethod
    def check(self) -> None:
        """Check that the device can be used.

        Raises:
            DeviceError: it cannot; one line says what is missing, and how to install it.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the device's fingerprint is made of, as of `Device.describe`.

        Raises:
            DeviceError: the device cannot be used.
        """

    @abstractmethod
    def about(self) -> About:
        """Return what there is to say beside the description.

        Raises:
            DeviceError: the device cannot be used.
        """

    @abstractmethod
    def calm_ms(self) -> tuple[float, ...]:
        """Return the calm times of the reference that this host keeps for the device now: the scale of new figures.

        Raises:
            DeviceError: the device cannot be used.
        """

    def changes(self) -> str:
        """Return what is no longer as it was described when this process first asked, in words; else empty."""
        return ""

    @abstractmethod
    def alone(self, patience: Patience) -> AbstractContextManager[None]:
        """Have the device alone inside; waits until others are done, and `run` is called inside only.

        Args:
            patience: counts the seconds of waiting, and gives signs of life.
        """

    @abstractmethod
    def run(self, task: Task) -> list[dict[str, Any]]:
        """Let one process measure, and return for each file `latency`, or `error` in one line.

        Raises:
            DeviceAway: the host cannot be reached; nothing was measured.
            DeviceError: the process failed or hung.
        """

    def failed(self, task: Task, why: str) -> str:
        """Return the message of a process that failed."""
        return f"device={self.device.name}: measuring {task.what} failed: {why}"

    def hung(self, task: Task) -> str:
        """Return the message of a process that hung."""
        return f"device={self.device.name}: measuring {task.what} took over {task.limit_s:g} s"
