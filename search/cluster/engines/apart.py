"""An engine in a process of its own, seen from the command that shows the workers.

Ray and Dask print to the terminal, take signals, and where Ray's head is lost, Ray ends the process that asked it. All
that then happens to another process, in a session of its own, so that Ctrl-C does not reach it, nor what it has begun;
its output goes to a file. Where the command is killed, the process finds its line closed, and ends with its workers.
"""

import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Pipe
from pathlib import Path
from types import TracebackType
from typing import Self

from search.cluster.engines.contract import ClusterEngine, ClusterError
from search.cluster.engines.messages import EngineFacts, EngineTrouble, RunEnded
from search.cluster.task import WorkerEnd, WorkerTask
from search.settings.cluster.cluster_settings import ClusterSettings

APART = "search.cluster.engines.apart_program"
CLOSED_S = 30.0  # for the engine to give its cluster back


class EngineApart(ClusterEngine):
    """An engine that runs in a process of its own."""

    def __init__(self, settings: ClusterSettings, log: Path) -> None:
        """Prepare; `log` takes what the engine prints."""
        super().__init__(settings)
        self._log = log
        self._runs: dict[int, Future[WorkerEnd]] = {}
        self._lock = threading.Lock()
        self._gone = ""

    def __enter__(self) -> Self:
        self._line, there = Pipe()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with there, self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", APART, str(there.fileno())],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._line.send(self.settings)
            facts = self._line.recv()
        except (EOFError, OSError):
            facts = EngineTrouble(f"cluster={self.settings.name}: its process ended at once; see {self._log}")
        except BaseException:  # Ctrl-C above all: the engine's process goes with it
            self._process.kill()
            raise
        if isinstance(facts, EngineTrouble):
            self._process.wait()
            raise ClusterError(facts.text)
        self._facts: EngineFacts = facts
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock, suppress(OSError):
            self._line.send(None)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSED_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def words(self) -> str:
        """Which cluster this is, for people."""
        return self._facts.words

    @property
    def is_elsewhere(self) -> bool:
        """Whether a worker may run on another machine."""
        return self._facts.is_elsewhere

    def places(self) -> int | None:
        """Return how many workers there was room for when the cluster was reached."""
        return self._facts.places

    def run(self, task: WorkerTask) -> WorkerEnd:
        """Have a task run, and return how its worker ended."""
        with self._lock:
            if self._gone:
                raise ClusterError(self._gone)
            run = self._runs[task.index] = Future[WorkerEnd]()
            with suppress(OSError):  # `_listen` finds it, too
                self._line.send(task)
        return run.result()

    def trouble(self) -> str:
        """Return why the engine is gone, in one line; empty while it is there."""
        return self._gone

    def _listen(self) -> None:
        """Take what the engine says until it is gone."""
        text = ""
        with suppress(EOFError, OSError):
            while not text:
                message = self._line.recv()
                if isinstance(message, RunEnded):
                    self._ended(message)
                else:
                    text = message.text
        with self._lock:
            self._gone = text or f"the process of its engine has ended; see {self._log}"
            for run in self._runs.values():
                run.set_exception(ClusterError(self._gone))
            self._runs.clear()

    def _ended(self, message: RunEnded) -> None:
        with self._lock:
            run = self._runs.pop(message.index)
        if message.end is None:
            run.set_exception(ClusterError(message.error))
        else:
            run.set_result(message.end)
