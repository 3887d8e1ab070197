"""Latency of a deployable file: the protocol, in a clean process of its own."""

import json
import math
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.device import Device, measuring_keys
from objectives.machine.other_load import Others
from objectives.machine.turns import Patience, alone
from objectives.records.records import Latency
from spaces.errors import DeviceError


@dataclass(frozen=True)
class LatencyProtocol:
    """When a figure is good enough, and when it is called unstable.

    Attributes:
        confidence: score below which boxes are dropped before NMS, as deployed.
        processes: processes that measure, one after another; their medians must agree. Where memory comes to lie
            differs from process to process, and moves the median of a small network by several per cent.
        processes_max: processes until then, at most.
        agreement: relative spread of the medians of `processes` of them at which they agree.
        interval: relative width of the 95 % interval of the median at which a process ends.
        images_min: least number of timed images of a process.
        cap_s: seconds after which a process ends in any case.
        warmup_s: seconds of untimed runs first.
        reference_tolerance: share by which the reference network may run slower than at its best.
        others_cores_max: processor cores that other processes may use meanwhile.
    """

    confidence: float
    processes: int
    processes_max: int
    agreement: float
    interval: float
    images_min: int
    cap_s: float
    warmup_s: float
    reference_tolerance: float
    others_cores_max: float

    def quick(self) -> "LatencyProtocol":
        """Return the shorter protocol for an untrained detector: enough to hold it against a bound."""
        changes = {"processes": 1, "processes_max": 1, "interval": 0.05, "images_min": 30, "cap_s": self.cap_s / 3}
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields' own types


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
    They have the device alone: trials that train on it pause meanwhile (see `objectives.machine.turns`).

    Args:
        artifact: ONNX file of this project's.
        device: where to run it.
        images: image files, taken in turn.
        protocol: when to end.
        timeout_s: after which the measurement counts as hung.
        patience: counts the seconds of waiting for the device, and shows signs of life.
        cores: processor cores to measure on, where this process has not got them all.

    Raises:
        DeviceError: the runtime failed or hung; the last line of its output is told.
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
    with alone(measuring_keys(device), patience):
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
    left: str | None = text  # to be handed over once
    while True:
        try:
            return process.communicate(left, timeout=max(0.0, min(1.0, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
            left = None
            alive()


def spread_of_closest(figures: Sequence[Latency], count: int) -> float:
    """Return the relative spread of the `count` medians that lie closest together."""
    medians = sorted(figure.p50_ms for figure in figures)
    return min(medians[i + count - 1] / medians[i] - 1 for i in range(len(medians) - count + 1))


def combine(figures: Sequence[Latency], protocol: LatencyProtocol) -> Latency:
    """Put the figures of several processes together: the median of each quantity, and whether they agree.

    The figure is unstable if the processes disagree, or if most of them were disturbed.
    """
    p50 = [figure.p50_ms for figure in figures]
    spread = spread_of_closest(figures, protocol.processes)
    disturbed = [figure.note for figure in figures if not figure.stable]
    notes = [f"{len(figures)} processes differ by {spread:.1%}"] if spread > protocol.agreement else []
    if 2 * len(disturbed) > len(figures):
        notes += sorted(set("; ".join(disturbed).split("; ")))
    return Latency(
        p50_ms=statistics.median(p50),
        p95_ms=statistics.median(figure.p95_ms for figure in figures),
        p50_low_ms=min(figure.p50_low_ms for figure in figures),
        p50_high_ms=max(figure.p50_high_ms for figure in figures),
        network_ms=statistics.median(figure.network_ms for figure in figures),
        samples=sum(figure.samples for figure in figures),
        reference_ms=statistics.median(figure.reference_ms for figure in figures),
        stable=not notes,
        note="; ".join(notes),
        device=figures[0].device,
        peak_bytes=max(figure.peak_bytes for figure in figures),
    )


@dataclass(frozen=True)
class Samples:
    """Times of one session, in ms, in the order they were taken.

    Attributes:
        total: (n,) end to end.
        network: (n,) the network alone.
        reference: (n,) the reference network, run just before each image.
        others_cores: mean cores that other processes used meanwhile.
    """

    total: NDArray[np.float64]
    network: NDArray[np.float64]
    reference: NDArray[np.float64]
    others_cores: float


def median_interval(sorted_ms: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the median by order statistics (Hahn & Meeker 1991, section 5.2)."""
    n = len(sorted_ms)
    half = 0.98 * math.sqrt(n)  # 1.96 / 2
    low, high = max(0, math.floor(n / 2 - half)), min(n - 1, math.ceil(n / 2 + half))
    return float(sorted_ms[low]), float(sorted_ms[high])


def summarise(samples: Samples, protocol: LatencyProtocol, best_reference_ms: float, device: str) -> Latency:
    """Turn the samples of a session into a figure, and say whether it can be trusted.

    Args:
        samples: of one session.
        protocol: tolerances.
        best_reference_ms: least median that the reference network ever had on this device.
        device: fingerprint.
    """
    ordered = np.sort(samples.total)
    low, high = median_interval(ordered)
    p50 = float(np.median(ordered))
    reference = float(np.median(samples.reference))
    slower = reference / min(best_reference_ms, reference) - 1
    notes = [
        (high - low > protocol.interval * p50, f"the median is known to {(high - low) / p50:.1%} only"),
        (
            slower > protocol.reference_tolerance,
            f"the reference network ran {slower:.0%} slower than at its best",
        ),
        (
            samples.others_cores > protocol.others_cores_max,
            f"other processes used {samples.others_cores:.1f} cores",
        ),
    ]
    note = "; ".join(text for wrong, text in notes if wrong)
    return Latency(
        p50_ms=p50,
        p95_ms=float(np.quantile(ordered, 0.95)),
        p50_low_ms=low,
        p50_high_ms=high,
        network_ms=float(np.median(samples.network)),
        samples=len(ordered),
        reference_ms=reference,
        stable=not note,
        note=note,
        device=device,
        peak_bytes=_peak_bytes(),
    )


def _peak_bytes() -> int:
    """Return this process's peak resident memory, in bytes.

    Linux keeps ru_maxrss over exec, so that a child would report the memory of the process it was forked from.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def sample(
    run: Callable[[int], tuple[float, float]], reference: Callable[[], float], protocol: LatencyProtocol
) -> Samples:
    """Time images and the reference network in turn until the protocol is content.

    Args:
        run: times image number i: end to end and network alone, in ms.
        reference: times the reference network once, in ms.
        protocol: when to end.
    """
    end = time.perf_counter() + protocol.warmup_s
    warm = 0
    while time.perf_counter() < end or warm < 3:
        run(warm)
        reference()
        warm += 1
    total: list[float] = []
    network: list[float] = []
    references: list[float] = []
    start, others = time.perf_counter(), Others()
    while True:
        references.append(reference())
        end_to_end, alone = run(len(total))
        total.append(end_to_end)
        network.append(alone)
        elapsed = time.perf_counter() - start
        if elapsed > protocol.cap_s and len(total) >= 5:
            break
        if len(total) >= protocol.images_min and len(total) % 10 == 0:
            low, high = median_interval(np.sort(total))
            if high - low <= protocol.interval * float(np.median(total)):
                break
    return Samples(np.array(total), np.array(network), np.array(references), others.cores())
