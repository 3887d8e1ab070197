"""Workers on a Ray cluster, by a joblib backend of our own on Ray's tasks.

Ray's own backend (`ray.util.joblib`) keeps a pool of actors. It refuses more workers than the cluster has cores, waits
for all actors before the first one begins, runs a pool of one in the calling process, and ends all actors as soon as
one of them is lost. A task of Ray's is queued until there is room (a cluster that grows by itself grows for it), and is
begun anew elsewhere where its process or its machine is lost (`max_retries=-1`), without the others being touched.

Ray hands GPUs out by CUDA_VISIBLE_DEVICES, which the worker's process inherits.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from search.cluster.engines.contract import ClusterEngine, ClusterError, are_elsewhere, run_by_joblib
from search.cluster.task import WorkerEnd, WorkerTask
from search.settings.cluster.cluster_settings import BEGUN_HERE, ClusterSettings
from spaces.errors import first_line

BACKEND = "automl-ray"
ADDRESS = "RAY_ADDRESS"
STORE_BYTES = 80 * 1024 * 1024  # of a cluster here: nothing of size is passed
HEAD_ANSWERS_S = 3.0  # for the head to answer
RAY_QUIET: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False}


class EngineOnRay(ClusterEngine):
    """Starts workers as tasks of a Ray cluster; one begun here ends with the line."""

    def __init__(self, settings: ClusterSettings) -> None:
        super().__init__(settings)
        self._folder: TemporaryDirectory[str] | None = None
        asked = settings.address or os.environ.get(ADDRESS)
        self._address = asked if asked not in (None, "", BEGUN_HERE) else None
        self._head = ("", 0)

    def __enter__(self) -> Self:
        if self._address is None:
            _own_token()
        else:
            _check_address(self._address)
        try:
            import ray
        except ImportError:
            raise ClusterError("cluster=ray: Ray is not installed here; pip install 'automl[ray]'") from None
        try:
            ray.init(**(self._of_new() if self._address is None else {"address": self._address}), **RAY_QUIET)
        except Exception as error:  # of any kind: a wrong address alone has four
            self._leave()
            where = f"'{self._address}' cannot be reached" if self._address else "a cluster here cannot be begun"
            raise ClusterError(
                f"cluster.address: {where} ({first_line(error)}); see `ray status`, or give cluster.address=..."
            ) from None
        _register()
        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        self._head = (host, int(port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import ray

        ray.shutdown()
        self._leave()

    @property
    def words(self) -> str:
        """Which cluster this is, for people."""
        return f"Ray at {self._address}" if self._address else "Ray, a cluster here that ends with this line"

    @property
    def is_elsewhere(self) -> bool:
        """Whether a machine of the cluster is another one."""
        import ray

        return are_elsewhere(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"])

    def places(self) -> int:
        """Return how many workers the machines of the cluster have room for, if nobody else uses them."""
        import ray

        needs = self._needs()
        return sum(
            min((int(node["Resources"].get(name, 0.0) / each) for name, each in needs.items() if each), default=0)
            for node in ray.nodes()
            if node["Alive"]
        )

    def run(self, task: WorkerTask) -> WorkerEnd:
        """Run a task wherever there is room."""
        needs = self._needs()
        return run_by_joblib(
            task, BACKEND, ray_remote_args={"num_cpus": needs["CPU"], "num_gpus": needs["GPU"], "max_retries": -1}
        )

    def trouble(self) -> str:
        """Return that the head does not answer, if so."""
        found = _trouble(*self._head)
        if found:
            self._leave()
        return found

    def _needs(self) -> dict[str, float]:
        """Return what one worker takes of a machine."""
        import ray

        each = self.settings.gpus_each
        has_gpus = ray.cluster_resources().get("GPU", 0.0) >= 1
        return {"CPU": float(self.settings.cpus or 1), "GPU": float(has_gpus) if each is None else each}

    def _of_new(self) -> dict[str, Any]:
        """Return what begins a cluster here, with room for the workers that are asked for."""
        self._folder = TemporaryDirectory(prefix="automl-ray-", ignore_cleanup_errors=True)
        cpus = max(self.settings.workers * (self.settings.cpus or 1), os.cpu_count() or 1)
        # "local": never one that runs here already
        return {
            "address": "local",
            "num_cpus": cpus,
            "object_store_memory": STORE_BYTES,
            "_temp_dir": self._folder.name,
        }

    def _leave(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _own_token() -> None:
    """Keep others out of a cluster here by a token of its own; else Ray would write one into the user's home."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))


def _check_address(address: str) -> None:
    """Check that something answers at an address: Ray itself would ask for minutes.

    Raises:
        ClusterError: nothing does, or it is one of Ray's client, which is no part of the cluster.
    """
    if "://" in address:
        raise ClusterError(
            f"cluster.address: must be host:port of Ray's head, got '{address}'; give the line on a machine of the "
            "cluster, after `ray start --address=HOST:6379` there"
        )
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and (trouble := _trouble(host, int(port))):
        raise ClusterError(f"cluster.address: {trouble}; begin a cluster with `ray start --head`, or give another")


def _trouble(host: str, port: int) -> str:
    """Return that Ray's head does not answer, if so."""
    try:
        socket.create_connection((host.strip("[]"), port), HEAD_ANSWERS_S).close()
    except OSError as error:
        return f"Ray's head at {host}:{port} does not answer ({error.strerror or error})"
    return ""


def _register() -> None:
    """Make the backend known to joblib."""
    import joblib
    import ray
    from joblib._parallel_backends import ParallelBackendBase

    class RayTasks(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
        """Runs a joblib call's tasks as Ray's; the callback has the result, or the error that Ray has of it."""

        supports_retrieve_callback = True

        def effective_n_jobs(self, n_jobs: int) -> int:
            return max(2, n_jobs)  # of one job joblib would run the task in this process

        def submit(self, func: Callable[[], Any], callback: Callable[[Any], None]) -> Any:
            remote = ray.remote(**self.backend_kwargs["ray_remote_args"])(_called)
            reference = remote.remote(func)
            threading.Thread(target=_wait, args=(reference, callback), daemon=True).start()
            return reference

        def retrieve_result_callback(self, out: Any) -> Any:
            if isinstance(out, BaseException):
                raise out
            return out

    joblib.register_parallel_backend(BACKEND, RayTasks)


def _called(function: Callable[[], Any]) -> Any:
    return function()


def _wait(reference: Any, callback: Callable[[Any], None]) -> None:
    import ray

    out: Any = None
    try:
        out = ray.get(reference)
    except BaseException as error:  # handed on
        out = error
    with suppress(Exception):
        callback(out)
