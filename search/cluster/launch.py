"""One launch: the workers that one command starts, each followed by a thread, and begun anew if it is lost."""

import queue
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from search.cluster.engines.contract import ClusterEngine
from search.cluster.task import WorkerEnd, WorkerTask, threads_here
from search.settings.cluster.cluster_settings import ClusterSettings
from search.settings.settings import Settings, load_settings
from spaces.errors import SettingsError, first_line

AGAIN_MOST = 3  # times that a lost worker is begun anew; then the others go on without it


@dataclass(frozen=True)
class WorkerLost:
    """A worker that was lost, and whether it is begun anew."""

    end: WorkerEnd
    again: bool


def tasks_of(settings: Settings, arguments: Sequence[str], logs: Path) -> list[WorkerTask]:
    """Return the tasks of a launch.

    Args:
        settings: of the line.
        arguments: of `automl search`, as they were given.
        logs: folder of what workers print.
    """
    launch = secrets.token_hex(4)
    own_line = _without_cluster(arguments)
    return [
        WorkerTask(
            index=index,
            launch=launch,
            arguments=own_line,
            folder=str(Path.cwd()),
            log=str(logs / f"{launch}-{index}.txt"),
            threads=threads_here(),
        )
        for index in range(settings.cluster.workers)
    ]


def _without_cluster(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of a search that starts no workers; what a preset says of a cluster is undone."""
    line = (*(argument for argument in arguments if not argument.lstrip("+~").startswith("cluster")), "cluster=none")
    try:
        load_settings(list(line))
    except SettingsError:
        names = [field.name for field in fields(ClusterSettings) if field.name not in ("name", "workers")]
        return (*line, "cluster.workers=1", *(f"cluster.{name}=null" for name in names))
    return line


class Launch:
    """Runs tasks by an engine, each in a thread of its own."""

    def __init__(self, engine: ClusterEngine, tasks: Sequence[WorkerTask]) -> None:
        self.engine, self.tasks = engine, tasks
        self.name = tasks[0].launch
        self.ends: dict[int, WorkerEnd] = {}
        self.news: queue.SimpleQueue[WorkerEnd | WorkerLost] = queue.SimpleQueue()
        self._stops = threading.Event()

    def start(self) -> None:
        """Start all workers.

        Raises:
            ClusterError: the engine refuses them.
        """
        self.engine.prepare(self.tasks)
        for task in self.tasks:
            threading.Thread(target=self._serve, args=(task,), daemon=True, name=f"worker {task.index}").start()

    def stop(self) -> None:
        """Begin no worker anew from here on."""
        self._stops.set()

    @property
    def is_running(self) -> bool:
        """Whether a worker has not ended yet."""
        return len(self.ends) < len(self.tasks)

    def _serve(self, task: WorkerTask) -> None:
        for left in range(AGAIN_MOST, -1, -1):
            try:
                end = self.engine.run(task)
            except BaseException as error:  # of any engine, of any kind: this worker's alone
                end = WorkerEnd(task.index, "", None, first_line(error))
            is_gone = bool(self.engine.trouble())
            again = end.is_lost and left > 0 and not self._stops.is_set() and not is_gone
            if end.is_lost and not is_gone:
                self.news.put(WorkerLost(end, again))
            if not again:
                break
        self.ends[task.index] = end
        self.news.put(end)
