"""The processor cores that a process runs on."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager


@contextmanager
def on_cores(cores: Collection[int]) -> Iterator[frozenset[int]]:
    """Run what is inside on some cores, and yield those that there were before; on all of them if none are named.

    Threads that run already keep theirs. Where the system cannot do it, nothing is done.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield frozenset()
        return
    before = frozenset(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores or before)
    try:
        yield before
    finally:
        os.sched_setaffinity(0, before)
