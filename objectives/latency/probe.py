"""The measuring process: one job on standard input, a JSON line with a Latency or an error for each file on output."""

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import cv2

from objectives.deploy.detector import Detector, Image, read_image
from objectives.deploy.device import Device
from objectives.deploy.runtimes import open_artifact
from objectives.latency.protocol import LatencyProtocol, summarise
from objectives.latency.reference import Reference
from objectives.latency.sampling import Run, sample_in_turn
from objectives.machine.memory import peak_bytes
from objectives.machine.parent_death import die_with_parent


def main() -> None:
    """Measure the job that `objectives.latency.measure` wrote."""
    job = json.loads(sys.stdin.read())
    die_with_parent(job["parent_pid"])
    if job["cores"]:  # those of the whole search, where the trial has only its share
        os.sched_setaffinity(0, job["cores"])
    sys.stdout.write(json.dumps(_measure(job)) + "\n")


def _measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a mapping a file: `latency`, or `error` with the last line of a traceback."""
    device, protocol = Device(**job["device"]), LatencyProtocol(**job["protocol"])
    cv2.setNumThreads(device.threads or -1)
    images = [read_image(Path(p)) for p in job["images"]]
    reference = Reference(device.fingerprint)
    calm_ms = job["calm_ms"] or reference.calm_ms()
    found: list[Any] = [_open(Path(p), device, protocol, images) for p in job["artifacts"]]
    whole = [i for i, run in enumerate(found) if not isinstance(run, Exception)]
    for i, samples in zip(whole, sample_in_turn([found[i] for i in whole], reference.time_ms, protocol), strict=True):
        found[i] = samples
    peak = peak_bytes() if len(found) == 1 else 0

    def outcome(samples: Any) -> dict[str, Any]:
        if isinstance(samples, Exception):
            return {"error": traceback.format_exception_only(samples)[-1].strip()}
        relative = device.on_processor
        figure = summarise(samples, protocol, calm_ms, device.fingerprint, peak, relative=relative)
        return {"latency": figure.to_json()}

    return [outcome(samples) for samples in found]


def _open(path: Path, device: Device, protocol: LatencyProtocol, images: list[Image]) -> Run | Exception:
    """Open a file, and return what times it on an image."""
    try:
        detector = Detector(open_artifact(path, device), protocol.confidence)
    except Exception as error:  # one bad file must not spoil the others
        return error

    def run(i: int) -> tuple[float, float]:
        start = time.perf_counter()
        detector(images[i % len(images)])
        return 1e3 * (time.perf_counter() - start), 1e3 * detector.network_s

    return run


if __name__ == "__main__":
    main()
