"""A bar for work that is counted: how much is done, and how long the rest takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SHOWN_AFTER_S = 0.5  # what is done by then needs no bar


@contextmanager
def counting(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback that takes what is done and of how much, and draws a bar; the bar goes when the block ends.

    Args:
        console: where to draw; one that is no terminal is not drawn on.
        what: is counted, for people ("images").
    """
    begun = time.monotonic()
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with_bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = with_bar.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        with_bar.update(task, completed=done, total=total)
        if time.monotonic() - begun >= SHOWN_AFTER_S:
            with_bar.start()

    try:
        yield show
    finally:
        with_bar.stop()
