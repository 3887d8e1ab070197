"""The measuring process: one job on standard input, one Latency as a JSON line on standard output."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from objectives.deploy.detector import Detector, read_image
from objectives.deploy.device import Device
from objectives.deploy.runtimes import open_artifact
from objectives.latency.protocol import LatencyProtocol, Samples, median_interval, summarise
from objectives.latency.reference import Reference
from objectives.machine.memory import peak_bytes
from objectives.machine.other_load import Others
from objectives.machine.parent_death import die_with_parent


def main() -> None:
    """Measure the job that `objectives.latency.measure.measure_latency` wrote."""
    job = json.loads(sys.stdin.read())
    die_with_parent(job["parent_pid"])
    if job["cores"]:  # those of the whole search, where the trial has only its share
        os.sched_setaffinity(0, job["cores"])
    device, protocol = Device(**job["device"]), LatencyProtocol(**job["protocol"])
    cv2.setNumThreads(device.threads or -1)
    detector = Detector(open_artifact(Path(job["artifact"]), device), protocol.confidence)
    images = [read_image(Path(p)) for p in job["images"]]

    def run(i: int) -> tuple[float, float]:
        start = time.perf_counter()
        detector(images[i % len(images)])
        return 1e3 * (time.perf_counter() - start), 1e3 * detector.network_s

    reference = Reference(device.fingerprint)
    samples = sample(run, reference.time_ms, protocol)
    figure = summarise(samples, protocol, reference.best_ms(), device.fingerprint, peak_bytes())
    if samples.others_cores <= protocol.others_cores_max:
        reference.remember(figure.reference_ms)
    sys.stdout.write(json.dumps(figure.to_json()) + "\n")


def sample(
    run: Callable[[int], tuple[float, float]], reference: Callable[[], float], protocol: LatencyProtocol
) -> Samples:
    """Time images and the reference network in turn until the protocol ends it.

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


if __name__ == "__main__":
    main()
