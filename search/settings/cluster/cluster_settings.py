"""Where the workers of a search are started: how many, by which engine, and what each is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.errors import SettingsError, nearest

NO_CLUSTER = "none"
TAKES = {  # engine -> settings that mean something to it, beside `workers` and `logs`
    NO_CLUSTER: (),
    "local": (),
    "ray": ("gpus", "cpus", "address"),
    "dask": ("gpus", "address"),
    "slurm": ("gpus", "cpus", "address", "partition", "hours", "extra"),
}
AUTO_GPUS = "auto"  # gpus: one where the cluster has any
BEGUN_HERE = "local"  # address: a cluster on this machine, begun for this line and ended with it


@dataclass(frozen=True)
class ClusterSettings:
    """Where the workers of a search are started.

    Attributes:
        name: the engine, one of TAKES; "none": this process searches itself, and starts nothing.
        workers: searching processes to start.
        gpus: of one worker, whole or a share, or "auto"; None for an engine that does not hand GPUs out.
        cpus: processor cores of one worker, likewise.
        address: of Ray's head or of Dask's scheduler; "local" begins one here; None asks the environment first.
        partition: of Slurm.
        hours: for which Slurm is asked for a worker; one that is not done by then is begun again.
        extra: further parameters of `sbatch`, by their long names.
        logs: folder of what workers print; None for the folder `workers` of the study.
    """

    name: str
    workers: int
    gpus: str | None
    cpus: int | None
    address: str | None
    partition: str | None
    hours: float | None
    extra: dict[str, Any] | None
    logs: str | None

    def __post_init__(self) -> None:
        if self.name not in TAKES:
            known = ", ".join(TAKES)
            raise SettingsError(f"cluster: unknown engine '{self.name}'{nearest(self.name, TAKES)}; known: {known}")
        if self.is_none and self.workers != 1:
            engines = "|".join(name for name in TAKES if name != NO_CLUSTER)
            raise SettingsError(f"cluster.workers: needs an engine, got none; give cluster={engines}")
        if self.workers < 1:
            raise SettingsError(f"cluster.workers: must be 1 or more, got {self.workers}")
        for name in ("gpus", "cpus", "address", "partition", "hours", "extra"):
            if getattr(self, name) is not None and name not in TAKES[self.name]:
                takes = ", ".join(("workers", *TAKES[self.name], "logs"))
                raise SettingsError(f"cluster.{name}: means nothing to cluster={self.name}; it takes {takes}")
        if self.cpus is not None and self.cpus < 1:
            raise SettingsError(f"cluster.cpus: must be 1 or more, or null, got {self.cpus}")
        if self.hours is not None and not self.hours > 0:
            raise SettingsError(f"cluster.hours: must be positive or null, got {self.hours}")
        self._check_gpus()

    def _check_gpus(self) -> None:
        gpus = self.gpus_each
        if gpus is not None and (gpus < 0 or (gpus > 1 and gpus % 1)):
            raise SettingsError(f"cluster.gpus: must be auto, 0, a share below 1, or a whole number, got '{self.gpus}'")
        if self.name == "slurm" and (gpus or 0) % 1:
            raise SettingsError(f"cluster.gpus: Slurm hands out whole GPUs, got '{self.gpus}'; give a whole number")

    @property
    def is_none(self) -> bool:
        """Whether the process that is given the line searches itself."""
        return self.name == NO_CLUSTER

    @property
    def gpus_each(self) -> float | None:
        """GPUs of one worker; None where the cluster decides.

        Raises:
            SettingsError: it is no number.
        """
        if self.gpus in (None, AUTO_GPUS):
            return None
        try:
            return float(str(self.gpus))
        except ValueError:
            raise SettingsError(
                f"cluster.gpus: must be auto, 0, a share below 1, or a whole number, got '{self.gpus}'"
            ) from None

    def log_folder(self, otherwise: Path) -> Path:
        """Return the folder of what workers print."""
        return otherwise if self.logs is None else Path(self.logs).expanduser().absolute()
