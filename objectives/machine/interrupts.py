"""Ctrl-C and a polite kill, taken alike for a while."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(
    handler: Callable[[int, FrameType | None], Any] = signal.default_int_handler,
) -> Iterator[None]:
    """Take Ctrl-C and a polite kill alike, in the background too, where shells have processes ignore Ctrl-C.

    Args:
        handler: of both; the default raises KeyboardInterrupt.
    """
    before = [signal.signal(kind, handler) for kind in ENDING_SIGNALS]
    try:
        yield
    finally:
        for kind, earlier in zip(ENDING_SIGNALS, before, strict=True):
            signal.signal(kind, earlier)
