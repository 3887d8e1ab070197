"""How trainings use GPUs: how many share one, and how much memory each is counted with."""

from dataclasses import dataclass

from objectives.machine.gpus.leases import SHARE_MAX
from spaces.errors import SettingsError


@dataclass(frozen=True)
class GpuSettings:
    """The section `gpu`.

    Attributes:
        share: trainings that one GPU has at once, where its memory allows.
        memory_mb: memory of the GPU that each is counted with, in 10^6 bytes; None: as like trials needed so far.
    """

    share: int
    memory_mb: int | None

    def __post_init__(self) -> None:
        if not 1 <= self.share <= SHARE_MAX:
            raise SettingsError(f"gpu.share: must be 1 to {SHARE_MAX} trainings on one GPU, got {self.share}")
        if self.memory_mb is not None and self.memory_mb < 1:
            raise SettingsError(f"gpu.memory_mb: must be 1 or more, or null, got {self.memory_mb}")
