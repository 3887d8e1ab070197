"""What a machine is, in a few figures: a study of several machines learns by them what a training costs on each."""

import os
import platform
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from objectives.machine.gpus.driver import Gpu

BRACKETED = re.compile(r"\((R|TM|C)\)|\bCPU\b|\bProcessor\b|@.*$|\b\d+-Core\b", re.IGNORECASE)


@dataclass(frozen=True)
class MachineCard:
    """A machine, as a searching process of it trains there.

    Attributes:
        host: name of the machine.
        cores: processor cores that the process may use.
        memory_mb: main memory, in 10^6 bytes.
        gpu: name of the GPU that trainings run on; None on the processor.
        gpu_memory_mb: its memory, in 10^6 bytes; 0 where that is not known.
        kind: what machines that train alike have in common: the GPU's name, or the processor's with the cores.
    """

    host: str
    cores: int
    memory_mb: int
    gpu: str | None
    gpu_memory_mb: int
    kind: str

    @property
    def words(self) -> str:
        """The machine in one line for people."""
        memory = f"{self.memory_mb / 1000:.0f} GB"
        if self.gpu is None:
            return f"{self.host}: {self.kind}, {memory}"
        gpu_memory = f" ({self.gpu_memory_mb / 1000:.0f} GB)" if self.gpu_memory_mb else ""
        return f"{self.host}: {self.gpu}{gpu_memory}, {_counted(self.cores)}, {memory}"


def card_with(gpu: Gpu | None) -> MachineCard:
    """Return the card of this machine for trainings on a GPU, or on the processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name = None if gpu is None else gpu.name or "a GPU"
    kind = f"{_processor()}, {_counted(cores)}" if name is None else name
    return MachineCard(
        host=socket.gethostname(),
        cores=cores,
        memory_mb=round(psutil.virtual_memory().total / 1e6),
        gpu=name,
        gpu_memory_mb=0 if gpu is None else round(gpu.memory_bytes / 1e6),
        kind=kind,
    )


def largest_card(gpus: Sequence[Gpu]) -> MachineCard:
    """Return the card of this machine by the GPU with the most memory among those that trainings may run on."""
    return card_with(max(gpus, key=lambda gpu: gpu.memory_bytes, default=None))


def _counted(cores: int) -> str:
    return f"{cores} core{'s' * (cores != 1)}"


@cache
def _processor() -> str:
    """Return the processor's model, without what makers write around it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1] for line in lines if line.startswith("model name")), platform.machine())
    return " ".join(BRACKETED.sub(" ", model).split()) or platform.machine()
