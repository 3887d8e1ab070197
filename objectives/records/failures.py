"""Classes of failure: what a trial can die of, and what to do about it."""

from collections.abc import Iterable
from enum import StrEnum

from spaces.errors import AutomlError


class Diverged(Exception):
    """The training loss is no finite number any more, or it exploded."""


class ExportFailed(AutomlError):
    """A network cannot be turned into a deployable file."""


class Failure(StrEnum):
    """What a trial died of."""

    OUT_OF_MEMORY = "out of memory"  # of the host
    OUT_OF_DEVICE_MEMORY = "out of device memory"
    GPU_SHARED = "out of shared device memory"  # beside other trainings on the GPU
    GPU_TOO_SMALL = "out of device memory here"  # left for a machine of the study that has a larger GPU
    DIVERGED = "diverged"  # the loss is no number, or exploded
    CRASHED = "crashed"  # a signal, or an exit without a word
    TIMED_OUT = "timed out"  # over its time limit, or without a sign of life
    EXPORT_FAILED = "export failed"
    DATA_UNREADABLE = "data unreadable"
    DISK_FULL = "disk full"
    KILLED = "killed"  # by the user
    NOT_BUILDABLE = "not buildable"
    NOT_MEASURABLE = "not measurable"  # the device or its runtime
    DEVICE_AWAY = "device away"  # a board that cannot be reached now
    ERROR = "error"


ADVICE = {
    Failure.OUT_OF_MEMORY: "lower train.batch or size.pixels, run fewer workers=N, or raise trial.memory_mb",
    Failure.OUT_OF_DEVICE_MEMORY: "lower train.batch or size.pixels",
    Failure.GPU_SHARED: "lower gpu.share, or raise gpu.memory_mb",
    Failure.GPU_TOO_SMALL: "lower train.batch or size.pixels, or search on machines with larger GPUs alone",
    Failure.DIVERGED: "narrow train.lr0 to lower values",
    Failure.CRASHED: "read the log; a runtime or a driver is broken",
    Failure.TIMED_OUT: "raise trial.timeout_s or trial.silence_s, or narrow the space to smaller detectors",
    Failure.EXPORT_FAILED: "leave out the backbones or heads that cannot be exported",
    Failure.DATA_UNREADABLE: "mend the file that the log names, and look with: automl data",
    Failure.DISK_FULL: "free some space, or set store.folder=... to another disk",
    Failure.KILLED: "find out who kills the trials",
    Failure.NOT_BUILDABLE: "leave out the choices that cannot be built",
    Failure.NOT_MEASURABLE: "check the device with: automl latency",
    Failure.DEVICE_AWAY: "bring the board back, and look with: automl latency",
    Failure.ERROR: "read the log",
}

# The architecture itself is at fault: it would fail again, whatever the training.
OF_ARCHITECTURE = frozenset({Failure.NOT_BUILDABLE, Failure.EXPORT_FAILED})
OF_MEMORY = frozenset({Failure.OUT_OF_MEMORY, Failure.OUT_OF_DEVICE_MEMORY})
# How a trial goes on after a death that says nothing of its batch.
SEQUELS = {Failure.GPU_SHARED: "alone on a GPU", Failure.GPU_TOO_SMALL: "on a machine with a larger GPU"}
# The candidate is too large for this machine: the sampler learns where the limit lies.
OF_GPU = frozenset({Failure.OUT_OF_DEVICE_MEMORY, Failure.GPU_TOO_SMALL})  # of which a larger GPU would be no limit
OF_SIZE = OF_MEMORY | OF_GPU | {Failure.TIMED_OUT}


def batch_divisor(died_of: Iterable[str]) -> int:
    """Return what the batch is divided by of a trial that has died of these and is taken up again: 2 or 1."""
    return 1 if OF_MEMORY.isdisjoint(died_of) else 2
