"""The engine of a setting."""

from pathlib import Path

from search.cluster.engines.contract import ClusterEngine
from search.settings.cluster.cluster_settings import ClusterSettings

SUBMITIT = "submitit"  # folder of its files, below that of the logs


def make_engine(settings: ClusterSettings, logs: Path) -> ClusterEngine:
    """Return the engine that the settings name, not begun yet; its libraries are imported when it is entered.

    Args:
        settings: of a cluster.
        logs: folder of what workers print.
    """
    match settings.name:
        case "ray" | "dask":
            from search.cluster.engines.apart import EngineApart

            return EngineApart(settings, logs / f"{settings.name}.txt")
        case "slurm":
            from search.cluster.engines.on_slurm import EngineOnSlurm

            return EngineOnSlurm(settings, logs / SUBMITIT)
    from search.cluster.engines.here import EngineHere

    return EngineHere(settings)
