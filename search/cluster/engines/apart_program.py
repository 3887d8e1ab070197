"""The process of an engine: `python -m search.cluster.engines.apart_program DESCRIPTOR`, begun by `EngineApart`."""

import os
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection

from search.cluster.engines.contract import ClusterEngine, ClusterError
from search.cluster.engines.messages import EngineFacts, EngineTrouble, RunEnded
from search.cluster.engines.on_dask import EngineOnDask
from search.cluster.engines.on_ray import EngineOnRay
from search.cluster.task import WorkerTask
from search.settings.cluster.cluster_settings import ClusterSettings
from spaces.errors import first_line

ENGINES: dict[str, type[ClusterEngine]] = {"ray": EngineOnRay, "dask": EngineOnDask}
ASK_EVERY_S = 3.0  # between two looks whether the cluster is there


class EngineProcess:
    """Serves one line until it is closed, or the cluster is gone."""

    def __init__(self, line: "Connection[object, object]") -> None:
        self._line, self._lock = line, threading.Lock()

    def serve(self) -> None:
        """Reach the cluster, say so, and run the tasks that come; nothing is raised."""
        settings = self._line.recv()
        assert isinstance(settings, ClusterSettings)
        try:
            with ENGINES[settings.name](settings) as engine:
                self._say(EngineFacts(engine.words, engine.is_elsewhere, engine.places()))
                self._run_all(engine)
        except ClusterError as error:
            self._say(EngineTrouble(str(error)))

    def _run_all(self, engine: ClusterEngine) -> None:
        while True:
            if self._line.poll(ASK_EVERY_S):
                try:
                    task = self._line.recv()
                except (EOFError, OSError):  # the command was killed
                    return
                if not isinstance(task, WorkerTask):
                    return
                threading.Thread(target=self._run, args=(engine, task), daemon=True).start()
            elif text := engine.trouble():
                self._say(EngineTrouble(text))
                os._exit(1)  # what asks the cluster for anything more would wait for it

    def _run(self, engine: ClusterEngine, task: WorkerTask) -> None:
        try:
            self._say(RunEnded(task.index, engine.run(task)))
        except BaseException as error:  # of any kind: this task's alone
            self._say(RunEnded(task.index, None, first_line(error)))

    def _say(self, message: object) -> None:
        with self._lock, suppress(OSError):
            self._line.send(message)


def main() -> None:
    """Serve the line whose number is given."""
    EngineProcess(Connection(int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
