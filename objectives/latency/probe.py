"""The measuring process: one job on standard input, a JSON line with a Latency or an error for each file on output."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from objectives.data.pictures.decode import read_image
from objectives.deploy.detector import Detector, Image
from objectives.deploy.device import Device
from objectives.deploy.runtimes.open import open_artifact
from objectives.latency.protocol import LatencyProtocol, Samples, summarise
from objectives.latency.reference import Reference
from objectives.latency.sampling import Run, Timing, sample
from objectives.latency.throughput import Watch, best_batch
from objectives.machine.memory import peak_bytes
from objectives.machine.parent_death import die_with_parent


def main() -> None:
    """Measure the job that `objectives.latency.measure` wrote."""
    job = json.loads(sys.stdin.read())
    die_with_parent(job["parent_pid"])
    if job["cores"]:  # those of the whole search, where the trial has only its share
        os.sched_setaffinity(0, job["cores"])
    sys.stdout.write(json.dumps(_measure(job)) + "\n")


def is_relative(device: Device) -> bool:
    """Return whether a device's figures are ratios to the reference: on one processor thread.

    There the clock is the processor time of this process: what passes while others have the core is not counted, and
    on a calm machine it agrees with the wall's. Processor time says nothing of the latency of several threads, and a
    reference on the processor nothing of a GPU's.
    """
    return device.on_processor and device.threads == 1


def _measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a mapping a file: `latency`, or `error` with the last line of a traceback."""
    device, protocol = Device(**job["device"]), LatencyProtocol(**job["protocol"])
    cv2.setNumThreads(device.threads or -1)
    relative = is_relative(device)
    clock = time.process_time if relative else time.perf_counter
    images = [read_image(Path(p)) for p in job["images"]]
    reference = Reference(device.fingerprint, clock)
    calm_ms = job["calm_ms"] or reference.calm_ms()
    found: list[Any] = [_open(Path(p), device, protocol, images, clock) for p in job["artifacts"]]
    opened = [i for i, run in enumerate(found) if not isinstance(run, Exception)]
    sampled = sample([found[i] for i in opened], reference.time_ms, protocol, clock, relative=relative)
    for i, samples in zip(opened, sampled, strict=True):
        found[i] = samples
    peak = peak_bytes() if len(found) == 1 else 0
    watch = Watch(clock, reference.time_ms, calm_ms if relative else None)

    def outcome(path: str, samples: Samples | Exception) -> dict[str, Any]:
        if isinstance(samples, Exception):
            return {"error": traceback.format_exception_only(samples)[-1].strip()}
        latency = summarise(samples, protocol, calm_ms, device.fingerprint, peak)
        if protocol.throughput:
            latency = latency.with_batches(*_throughput(Path(path), device, protocol, images, watch))
        return {"latency": latency.to_json()}

    return [outcome(path, samples) for path, samples in zip(job["artifacts"], found, strict=True)]


def _open(
    path: Path, device: Device, protocol: LatencyProtocol, images: list[Image], clock: Callable[[], float]
) -> Run | Exception:
    """Open a file, and return what times it on an image."""
    try:
        opened = open_artifact(path, device)
        detector = Detector(opened, protocol.confidence_of(opened.meta))
    except Exception as error:  # one bad file must not spoil the others
        return error

    def run(i: int) -> Timing:
        passed, counted = time.perf_counter(), clock()
        detector(images[i % len(images)])
        total_s, wall_s = clock() - counted, time.perf_counter() - passed
        return Timing(1e3 * total_s, 1e3 * total_s * detector.network_s / wall_s, 1e3 * wall_s)

    return run


def _throughput(
    path: Path, device: Device, protocol: LatencyProtocol, images: list[Image], watch: Watch
) -> tuple[float, int, str]:
    """Return images per second, the batch that gives them, and why no larger one was tried; after all latencies."""
    found = best_batch(path, device, images, protocol.confidence_of, watch)
    return found.images_per_s, found.batch, found.note


if __name__ == "__main__":
    main()
