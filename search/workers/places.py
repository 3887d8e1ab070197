"""Where the trials of a search train: a share of the processor's cores, and a GPU, or a share of one."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from objectives.machine.card import MachineCard, card_with
from objectives.machine.gpus.leases import GpuLease, lease_gpu
from objectives.machine.gpus.visible import wanted_gpus
from objectives.machine.shares import share_of_cores, slots_taken, take_slot


@dataclass(frozen=True)
class Place:
    """Where one trial trains; others of this user leave it alone until it is given back.

    Attributes:
        cores: processor cores; empty for all.
        train_device: "cpu", "0", ... as Ultralytics names it, among the GPUs that this process sees.
        give_back: frees it.
        lease: of the GPU; None on the processor, and on devices that are not leased.
    """

    cores: tuple[int, ...]
    train_device: str
    give_back: Callable[[], None]
    lease: GpuLease | None = None

    @property
    def gpu(self) -> str | None:
        """The name by which a process sees this GPU alone; None where the driver names none."""
        return self.lease.gpu.uuid if self.lease is not None and self.lease.gpu.is_known else None

    def look(self) -> None:
        """Remember whether others train on the GPU, for when the trial dies for want of its memory."""
        if self.lease is not None:
            _ = self.lease.has_company

    @property
    def card(self) -> MachineCard:
        """The machine, with the GPU of this place."""
        return card_with(None if self.lease is None else self.lease.gpu)


def take_place(wanted: str, workers: int, share: int = 1) -> Place | None:
    """Return a place to train at; None while all GPUs that are wanted are taken, by whatever study.

    Args:
        wanted: "auto" (any GPU, the processor where there is none), or a device by Ultralytics' name.
        workers: trials that this search runs at once.
        share: trainings that a GPU may have at once.
    """
    gpus = wanted_gpus(wanted)
    lease = lease_gpu(gpus, share) if gpus else None
    if gpus and lease is None:
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
        train_device = str(gpus.index(lease.gpu)) if lease else "cpu"
    return Place(cores, train_device, give_back, lease)
