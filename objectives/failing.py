"""An exception to its class of failure."""

import errno

from objectives.failures import Failure
from spaces.errors import AutomlError, DeviceError


def classify(error: BaseException) -> Failure:
    """Return the class of a failure."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return Failure.OUT_OF_MEMORY
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Failure.DISK_FULL
    if type(error).__name__ == "Diverged":
        return Failure.DIVERGED
    if isinstance(error, DeviceError):
        return Failure.NOT_MEASURABLE
    if isinstance(error, AutomlError):
        return Failure.NOT_BUILDABLE
    return Failure.ERROR
