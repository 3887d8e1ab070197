"""A disk that is full: the search waits until there is room, and takes its trials up again."""

import time
from pathlib import Path

from objectives.records.failures import Failure
from objectives.records.records import Ending
from search.study.folder.disk_space import has_disk_space, wait_for_disk_space
from search.study.sessions import Session
from search.view.base import View
from spaces.errors import DiskFull

LEAST_S = 2.0  # the disk that is full may be another one than the folder's


def died_of_full_disk(end: Ending | None, folder: Path, free_mb_min: float) -> DiskFull | None:
    """Return the error of a disk that a trial died of and that is full still; None where there is room by now."""
    if end is None or end.error_class != Failure.DISK_FULL or has_disk_space(folder, free_mb_min):
        return None
    return DiskFull(end.reason)


def wait_for_disk(full: DiskFull, session: Session, view: View, folder: Path, free_mb_min: float) -> None:
    """Wait until the disk has space again; such time is not searched."""
    session.sleep()
    view.waiting(str(full))
    time.sleep(LEAST_S)
    wait_for_disk_space(folder, free_mb_min, view.waiting)
