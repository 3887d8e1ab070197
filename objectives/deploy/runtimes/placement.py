"""Where a network ran: nodes and time by provider, so that a fall-back to the processor is never silent."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.deploy.device import Device
from spaces.errors import DeviceError

KERNEL = "_kernel_time"  # ends the names of a node's own events in a profile of ONNX Runtime
WHOLE_RUN = "model_run"


@dataclass(frozen=True)
class Placement:
    """What ran where, in one run.

    Attributes:
        nodes: by provider; a provider that compiles many nodes into one counts one.
        time_us: microseconds by provider.
    """

    nodes: Mapping[str, int]
    time_us: Mapping[str, int]

    @property
    def words(self) -> str:
        """The shares of the time, largest first, as "CUDAExecutionProvider 97 % (58 nodes), CPUExecution..."."""
        whole = sum(self.time_us.values()) or 1
        order = sorted(self.nodes, key=lambda name: -self.time_us[name])
        return ", ".join(
            f"{name} {self.time_us[name] / whole:.0%} ({self.nodes[name]} node{'s' * (self.nodes[name] != 1)})"
            for name in order
        )

    def check(self, device: Device, path: Path) -> None:
        """Check that the asked provider ran a node at least; that it leaves some to the processor is usual.

        Raises:
            DeviceError: it ran none.
        """
        if not self.nodes.get(device.provider):
            raise fell_back(device, path, f"none of the {sum(self.nodes.values())} nodes", self.words)


def read_profile(profile: Path) -> Placement:
    """Return what ran where in the last run of a profile that ONNX Runtime wrote."""
    events: list[dict[str, Any]] = json.loads(profile.read_text())
    began = max(event["ts"] for event in events if event.get("name") == WHOLE_RUN)
    nodes: dict[str, int] = {}
    time_us: dict[str, int] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(KERNEL) and event["ts"] >= began:
            provider = event["args"]["provider"]
            nodes[provider] = nodes.get(provider, 0) + 1
            time_us[provider] = time_us.get(provider, 0) + event["dur"]
    return Placement(nodes, time_us)


def check_devices(used: Iterable[str], device: Device, path: Path) -> str:
    """Check the devices that OpenVINO says it computes on, and return their names.

    Raises:
        DeviceError: the asked one is not among them.
    """
    names = [name.strip("()") for name in used]
    if not any(name.partition(".")[0] == device.provider.partition(".")[0] for name in names):
        raise fell_back(device, path, "nothing", ", ".join(names))
    return ", ".join(names)


def fell_back(device: Device, path: Path, what: str, instead: str) -> DeviceError:
    """Return the error of a provider that was asked for and ran nothing.

    Args:
        device: what was asked for.
        path: the file.
        what: how little of it ran there.
        instead: where it ran.
    """
    return DeviceError(
        f"device={device.name}: '{device.provider}' was asked for and ran {what} of '{path.name}': it fell back to "
        f"{instead}; look at the driver and libraries of '{device.provider}', or set device.provider to what runs"
    )
