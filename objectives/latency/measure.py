"""Latency of deployable files on a device: clean processes of their own measure, one after another."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from objectives.deploy.artifact_files import bytes_of
from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import deployed
from objectives.latency.hosts.contract import Host, Task
from objectives.latency.hosts.open import host_of
from objectives.latency.protocol import LatencyProtocol, agree, combine
from objectives.machine.device_locks import Patience
from objectives.records.records import Latency
from spaces.errors import AutomlError, DeviceAway, DeviceError

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
        DeviceError: the runtime failed or hung; the message holds the last line of its output. A `DeviceAway` where
            the device is part of a board that cannot be reached.
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

    Raises:
        DeviceAway: the device is part of a board that cannot be reached; the same goes through once it can.
    """
    patience, host = patience or Patience(), host_of(device)
    prober = _Prober(host, images, protocol, timeout_s, sorted(cores))
    ready = [_runnable(artifact, device) for artifact in artifacts]
    paths = [one for one in ready if isinstance(one, Path)]
    found: list[Latency | DeviceError] = []
    for start in range(0, len(paths), GROUP):
        with host.alone(patience):  # in between, who trains on the device goes on
            found += prober.figures(paths[start : start + GROUP])
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

    def __init__(
        self, host: Host, images: Sequence[Path], protocol: LatencyProtocol, timeout_s: float, cores: Sequence[int]
    ) -> None:
        self._host, self._images, self._protocol = host, images, protocol
        self._timeout_s, self._cores = timeout_s, cores
        self._calm_ms: float | None = None  # of the first process: all figures stand on the same

    def figures(self, artifacts: Sequence[Path]) -> list[Latency | DeviceError]:
        """Return a figure or an error a file: processes measure until those of each file agree."""
        protocol = self._protocol
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
        except DeviceAway:  # no fault of a file's
            raise
        except DeviceError as error:
            if len(artifacts) == 1:
                return [error]
            return [one for artifact in artifacts for one in self._round([artifact])]
        self._calm_ms = self._calm_ms or next((f.calm_ms for f in found if isinstance(f, Latency)), None)
        return found

    def _probe(self, artifacts: Sequence[Path]) -> list[Latency | DeviceError]:
        """Run one measuring process.

        Raises:
            DeviceError: the process failed or hung.
        """
        limit_s = self._timeout_s * len(artifacts)
        task = Task(artifacts, self._images, self._protocol, self._calm_ms, limit_s, self._cores)
        return [
            Latency.from_json(one["latency"])
            if "latency" in one
            else DeviceError(self._host.failed(replace(task, artifacts=[artifact]), one["error"]))
            for artifact, one in zip(artifacts, self._host.run(task), strict=True)
        ]
