"""Where the trials of a search train: a share of the processor's cores, and a GPU of its own where there are any."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from objectives.shares import lease_gpu, share_of_cores, slots_taken, take_slot


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
    gpus = gpu_ids(wanted)
    lease = lease_gpu(gpus) if gpus else None
    if gpus and lease is None:
        return None
    slot = take_slot()
    sharing = max(workers, slots_taken())
    cores = () if sharing == 1 else share_of_cores(slot.index, sharing, sorted(os.sched_getaffinity(0)))

    def give_back() -> None:
        slot.release()
        if lease is not None:
            lease.release()

    return Place(cores, str(lease.index) if lease else "cpu" if wanted == "auto" else wanted, give_back)


def gpu_ids(wanted: str) -> list[int]:
    """Return the numbers of the NVIDIA boards that a trial may have; the searching process never starts CUDA."""
    if wanted != "auto":
        return [int(wanted)] if wanted.isdigit() else []
    boards = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return list(range(boards if visible is None else len([v for v in visible.split(",") if v.strip()])))
