"""Records as `conf/` has them, and the same with a few values changed."""

from dataclasses import replace
from typing import Any

from objectives.deploy.device import Device
from objectives.latency.protocol import LatencyProtocol
from search.settings.choices import PrunerSettings
from search.settings.sections import read_section

CPU = read_section(Device, "device", {"name": "cpu"})
PROTOCOL = read_section(LatencyProtocol, "latency")


def device_of(**changes: Any) -> Device:
    return replace(CPU, **changes)


def protocol_of(**changes: Any) -> LatencyProtocol:
    return replace(PROTOCOL, **changes)


def pruner_of(name: str, **changes: Any) -> PrunerSettings:
    return PrunerSettings.from_config({"name": name, **changes})
