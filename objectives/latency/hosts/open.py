"""The host of a device: this machine, the board that its settings name, or one that the study's queue reaches."""

from typing import Any

from objectives.deploy.device import Device, digest
from objectives.latency.hosts.contract import About, Host
from objectives.latency.hosts.here import Here
from objectives.latency.hosts.queue import in_queue
from objectives.latency.hosts.ssh import OverSsh


def host_of(device: Device) -> Host:
    """Return the host of a device; nothing is opened yet."""
    return in_queue(device) or (Here(device) if device.host is None else OverSsh(device))


def describe(device: Device) -> dict[str, Any]:
    """Return what a device's fingerprint is made of, by its host; see `Host.describe`."""
    return host_of(device).describe()


def fingerprint(device: Device) -> str:
    """Return sixteen hexadecimal digits; figures of two fingerprints never stand on one front."""
    return digest(describe(device))


def check(device: Device) -> None:
    """Check that a device can be used, by its host; see `Host.check`."""
    host_of(device).check()


def about(device: Device) -> About:
    """Return what the host of a device says beside its description; see `Host.about`."""
    return host_of(device).about()


def calm_ms(device: Device) -> tuple[float, ...]:
    """Return the calm times that the host of a device keeps for it; see `Host.calm_ms`."""
    return host_of(device).calm_ms()


def changes(device: Device) -> str:
    """Return what of a device has changed since this process first asked; see `Host.changes`."""
    return host_of(device).changes()
