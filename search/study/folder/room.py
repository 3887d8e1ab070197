"""Room on the disk of a study: a search without it pauses, and goes on when there is some again."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

from objectives.machine.disk import free_bytes
from spaces.errors import DiskFull

LOOK_EVERY_S = 2.0
MARGIN = 1.2  # so much more than the least must be free before a paused search goes on
PROBE_BYTES = 1 << 20  # written to see whether a quota lets anything be written at all


def check_room(folder: Path, free_mb_min: float) -> None:
    """Check that the disk has room.

    Raises:
        DiskFull: less than `free_mb_min` MB are free.
    """
    free = free_bytes(folder) / 1e6
    if free < free_mb_min:
        raise DiskFull(
            f"store: the disk of '{folder}' has {free:.0f} MB left, {free_mb_min:.0f} are needed "
            "(store.free_mb_min); free some, or set store.folder=..."
        )


def has_room(folder: Path, free_mb_min: float) -> bool:
    """Whether a paused search can go on: there is room, with a margin, and it can be written to."""
    if free_bytes(folder) / 1e6 < MARGIN * free_mb_min:
        return False
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
    except OSError:
        return False
    return True


def wait_for_room(folder: Path, free_mb_min: float, say: Callable[[str], None]) -> None:
    """Wait until the disk has room again; `say` gets the reason, and in the end an empty text."""
    while not has_room(folder, free_mb_min):
        say(f"the disk of '{folder}' is full; the search goes on once {MARGIN * free_mb_min:.0f} MB are free")
        time.sleep(LOOK_EVERY_S)
    say("")
