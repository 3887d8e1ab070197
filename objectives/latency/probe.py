"""The measuring process: one job on standard input, a JSON line with a Latency or an error for each file on output."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from objectives.deploy.batches import made_there, with_batch
from objectives.deploy.detector import Detector, Image
from objectives.deploy.device import Device
from objectives.deploy.pixels.choose import pixel_work
from objectives.deploy.runtimes.open import open_artifact
from objectives.latency.protocol import LatencyProtocol, summarise
from objectives.latency.reference import Reference
from objectives.latency.sampling import Timing, sample
from objectives.latency.throughput import BatchFile, SessionClock, best_batch
from objectives.machine.memory import peak_bytes
from objectives.machine.parent_death import die_with_parent
from spaces.errors import DeviceError


def main() -> None:
    """Measure the job that `objectives.latency.measure` wrote."""
    job = json.loads(sys.stdin.readline())
    die_with_parent(job["parent_pid"])
    if job["cores"]:  # those of the whole search, where the trial has only its share
        os.sched_setaffinity(0, job["cores"])
    sys.stdout.write(json.dumps(measure(job)) + "\n")


def is_relative(device: Device) -> bool:
    """Return whether a device's figures are ratios to the reference: on one processor thread.

    There the clock is the processor time of this process: what passes while others have the core is not counted, and
    on a calm machine it agrees with the wall's. Processor time says nothing of the latency of several threads, and a
    reference on the processor nothing of a GPU's.
    """
    return device.on_processor and device.threads == 1


def measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a mapping a file: `latency`, or `error` with the last line of a traceback.

    Args:
        job: `device`, `protocol`, `artifacts`, `images`, `calm_ms` (None: measured, or read where it is kept). On a
            board also `fingerprint` of the board, `reference`, the reference network's file, and `calm_folder`; where
            throughput is asked for, `batches`: for each artifact what `_sent_batches` takes.
    """
    device, protocol = Device(**job["device"]), LatencyProtocol(**job["protocol"])
    pixel_work().use_threads(device.threads)
    relative = is_relative(device)
    clock = time.process_time if relative else time.perf_counter
    images = [_read(Path(p)) for p in job["images"]]
    fingerprint = job.get("fingerprint") or device.fingerprint
    kept = {
        key: Path(job[name]) for key, name in (("network", "reference"), ("folder", "calm_folder")) if job.get(name)
    }
    reference = Reference(fingerprint, clock, **kept)
    calm_ms = job["calm_ms"] or reference.calm_ms()
    runs = [_open(Path(p), device, protocol, images, clock) for p in job["artifacts"]]
    opened = [run for run in runs if isinstance(run, _Timed)]
    sampled = iter(sample(opened, reference.time_ms, protocol, clock, relative=relative))
    peak = peak_bytes() if len(runs) == 1 else 0

    watch = SessionClock(clock, reference.time_ms, calm_ms if relative else None)

    batches = [_sent_batches(one) for one in job["batches"]] if job.get("batches") else [with_batch for _ in runs]

    def outcome(path: str, run: "_Timed | Exception", batch_file: BatchFile) -> dict[str, Any]:
        if isinstance(run, Exception):
            return _error(run)
        found = next(sampled)
        if isinstance(found, Exception):
            return _error(found)
        figure = summarise(found, protocol, calm_ms, fingerprint, peak)
        figure = replace(figure, ran_on=run.detector.runtime.ran_on)
        if protocol.throughput:
            best = best_batch(Path(path), device, images, protocol.confidence_of, watch, batch_file)
            figure = figure.with_batches(best.images_per_s, best.batch, best.note)
        return {"latency": asdict(figure)}

    return [outcome(*one) for one in zip(job["artifacts"], runs, batches, strict=True)]


def _error(error: Exception) -> dict[str, Any]:
    return {"error": traceback.format_exception_only(error)[-1].strip()}


@dataclass(frozen=True)
class _Timed:
    """A file that is open, and what times it on an image."""

    detector: Detector
    images: Sequence[Image]
    clock: Callable[[], float]

    def __call__(self, i: int) -> Timing:
        passed, counted = time.perf_counter(), self.clock()
        self.detector(self.images[i % len(self.images)])
        total_s, wall_s = self.clock() - counted, time.perf_counter() - passed
        return Timing(1e3 * total_s, 1e3 * total_s * self.detector.network_s / wall_s, 1e3 * wall_s)


def _read(path: Path) -> Image:
    """Return a decoded image: boards are sent arrays, since they decode nothing."""
    if path.suffix == ".npy":
        decoded: Image = np.load(path, allow_pickle=False)
        return decoded
    from objectives.data.pictures.decode import read_image

    return read_image(path)


def _open(
    path: Path, device: Device, protocol: LatencyProtocol, images: list[Image], clock: Callable[[], float]
) -> _Timed | Exception:
    """Open a file, and return what times it on an image."""
    try:
        opened = open_artifact(path, device)
        return _Timed(Detector(opened, protocol.confidence_of(opened.meta)), images, clock)
    except Exception as error:  # one bad file must not spoil the others
        return error


def _sent_batches(sent: dict[str, Any]) -> BatchFile:
    """Return what writes files for several images of those that were sent: a board has no `onnx`.

    Args:
        sent: `base` and `differences` by the number of images, see `objectives.deploy.batches.for_a_board`; or `why`
            there are none.
    """

    def batch_file(_path: Path, images: int, target: Path) -> Path:
        if "why" in sent:
            raise DeviceError(sent["why"])
        return made_there(Path(sent["base"]), sent["differences"][str(images)], target)

    return batch_file


if __name__ == "__main__":
    main()
