"""Where the trials of a search train: a share of the processor's cores, and a GPU of its own where there are any."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from objectives.machine.gpus import board_of, visible_gpus
from objectives.machine.shares import lease_gpu, share_of_cores, slots_taken, take_slot


@dataclass(frozen=True)
class Place:
    """Where one trial trains; others of this user leave it alone until it is given back.

    Attributes:
        cores: processor cores; empty for all.
        train_device: "cpu", "0", ... as Ultralytics names it.
        give_back: frees it.
    """

    cores: tuple[int, ...]
    train_device: str
    give_back: Callable[[], None]


def take_place(wanted: str, workers: int) -> Place | None:
    """Return a place to train at; None while all GPUs that are wanted are taken, by whatever study.

    Args:
        wanted: "auto" (any GPU, the processor where there is none), or a device by Ultralytics' name.
        workers: trials that this search runs at once.
    """
    boards = wanted_boards(wanted)
    lease = lease_gpu(boards) if boards else None
    if boards and lease is None:
        return None
    slot = take_slot()
    sharing = max(workers, slots_taken())
    cores = () if sharing == 1 else share_of_cores(slot.index, sharing, sorted(os.sched_getaffinity(0)))

    def give_back() -> None:
        slot.release()
        if lease is not None:
            lease.release()

    train_device = wanted
    if wanted == "auto":
        train_device = str(boards.index(lease.index)) if lease else "cpu"
    return Place(cores, train_device, give_back)


def wanted_boards(wanted: str) -> list[int]:
    """Return the machine's numbers of the boards of which a trial may have one; none to train on the processor."""
    if wanted == "auto":
        return visible_gpus()
    return [board_of(int(wanted))] if wanted.isdigit() else []
