"""Throughput of a deployable file: images per second at the batch that gives the most, end to end."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.batches import BATCH_MOST, with_batch
from objectives.deploy.detector import Image, letterbox, read_output, stretch
from objectives.deploy.device import Device
from objectives.deploy.runtimes.contract import Runtime
from objectives.deploy.runtimes.open import open_artifact
from objectives.machine.memory import free_memory_bytes, peak_bytes
from spaces.errors import first_line

GROWTH_LEAST = 1.02  # over the best so far that another batch must bring, or no larger one is tried
BLOCKS_TIMED, BLOCKS_FEWEST = 5, 3  # of batches that follow each other without a pause: usually, where they take long
BLOCK_S = 0.05  # that a block takes at least
LONG_S = 1.0  # of a batch size, after which BLOCKS_FEWEST will do
TOLERANCE = 1e-2  # of an output in a batch against that of the image alone: kernels differ by batch, halves by more

BatchFile = Callable[
    [Path, int, Path], Path
]  # of a file, images and a target; as `objectives.deploy.batches.with_batch`


@dataclass(frozen=True)
class Throughput:
    """What the best batch gives.

    Attributes:
        images_per_s: end to end: letterbox, network, NMS.
        batch: images at once.
        note: why larger batches were not tried, where that was not because they bring less; else empty.
    """

    images_per_s: float
    batch: int
    note: str = ""


@dataclass(frozen=True)
class SessionClock:
    """The clock of a session: the same for batches as for single images.

    Attributes:
        clock: seconds.
        reference_ms: times the reference network once, by that clock; what it takes scales the block after it.
        calm_ms: calm time of the reference; None where figures are the time itself.
    """

    clock: Callable[[], float]
    reference_ms: Callable[[], float]
    calm_ms: float | None

    def seconds(self, run: Callable[[], object], times: int) -> float:
        """Return what a run takes, of a block of `times` without a pause, as figures of this session count.

        An untimed run comes first: the reference has just emptied the caches, which a stream of images does not. With a
        reference before each batch, batches of 8 looked 1.3 times as fast as single images where they were no faster.
        """
        reference_ms = self.reference_ms()
        run()
        began = self.clock()
        for _ in range(times):
            run()
        taken_s = (self.clock() - began) / times
        return taken_s * (1.0 if self.calm_ms is None else self.calm_ms / reference_ms)


def best_batch(
    path: Path,
    device: Device,
    images: Sequence[Image],
    confidence_of: Callable[[ArtifactMeta], float],
    watch: SessionClock,
    batch_file: BatchFile = with_batch,
) -> Throughput:
    """Time batches of 1, 2, 4, ... images while each brings over 2 % more, and memory allows.

    A batch counts only if each image has the outputs in it that it has alone.

    Args:
        path: a deployable file.
        device: where to run it.
        images: decoded, taken in turn.
        confidence_of: gives the deployed confidence of a file.
        watch: the clock of the session.
        batch_file: writes the file for several images.

    Raises:
        DeviceError: the file cannot be run at all.
    """
    alone = open_artifact(path, device)
    confidence = confidence_of(alone.meta)
    best = Throughput(_images_per_s(_Batch(alone, images[:1], confidence), watch), 1)
    with tempfile.TemporaryDirectory(prefix="automl-batch-") as folder:
        while best.batch < BATCH_MOST:
            size, before = 2 * best.batch, peak_bytes()
            chosen = [images[i % len(images)] for i in range(size)]
            try:
                runtime = open_artifact(batch_file(path, size, Path(folder) / f"{size}{path.suffix}"), device)
                batch = _Batch(runtime, chosen, confidence)
                if not batch.agrees(alone):
                    return _without(best, size, "its graph gives other outputs there")
            except Exception as error:  # of the runtime: its classes differ by version and provider; out of memory too
                return _without(best, size, first_line(error, most=200))
            images_per_s = _images_per_s(batch, watch)
            if images_per_s < GROWTH_LEAST * best.images_per_s:
                return best
            best = Throughput(images_per_s, size)
            if 2 * (peak_bytes() - before) > free_memory_bytes():
                return _without(best, 2 * size, "memory is short")
    return best


def _without(best: Throughput, size: int, why: str) -> Throughput:
    return Throughput(best.images_per_s, best.batch, f"no batch of {size}: {why}")


class _Batch:
    """Images that go through a file at once."""

    def __init__(self, runtime: Runtime, images: Sequence[Image], confidence: float) -> None:
        self._runtime, self._images, self._confidence = runtime, images, confidence
        self.size = len(images)

    def run(self) -> None:
        """Run all of it, as deployed."""
        fitted = [self._fit(image) for image in self._images]
        output = self._runtime.run(np.concatenate([blob for blob, _, _ in fitted]))
        for i, (_, scale, pad) in enumerate(fitted):
            read_output(output[i : i + 1], self._runtime.meta, self._confidence, scale, pad)

    def agrees(self, alone: Runtime) -> bool:
        """Return whether each image has the outputs that it has alone; heads that sort boxes may order ties anew."""
        blobs = [self._fit(image)[0] for image in self._images]
        together = self._runtime.run(np.concatenate(blobs)).copy()
        if len(together) != self.size:
            return False
        for output, blob in zip(together, blobs, strict=True):
            expected = alone.run(blob)[0]
            if output.shape != expected.shape:
                return False
            if not np.allclose(np.sort(output, axis=None), np.sort(expected, axis=None), TOLERANCE, TOLERANCE):
                return False
        return True

    def _fit(self, image: Image) -> tuple[NDArray[np.float32], tuple[float, float], tuple[int, int]]:
        meta = self._runtime.meta
        return (stretch if meta.stretched else letterbox)(image, meta.size_px)


def _images_per_s(batch: _Batch, watch: SessionClock) -> float:
    batch.run()  # the first one lays out memory
    began = time.perf_counter()
    batch.run()
    times = max(1, math.ceil(BLOCK_S / max(1e-6, time.perf_counter() - began)))
    taken: list[float] = []
    while len(taken) < (BLOCKS_TIMED if time.perf_counter() - began < LONG_S else BLOCKS_FEWEST):
        taken.append(watch.seconds(batch.run, times))
    return batch.size / float(np.median(taken))
