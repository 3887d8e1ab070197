"""Seconds of work that hold on a busy machine: the thread's own, the least of several; for ratios, not for bounds."""

import time
from collections.abc import Callable


def cpu_s(work: Callable[[], object], times: int = 3) -> float:
    """Return the least processor seconds that some work took in this thread."""
    return min(_cpu_s(work) for _ in range(times))


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
