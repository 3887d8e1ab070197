"""The engine of a setting."""

from pathlib import Path

from search.cluster.engines.contract import Engine
from search.settings.cluster.cluster_settings import ClusterSettings

SUBMITIT = "submitit"  # folder of its files, below that of the logs


def make_engine(settings: ClusterSettings, logs: Path) -> Engine:
    """Return the engine that the settings name, not begun yet; its libraries are imported when it is entered.

    Args:
        settings: of a cluster.
        logs: folder of what workers print.
    """
    match settings.name:
        case "ray":
            from search.cluster.engines.on_ray import EngineOnRay

            return EngineOnRay(settings)
        case "dask":
            from search.cluster.engines.on_dask import EngineOnDask

            return EngineOnDask(settings)
        case "slurm":
            from search.cluster.engines.on_slurm import EngineOnSlurm

            return EngineOnSlurm(settings, logs / SUBMITIT)
    from search.cluster.engines.here import EngineHere

    return EngineHere(settings)
