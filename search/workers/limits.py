"""What a trial may use: time, silence, memory and processes."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from search.settings.settings import TrialSettings

MEMORY_SHARE = 0.9  # of the machine's memory, for all workers


@dataclass(frozen=True)
class Limits:
    """What the processes of one trial may use.

    Attributes:
        timeout_s: seconds in all; None for no limit.
        silence_s: seconds without a message after which the trial counts as hung.
        memory_bytes: memory of all its processes together.
        processes_max: processes at once.
        prefix: of the settings' names in reasons, such as "trial." in "(trial.timeout_s)".
    """

    timeout_s: float | None = None
    silence_s: float = 900.0
    memory_bytes: int = 1 << 62
    processes_max: int = 64
    prefix: str = "trial."

    @classmethod
    def of(cls, trial: TrialSettings, workers: int, prefix: str = "trial.") -> "Limits":
        """Return the limits of the settings; the machine's memory is shared by so many workers where none is set."""
        shared = MEMORY_SHARE * machine_memory_bytes() / workers
        memory = shared if trial.memory_mb is None else trial.memory_mb * 1e6
        return cls(trial.timeout_s, trial.silence_s, int(memory), trial.processes_max, prefix)

    def for_length(self, times: float) -> "Limits":
        """Return the limits of a training that is so many times as long as those that the limit of time is meant for.

        A shorter one keeps the limit.
        """
        return self if self.timeout_s is None else replace(self, timeout_s=self.timeout_s * max(1.0, times))


def machine_memory_bytes(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory that this process may use: the machine's, or less by its control groups (Linux, version 2)."""
    return min([int(psutil.virtual_memory().total), *_group_limits_bytes(groups, own)])


def _group_limits_bytes(groups: Path, own: Path) -> Iterator[int]:
    """Yield the limits of a process's own control group and of those above it."""
    with contextlib.suppress(OSError):
        path = next((line[3:] for line in own.read_text().splitlines() if line.startswith("0::")), "/")
        group = groups / path.strip("/")
        for folder in (group, *group.parents):
            with contextlib.suppress(OSError, ValueError):  # no limit there, or "max"
                yield int((folder / "memory.max").read_text())
