"""Latency of a deployable file on a device: clean processes of their own measure, one after another."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from objectives.deploy.device import Device, measuring_keys
from objectives.latency.protocol import LatencyProtocol, combine, spread_of_closest
from objectives.machine.device_locks import Patience, exclusive
from objectives.records.records import Latency
from spaces.errors import DeviceError


def measure_latency(
    artifact: Path,
    device: Device,
    images: Sequence[Path],
    protocol: LatencyProtocol,
    timeout_s: float = 300.0,
    patience: Patience | None = None,
    cores: Collection[int] = (),
) -> Latency:
    """Measure a deployable file end to end (letterbox, network, NMS) on decoded images, batch 1.

    Processes of their own measure: without torch's threads beside them, and so that their memory is the runtime's.
    They have the device alone: trials that train on it pause meanwhile (see `objectives.machine.device_locks`).

    Args:
        artifact: ONNX file of this project's.
        device: where to run it.
        images: image files, taken in turn.
        protocol: when to end.
        timeout_s: after which the measurement counts as hung.
        patience: counts the seconds of waiting for the device, and shows signs of life.
        cores: processor cores to measure on, where this process has not got them all.

    Raises:
        DeviceError: the runtime failed or hung; the message holds the last line of its output.
    """
    job = {
        "artifact": str(artifact.absolute()),
        "device": asdict(device),
        "images": [str(p) for p in images],
        "protocol": asdict(protocol),
        "cores": sorted(cores),
        "parent_pid": os.getpid(),
    }
    patience = patience or Patience()
    what = f"device={device.name}: measuring '{artifact.name}'"
    figures: list[Latency] = []
    with exclusive(measuring_keys(device), patience):
        while len(figures) < protocol.processes or (
            len(figures) < protocol.processes_max
            and spread_of_closest(figures, protocol.processes) > protocol.agreement
        ):
            figures.append(_probe(json.dumps(job), what, timeout_s, patience.alive))
    return combine(figures, protocol)


def _probe(job: str, what: str, timeout_s: float, alive: Callable[[], None]) -> Latency:
    """Run one measuring process; `alive` is called about once a second meanwhile."""
    command = [sys.executable, "-m", "objectives.latency.probe"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, complaints = _communicate(process, job, timeout_s, alive)
        except subprocess.TimeoutExpired:
            raise DeviceError(f"{what} took over {timeout_s:g} s") from None
        finally:
            process.kill()  # without effect if it has ended
    if process.returncode < 0:
        raise DeviceError(f"{what} failed: its process was ended by {signal.Signals(-process.returncode).name}")
    if process.returncode > 0:
        last = (complaints.strip().splitlines() or ["no output"])[-1]
        raise DeviceError(f"{what} failed: {last}")
    return Latency.from_json(json.loads(out.splitlines()[-1]))


def _communicate(
    process: "subprocess.Popen[str]", text: str, timeout_s: float, alive: Callable[[], None]
) -> tuple[str, str]:
    end = time.monotonic() + timeout_s
    left: str | None = text  # still to be written to the process
    while True:
        try:
            return process.communicate(left, timeout=max(0.0, min(1.0, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
            left = None
            alive()
