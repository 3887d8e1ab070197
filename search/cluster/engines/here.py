"""Workers as processes on this machine.

By joblib's threads, each of which waits for one process: loky would put a process between, and where one of its
processes is killed, it ends all the others (`TerminatedWorkerError`).
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from search.cluster.engines.contract import ClusterEngine, run_by_joblib
from search.cluster.task import END_WAIT_S, WorkerEnd, WorkerTask, end_workers
from search.settings.cluster.cluster_settings import ClusterSettings


class EngineHere(ClusterEngine):
    """Starts workers on this machine."""

    def __init__(self, settings: ClusterSettings) -> None:
        super().__init__(settings)
        self._tasks: Sequence[WorkerTask] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        kills = kind is not None and issubclass(kind, KeyboardInterrupt)
        end_workers(self._tasks, 0.0 if kills else END_WAIT_S)

    def prepare(self, tasks: Sequence[WorkerTask]) -> None:
        """Take note of the tasks: those that are left are ended."""
        self._tasks = tasks

    @property
    def words(self) -> str:
        """Which cluster this is, for people."""
        return "processes on this machine"

    def run(self, task: WorkerTask) -> WorkerEnd:
        """Run a task in this thread's own thread."""
        return run_by_joblib(task, "threading")
