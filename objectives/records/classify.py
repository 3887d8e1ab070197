"""An exception to its class of failure."""

import errno
from collections.abc import Iterator

from objectives.records.failures import Diverged, ExportFailed, Failure
from spaces.errors import AutomlError, DataError, DeviceAway, DeviceError

# What exceptions say, in lower case. Classes differ between versions of torch, CUDA and OpenCV; words hardly do.
DEVICE_MEMORY = (
    "cuda out of memory",
    "cuda error: out of memory",
    "hip out of memory",
    "mps backend out of memory",
    "cublas_status_alloc_failed",
    "cuda failure 2: out of memory",  # ONNX Runtime
)
HOST_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "unable to allocate",  # NumPy
    "insufficient memory",  # OpenCV
    "bad_alloc",
    "out of shared memory",  # data-loading processes
    "unable to write to file </torch_",  # their shared memory, too
    "is killed by signal: killed",  # one of them, by the kernel
)
FULL = ("no space left on device", "disk quota exceeded", "database or disk is full")
UNREADABLE = (
    "image not found",  # Ultralytics, for one that it cannot decode
    "images not found",
    "error loading data from",
    "no valid images found",
    "no labels found",
    "cannot identify image file",  # Pillow
    "truncated file read",
    "image file is truncated",
    "imread",  # OpenCV
    "imdecode",
    "!ssize.empty()",
)
UNTRAINABLE = (  # batch normalisation after a global pooling, on a batch of one image
    "expected more than 1 value per channel when training",
    "gives batchnorm a single value per channel",
)


def classify(error: BaseException) -> Failure:
    """Return the class of a failure; what an exception was raised from, or while handling, is looked at too."""
    if isinstance(error, DeviceAway):  # whatever is full or short there is not so here
        return Failure.DEVICE_AWAY
    chain = list(_chain(error))
    for is_of, failure in (
        (_is_full, Failure.DISK_FULL),
        (_is_device_memory, Failure.OUT_OF_DEVICE_MEMORY),
        (_is_host_memory, Failure.OUT_OF_MEMORY),
        (lambda e: isinstance(e, Diverged), Failure.DIVERGED),
        (lambda e: isinstance(e, ExportFailed), Failure.EXPORT_FAILED),
    ):
        if any(is_of(link) for link in chain):
            return failure
    if isinstance(error, DeviceError):
        return Failure.NOT_MEASURABLE
    if isinstance(error, DataError):
        return Failure.DATA_UNREADABLE
    if isinstance(error, AutomlError) or any(_says(link, UNTRAINABLE) for link in chain):
        return Failure.NOT_BUILDABLE
    return Failure.DATA_UNREADABLE if any(_is_unreadable(link) for link in chain) else Failure.ERROR


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(word in text for word in words)


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return _says(error, FULL) and not _says(error, HOST_MEMORY)


def _is_device_memory(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or _says(error, DEVICE_MEMORY)


def _is_host_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return _says(error, HOST_MEMORY)


def _is_unreadable(error: BaseException) -> bool:
    return type(error).__name__ == "UnidentifiedImageError" or _says(error, UNREADABLE)
