"""Latency of deployable files on a device: clean processes of their own measure, one after another."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from objectives.deploy.artifact_files import bytes_of
from objectives.deploy.device import Device, measuring_keys
from objectives.deploy.formats.deployed import deployed
from objectives.latency.protocol import LatencyProtocol, agree, combine
from objectives.machine.device_locks import Patience, exclusive
from objectives.records.records import Latency
from spaces.errors import AutomlError, DeviceError

GROUP = 16  # files that one process has open at once


def measure_latency(
    artifact: Path,
    device: Device,
    images: Sequence[Path],
    protocol: LatencyProtocol,
    timeout_s: float = 300.0,
    patience: Patience | None = None,
    cores: Collection[int] = (),
) -> Latency:
    """Measure one deployable file; see `measure_latencies`.

    Raises:
        DeviceError: the runtime failed or hung; the message holds the last line of its output.
    """
    (found,) = measure_latencies([artifact], device, images, protocol, timeout_s, patience, cores)
    if isinstance(found, DeviceError):
        raise found
    return found


def measure_latencies(
    artifacts: Sequence[Path],
    device: Device,
    images: Sequence[Path],
    protocol: LatencyProtocol,
    timeout_s: float = 300.0,
    patience: Patience | None = None,
    cores: Collection[int] = (),
) -> list[Latency | DeviceError]:
    """Measure deployable files end to end (letterbox, network, NMS) on decoded images, batch 1.

    Processes of their own measure: without torch's threads beside them, and so that their memory is the runtime's.
    They have the device alone: trials that train on it pause meanwhile (see `objectives.machine.device_locks`).
    Up to GROUP files share a process, and are timed in turn.

    Args:
        artifacts: ONNX files of this project's, or what was made of one; see `objectives.deploy.formats.deployed`.
        device: where to run them.
        images: image files, taken in turn.
        protocol: when to end, for each file.
        timeout_s: after which the measurement of a file counts as hung.
        patience: counts the seconds of waiting for the device, and shows signs of life.
        cores: processor cores to measure on, where this process has not got them all.

    Returns:
        for each file, in order, its figure, or why it has none: the others are measured all the same.
    """
    job = {
        "device": asdict(device),
        "images": [str(p) for p in images],
        "protocol": asdict(protocol),
        "cores": sorted(cores),
        "parent_pid": os.getpid(),
    }
    patience = patience or Patience()
    prober = _Prober(device, job, timeout_s, patience.alive)
    ready = [_runnable(artifact, device) for artifact in artifacts]
    paths = [one for one in ready if isinstance(one, Path)]
    found: list[Latency | DeviceError] = []
    for start in range(0, len(paths), GROUP):
        with exclusive(measuring_keys(device), patience):  # in between, who trains on the device goes on
            found += prober.figures(paths[start : start + GROUP], protocol)
    measured = iter(found)
    return [next(measured) if isinstance(one, Path) else one for one in ready]


def _runnable(artifact: Path, device: Device) -> Path | DeviceError:
    """Return the file that the device runs, converted where its runtime needs another format."""
    try:
        return deployed(artifact, device)
    except AutomlError as error:
        return DeviceError(f"device={device.name}: {error}")


class _Prober:
    """Runs measuring processes, for one group of files after another."""

    def __init__(self, device: Device, job: dict[str, Any], timeout_s: float, alive: Callable[[], None]) -> None:
        self._device, self._job, self._timeout_s, self._alive = device, job, timeout_s, alive
        self._calm_ms: float | None = None  # of the first process: all figures stand on the same

    def figures(self, artifacts: Sequence[Path], protocol: LatencyProtocol) -> list[Latency | DeviceError]:
        """Return a figure or an error a file: processes measure until those of each file agree."""
        figures: list[list[Latency]] = [[] for _ in artifacts]
        errors: dict[int, DeviceError] = {}
        waiting = list(range(len(artifacts)))
        while waiting:
            for i, found in zip(waiting, self._round([artifacts[i] for i in waiting]), strict=True):
                if isinstance(found, DeviceError):
                    errors[i] = found
                else:
                    figures[i].append(found)
            waiting = [i for i in waiting if i not in errors and not agree(figures[i], protocol)]
        return [
            errors[i] if i in errors else replace(combine(figures[i], protocol), file_bytes=bytes_of(artifact))
            for i, artifact in enumerate(artifacts)
        ]

    def _round(self, artifacts: Sequence[Path]) -> list[Latency | DeviceError]:
        """Let one process measure the files; where it died or hung with several, one each shows which file it was."""
        found: list[Latency | DeviceError]
        try:
            found = self._probe(artifacts)
        except DeviceError as error:
            if len(artifacts) == 1:
                return [error]
            return [one for artifact in artifacts for one in self._round([artifact])]
        self._calm_ms = self._calm_ms or next((f.calm_ms for f in found if isinstance(f, Latency)), None)
        return found

    def _probe(self, artifacts: Sequence[Path]) -> list[Latency | DeviceError]:
        """Run one measuring process; `alive` is called about once a second meanwhile.

        Raises:
            DeviceError: the process failed or hung.
        """
        named = f"'{artifacts[0].name}'" if len(artifacts) == 1 else f"{len(artifacts)} files"
        out = self._run({"artifacts": [str(p.absolute()) for p in artifacts], "calm_ms": self._calm_ms}, named)
        return [
            Latency.from_json(one["latency"])
            if "latency" in one
            else DeviceError(f"{self._what(repr(artifact.name))} failed: {one['error']}")
            for artifact, one in zip(artifacts, json.loads(out.splitlines()[-1]), strict=True)
        ]

    def _what(self, named: str) -> str:
        return f"device={self._device.name}: measuring {named}"

    def _run(self, task: dict[str, Any], named: str) -> str:
        """Return the output of one measuring process."""
        what, timeout_s = self._what(named), self._timeout_s * len(task["artifacts"])
        command = [sys.executable, "-m", "objectives.latency.probe"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                out, complaints = _communicate(process, json.dumps(self._job | task), timeout_s, self._alive)
            except subprocess.TimeoutExpired:
                raise DeviceError(f"{what} took over {timeout_s:g} s") from None
            finally:
                process.kill()  # without effect if it has ended
        if process.returncode < 0:
            raise DeviceError(f"{what} failed: its process was ended by {signal.Signals(-process.returncode).name}")
        if process.returncode > 0:
            last = (complaints.strip().splitlines() or ["no output"])[-1]
            raise DeviceError(f"{what} failed: {last}")
        return out


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
