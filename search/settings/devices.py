"""Several devices of one study: read, checked, and the gate and the steering held against them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import prepare
from objectives.latency.hosts.open import check, describe
from objectives.records.failures import ExportFailed
from objectives.records.gate import Gate
from search.settings.devices_line import ONE, SEVERAL
from search.settings.sections import read_section
from spaces.errors import DeviceError, SettingsError, nearest

STEERS = ("first", "worst")
OF_SEVERAL = (SEVERAL, "steer")  # settings of studies of several devices alone


def read_devices(groups: Sequence[Mapping[str, Any]]) -> tuple[Device, ...]:
    """Read several devices, each checked; what a group leaves out is as `conf/` has it."""
    return tuple(read_section(Device, ONE, group) for group in groups)


def read_several(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config says of several devices; none where it has one."""
    groups = config.get("devices")
    steer = str(config.get("steer", STEERS[0]))
    if groups:
        return {"devices": read_devices(groups), "steer": steer}
    check_steer(steer, Gate(), ())
    if steer != STEERS[0]:
        raise SettingsError(f"steer={steer} weighs several devices, and the study has one; give {SEVERAL}=[NAME,NAME]")
    return {"devices": (), "steer": STEERS[0]}


def placed_gate(gate: Gate, device: Device, devices: Sequence[Device]) -> Gate:
    """Return a gate whose bounds of the first device stand where that one's stand, without a name.

    Raises:
        SettingsError: it names a device that is not there, or bounds one quantity of the first device twice.
    """
    if not gate.devices:
        return gate
    known = [one.name for one in devices] or [device.name]
    for name in gate.devices:
        if name not in known:
            raise SettingsError(
                f"gate.{SEVERAL}: '{name}' is none of the devices{nearest(name, known)}; known: {', '.join(known)}"
            )
    others = {name: bounds for name, bounds in gate.devices.items() if name != known[0]}
    for name, limit in (first := gate.devices.get(known[0], {})).items():
        if getattr(gate, name) not in (None, limit):
            raise SettingsError(
                f"gate.{SEVERAL}.{known[0]}.{name}: gate.{name} is the same bound of the first device, "
                f"{getattr(gate, name):g}; give one of both"
            )
    placed: dict[str, Any] = {**first, SEVERAL: others or None}
    return replace(gate, **placed)


def check_steer(steer: str, gate: Gate, devices: Sequence[Device]) -> None:
    """Check by which device the engine steers.

    Raises:
        SettingsError: the word is unknown, or latencies of a device have no bound to be compared by.
    """
    if steer not in STEERS:
        raise SettingsError(f"steer: unknown choice '{steer}'{nearest(steer, STEERS)}; known: {', '.join(STEERS)}")
    if steer == "first" or not devices:
        return
    gates = {devices[0].name: gate.of_first, **{one.name: gate.on(one.name) for one in devices[1:]}}
    for name, own in gates.items():
        if own.p50_ms_most() is None and own.p95_ms_max is None:
            raise SettingsError(
                f"steer=worst compares each device's latency with its bound, and '{name}' has none; "
                f"give gate.{SEVERAL}.{name}.p95_ms_max=..., or steer=first"
            )


def check_devices(devices: Sequence[Device]) -> None:
    """Check that each device can be used here, and that no two are one.

    Raises:
        DeviceError: a device cannot be used.
        SettingsError: two devices differ in their names alone.
    """
    seen: dict[str, str] = {}
    for device in devices:
        check(device)
        what = repr(sorted({**describe(device), "name": ""}.items(), key=lambda pair: pair[0]))
        if what in seen:
            raise SettingsError(f"{SEVERAL}: '{seen[what]}' and '{device.name}' are one device; name it once")
        seen[what] = device.name


def further_devices(config: Mapping[str, Any], warn: Callable[[str], None]) -> tuple[Device, ...]:
    """Return the further devices of an export that can be used here; `warn` takes a line for each that cannot."""
    found = []
    for values in config.get("more_devices", ()):
        device = read_section(Device, ONE, values)
        try:
            check(device)
            prepare(device)
        except (DeviceError, ExportFailed) as error:
            warn(f"{error}; it is left out: the others are measured")
        else:
            found.append(device)
    return tuple(found)
