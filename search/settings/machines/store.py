"""Where studies live: their folder, their database, the files that several machines share."""

from dataclasses import dataclass

from spaces.errors import SettingsError


@dataclass(frozen=True)
class StoreSettings:
    """Where studies live."""

    folder: str
    url: str | None
    artifacts: str | None
    lease_s: float
    wait_s: float
    size_mb_max: float | None
    free_mb_min: float

    def __post_init__(self) -> None:
        if not self.lease_s > 0:
            raise SettingsError(f"store.lease_s: must be positive, got {self.lease_s}")
        if not self.wait_s >= 0:
            raise SettingsError(f"store.wait_s: must be 0 or more, got {self.wait_s}")
        if self.size_mb_max is not None and not self.size_mb_max > 0:
            raise SettingsError(f"store.size_mb_max: must be positive or null, got {self.size_mb_max}")
        if not self.free_mb_min >= 0:
            raise SettingsError(f"store.free_mb_min: must be 0 or more, got {self.free_mb_min}")
