"""What other processes use of this machine's processor meanwhile."""

import time
from importlib.util import find_spec

from objectives.machine import proc_times


class Others:
    """Counts the cores that everything but this process and its descendants uses, from its making on."""

    def __init__(self) -> None:
        self._began, self._everyone_s, self._own_s = time.perf_counter(), everyone_s(), own_s()

    def cores(self) -> float:
        """Return how many cores were used so far, at the mean."""
        used_s = everyone_s() - self._everyone_s - (own_s() - self._own_s)
        return max(0.0, used_s) / (time.perf_counter() - self._began)


def everyone_s() -> float:
    """Return the processor seconds that everything on this machine has used; stolen time too."""
    if find_spec("psutil") is None:
        return proc_times.everyone_s()
    import psutil

    times = psutil.cpu_times()
    twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # Linux counts them as user and nice, too
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - twice)


def own_s() -> float:
    """Return the processor seconds of this process and its descendants, of those that have ended too."""
    if find_spec("psutil") is None:
        return proc_times.own_s()
    import psutil

    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            total += sum(process.cpu_times()[:4])  # user and system, its own and those of its ended children
        except psutil.NoSuchProcess:  # it has just ended: its parent counts it
            continue
    return total
