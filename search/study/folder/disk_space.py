"""Disk space of a study: a search without it pauses, and goes on when there is some again."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

from objectives.machine.disk import free_bytes
from spaces.errors import DiskFull

DISK_LOOK_EVERY_S = 2.0
FREE_MARGIN = 1.2  # so much more than the least must be free before a paused search goes on
PROBE_BYTES = 1 << 20  # written to see whether a quota lets anything be written at all


def check_disk_space(folder: Path, free_mb_min: float) -> None:
    """Check that the disk has space.

    Raises:
        DiskFull: less than `free_mb_min` MB are free.
    """
    free = free_bytes(folder) / 1e6
    if free < free_mb_min:
        raise DiskFull(
            f"store: the disk of '{folder}' has {free:.0f} MB left, {free_mb_min:.0f} are needed "
            "(store.free_mb_min); free some, or set store.folder=..."
        )


def has_disk_space(folder: Path, free_mb_min: float) -> bool:
    """Whether a paused search can go on: the disk has space, with a margin, and can be written to."""
    if free_bytes(folder) / 1e6 < FREE_MARGIN * free_mb_min:
        return False
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
    except OSError:
        return False
    return True


def wait_for_disk_space(folder: Path, free_mb_min: float, say: Callable[[str], None]) -> None:
    """Wait until the disk has space again; `say` is called with the reason, and in the end with an empty text."""
    while not has_disk_space(folder, free_mb_min):
        say(f"the disk of '{folder}' is full; the search goes on once {FREE_MARGIN * free_mb_min:.0f} MB are free")
        time.sleep(DISK_LOOK_EVERY_S)
    say("")
