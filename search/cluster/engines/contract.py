"""The contract of an engine: it has places for workers, runs their tasks there, and says when it is gone."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from search.cluster.task import WorkerEnd, WorkerTask, run_worker
from search.settings.cluster.cluster_settings import ClusterSettings
from spaces.errors import AutomlError


class ClusterError(AutomlError):
    """A cluster cannot be used: its engine is not installed, is not reached, or has no place for what is asked for."""


class ClusterEngine(ABC):
    """Starts workers. Use it as a context: entered before the first one is started, left after the last one's end.

    Each worker is a call of its own, in a thread of its own: one that is lost is begun anew, or missed, and none of the
    others is touched.
    """

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings

    @abstractmethod
    def __enter__(self) -> Self:
        """Reach the cluster, or begin one here.

        Raises:
            ClusterError: it cannot be reached, or is not installed.
        """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the cluster back; workers that are left end."""
        return

    @property
    @abstractmethod
    def words(self) -> str:
        """Which cluster this is, for people."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether a worker may run on another machine."""
        return False

    def places(self) -> int | None:
        """Return how many workers there is room for by now, those that run included; None where it is not known."""
        return None

    def prepare(self, tasks: Sequence[WorkerTask]) -> None:
        """Take note of all tasks of a launch, before the first one is run."""
        return

    @abstractmethod
    def run(self, task: WorkerTask) -> WorkerEnd:
        """Run a task and return how its worker ended; called in a thread of its own.

        Raises:
            Exception: the engine has lost the task, or is gone.
        """

    def trouble(self) -> str:
        """Return why the engine is gone, in one line; empty while it is there."""
        return ""


def run_by_joblib(task: WorkerTask, backend: str, **options: Any) -> WorkerEnd:
    """Run a task as one joblib call by a backend.

    Args:
        task: of one worker.
        backend: name of joblib's backend; it must not say that it has one job only, else joblib would run the task
            in this process.
        options: of the backend.

    Raises:
        Exception: whatever the backend raises where it has lost the task.
    """
    import joblib

    with joblib.parallel_config(backend=backend, n_jobs=2, **options):
        (end,) = joblib.Parallel(batch_size=1, pre_dispatch="all")([joblib.delayed(run_worker)(task)])
    return end  # type: ignore[no-any-return]  # joblib has no types


def are_elsewhere(hosts: Iterable[str]) -> bool:
    """Whether one of these names or addresses is another machine's."""
    return any(not _is_here(host) for host in hosts)


def _is_here(host: str) -> bool:
    """Whether a name or an address is this machine's: a socket can be bound to no other machine's."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as sock:
            try:
                sock.bind(address)
            except OSError:
                continue
            return True
    return False
