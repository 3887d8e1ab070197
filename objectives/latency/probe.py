"""The measuring process: one job on standard input, one Latency as a JSON line on standard output."""

import json
import os
import sys
import time
from pathlib import Path

import cv2

from objectives.deploy.detector import Detector, read_image
from objectives.deploy.device import Device
from objectives.deploy.runtimes import open_artifact
from objectives.latency.measure import LatencyProtocol, sample, summarise
from objectives.latency.reference import Reference
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
    figure = summarise(samples, protocol, reference.best_ms(), device.fingerprint)
    if samples.others_cores <= protocol.others_cores_max:
        reference.remember(figure.reference_ms)
    sys.stdout.write(json.dumps(figure.to_json()) + "\n")


if __name__ == "__main__":
    main()
