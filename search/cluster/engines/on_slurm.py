"""Workers as an array of Slurm jobs, by submitit.

joblib has no backend for Slurm. A job whose time is up, or that is preempted, is begun again by submitit with the same
task (`SlurmJob.checkpoint`). Jobs outlive the command that submitted them: where that is killed, they go on.

`cluster.address=local` runs the same path by submitit's executor of local processes: to try a line without Slurm.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from search.cluster.engines.contract import ClusterEngine, ClusterError
from search.cluster.task import WorkerEnd, WorkerTask, end_workers, run_worker
from search.settings.cluster.cluster_settings import BEGUN_HERE, ClusterSettings
from spaces.errors import first_line

AGAIN_MAX = 1000  # times that a job whose time is up is begun again: the search has a budget of its own
NOTICE_S = 120  # before its time is up, a job is sent the signal at which its worker ends


class EngineOnSlurm(ClusterEngine):
    """Starts workers as jobs of Slurm."""

    def __init__(self, settings: ClusterSettings, folder: Path) -> None:
        """Prepare; `folder` is one that the nodes share with this machine, for the files of submitit."""
        super().__init__(settings)
        self._folder = folder
        self._jobs: dict[int, Any] = {}
        self._ran: set[int] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self.settings.address not in (None, BEGUN_HERE):
            raise ClusterError(
                f"cluster.address: Slurm is asked by sbatch where the line is given, got '{self.settings.address}'; "
                f"leave it out, or give {BEGUN_HERE} to try the line without Slurm"
            )
        try:
            import submitit
        except ImportError:
            raise ClusterError("cluster=slurm: submitit is not installed here; pip install 'automl[slurm]'") from None
        kind = "local" if self.settings.address == BEGUN_HERE else "slurm"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # tasks lie there, with what the line says
        try:
            self._executor = submitit.AutoExecutor(self._folder, cluster=kind, slurm_max_num_timeout=AGAIN_MAX)
            self._executor.update_parameters(**self._parameters())
        except Exception as error:  # RuntimeError without sbatch; NameError, AssertionError for parameters
            raise ClusterError(f"cluster=slurm: cannot be used here ({first_line(error)})") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for job in self._jobs.values():
            if not job.done():
                job.cancel(check=False)

    @property
    def words(self) -> str:
        """Which cluster this is, for people."""
        return "submitit's local processes, in place of Slurm" if self.settings.address == BEGUN_HERE else "Slurm"

    @property
    def is_elsewhere(self) -> bool:
        """Whether jobs run on other machines."""
        return self.settings.address != BEGUN_HERE

    def prepare(self, tasks: Sequence[WorkerTask]) -> None:
        """Submit all tasks as one array."""
        try:
            jobs = self._executor.map_array(SlurmJob(), list(tasks))
        except Exception as error:  # what sbatch says
            raise ClusterError(f"cluster=slurm: the jobs were refused ({first_line(error)})") from None
        self._jobs = {task.index: job for task, job in zip(tasks, jobs, strict=True)}

    def run(self, task: WorkerTask) -> WorkerEnd:
        """Wait for a task's job; of a task that was run before, submit it again."""
        with self._lock:
            if task.index in self._ran:
                self._jobs[task.index] = self._executor.submit(SlurmJob(), task)
            self._ran.add(task.index)
            job = self._jobs[task.index]
        end: WorkerEnd = job.result()
        return end

    def _parameters(self) -> dict[str, Any]:
        settings = self.settings
        hours = settings.hours or 24.0
        own = {"partition": settings.partition, "additional_parameters": settings.extra or None}
        return {
            "name": "automl",
            "timeout_min": max(1, round(60 * hours)),
            "gpus_per_node": int(settings.gpus_each or 0),
            "cpus_per_task": settings.cpus or 1,
            "nodes": 1,
            "tasks_per_node": 1,
            "slurm_array_parallelism": settings.workers,
            "slurm_signal_delay_s": NOTICE_S,
            **{f"slurm_{name}": value for name, value in own.items() if value is not None},
        }


class SlurmJob:
    """What a job runs; submitit calls `checkpoint` when the time of the job is up."""

    def __call__(self, task: WorkerTask) -> WorkerEnd:
        """Run a worker until it has ended."""
        return run_worker(task)

    def checkpoint(self, task: WorkerTask) -> Any:
        """End the worker's process, and return what a job that is queued again runs."""
        from submitit.helpers import DelayedSubmission

        end_workers([task])
        return DelayedSubmission(self, task)
