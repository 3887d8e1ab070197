"""Workers on a Dask cluster, by joblib's own Dask backend.

A task whose Dask worker is lost is begun anew elsewhere by Dask's scheduler, four times at most. joblib runs a call in
the calling process where the cluster has one thread in all, so that number is kept from it. Dask hands GPUs out as an
abstract resource: its workers must be started with `--resources GPU=1`.

A task waits in a thread of a Dask worker, which goes on answering its scheduler meanwhile. Dask cannot stop a thread:
tasks that are left at the end are asked to end their processes themselves.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from search.cluster.engines.contract import ClusterEngine, ClusterError, are_elsewhere, run_by_joblib
from search.cluster.task import WorkerEnd, WorkerTask, end_launch
from search.settings.cluster.cluster_settings import BEGUN_HERE, ClusterSettings
from spaces.errors import first_line

BACKEND_OF_DASK = "automl-dask"
SCHEDULER_ADDRESS = "DASK_SCHEDULER_ADDRESS"
REACHED_WITHIN_S = 10.0
CLIENT_RUNNING = "running"


class EngineOnDask(ClusterEngine):
    """Starts workers as tasks of a Dask cluster; one begun here ends with the line."""

    def __init__(self, settings: ClusterSettings) -> None:
        super().__init__(settings)
        self._client: Any = None
        self._cluster: Any = None
        self._away = 0
        self._launch = ""  # whose tasks run

    def __enter__(self) -> Self:
        try:
            import distributed
        except ImportError:
            raise ClusterError("cluster=dask: Dask is not installed here; pip install 'automl[dask]'") from None
        asked = self.settings.address or os.environ.get(SCHEDULER_ADDRESS)
        address = asked if asked not in (None, "", BEGUN_HERE) else None
        try:
            if address is None:
                self._cluster = _begin(self.settings.workers)
            self._client = distributed.Client(address or self._cluster, timeout=REACHED_WITHIN_S, set_as_default=False)
        except Exception as error:  # of any kind
            self.__exit__(None, None, None)
            where = f"'{address}' cannot be reached" if address else "a cluster here cannot be begun"
            raise ClusterError(
                f"cluster.address: {where} ({first_line(error)}); give that of Dask's scheduler, tcp://HOST:8786"
            ) from None
        self._address = address
        self._check_gpus()
        _register()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None and self._launch and self._client.status == CLIENT_RUNNING:
            with suppress(Exception):  # workers of Dask's that do not answer end theirs when they end themselves
                self._client.run(end_launch, self._launch, wait=False, on_error="ignore")
        if self._client is not None:
            self._client.close(timeout=REACHED_WITHIN_S)
        if self._cluster is not None:
            self._cluster.close(timeout=REACHED_WITHIN_S)

    @property
    def words(self) -> str:
        """Which cluster this is, for people."""
        return f"Dask at {self._address}" if self._address else "Dask, a cluster here that ends with this line"

    @property
    def is_elsewhere(self) -> bool:
        """Whether a worker of Dask's is on another machine."""
        return are_elsewhere(urlsplit(address).hostname or "" for address in self._dask_workers())

    def places(self) -> int:
        """Return how many workers there is room for: one a thread, or a share of GPUs."""
        each = self._gpus_each()
        return sum(
            min(int(of["nthreads"]), int(of["resources"].get("GPU", 0) / each)) if each else int(of["nthreads"])
            for of in self._dask_workers().values()
        )

    def run(self, task: WorkerTask) -> WorkerEnd:
        """Run a task wherever there is room."""
        each, self._launch = self._gpus_each(), task.launch
        options = {"resources": {"GPU": each}} if each else {}
        return run_by_joblib(task, BACKEND_OF_DASK, client=self._client, **options)

    def trouble(self) -> str:
        """Return that the scheduler has not answered twice in a row, if so."""
        self._away = 0 if self._client.status == CLIENT_RUNNING else self._away + 1
        return f"Dask's scheduler does not answer (its client is {self._client.status})" if self._away > 1 else ""

    def _dask_workers(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def _gpus_each(self) -> float:
        each = self.settings.gpus_each
        has_gpus = any(of["resources"].get("GPU", 0) >= 1 for of in self._dask_workers().values())
        return float(has_gpus) if each is None else each

    def _check_gpus(self) -> None:
        """Check that a Dask worker has the GPUs that one of ours takes: Dask would wait for one for ever.

        Raises:
            ClusterError: none has.
        """
        each = self.settings.gpus_each
        workers = self._dask_workers()
        if each and workers and not any(of["resources"].get("GPU", 0) >= each for of in workers.values()):
            self.__exit__(None, None, None)
            raise ClusterError(
                f"cluster.gpus: no worker of Dask's has {each:g} of the resource GPU; start them with "
                "`dask worker ... --resources GPU=1`, or give cluster.gpus=0"
            )


def _begin(workers: int) -> Any:
    """Begin a cluster on this machine: a process a worker."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
    )


def _register() -> None:
    """Make the backend known to joblib."""
    import joblib
    from joblib._dask import DaskDistributedBackend

    class DaskTasks(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
        """joblib's backend for Dask, which never says that there is one job only."""

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, int(super().effective_n_jobs(n_jobs)))

    joblib.register_parallel_backend(BACKEND_OF_DASK, DaskTasks)
