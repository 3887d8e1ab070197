"""What an engine runs to start one worker: a search's line, in a process of its own, until that has ended.

The process is no part of the engine's task: an engine has no cancel of one task that lets it tidy up, and no messages
meanwhile. So the task only starts the process, keeps what that prints, and says how it ended. It never raises, since
joblib gives up all tasks of a call as soon as one has raised.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from search.study.checkout import commit_of
from search.study.provenance import OWN_CHECKOUT
from search.study.sessions import CODE, LAUNCH
from search.study.study_file import shown_url
from spaces.errors import first_line

WORKER_PROGRAM = "search.commands.workers.child"
# Engines allow a task one thread; these are the library's own limits, and trials have cores of their own.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TAIL_BYTES = 8192  # of a log, in which its last line is looked for
INTERRUPTED = 130  # exit code of a search that was asked to end, as of one that Ctrl-C ended
END_WAIT_S, END_LOOK_S = 20.0, 0.05  # for a process that is asked to end; between two looks whether it has


@dataclass(frozen=True)
class WorkerEnd:
    """How a worker ended.

    Attributes:
        index: number of the worker, from 0.
        host: where it ran; empty where the engine lost it.
        code: exit code of its process; minus the number of a signal that killed it; None where that is not known.
        message: in one line, why; empty where all went well.
    """

    index: int
    host: str
    code: int | None
    message: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether it was killed, or its task was, so that it may be started anew."""
        return self.code is None or self.code < 0

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error of its own."""
        return not self.is_lost and self.code not in (0, INTERRUPTED)


@dataclass(frozen=True)
class WorkerTask:
    """One worker, to be started wherever an engine finds a place for it.

    Attributes:
        index: number of the worker, from 0.
        launch: names the command that starts it.
        arguments: of `automl search`, without the cluster.
        folder: in which the line was given; paths are relative to it.
        log: file that takes what the worker prints.
        threads: what THREADS were there.
    """

    index: int
    launch: str
    arguments: tuple[str, ...]
    folder: str
    log: str
    threads: tuple[tuple[str, str | None], ...] = ()


_running: dict[WorkerTask, "subprocess.Popen[bytes]"] = {}  # of this process


def run_worker(task: WorkerTask) -> WorkerEnd:
    """Start the process of a worker, wait for its end, and return how it ended; nothing is raised."""
    end = WorkerEnd(task.index, socket.gethostname(), 2)
    if not Path(task.folder).is_dir():
        return replace(
            end, message=f"the folder '{task.folder}' is not there; give the line in one that all machines have"
        )
    log = Path(task.log)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = _start(task, out)
    except OSError as error:
        return replace(end, message=f"cannot be started: {first_line(error)}")
    _running[task] = process
    try:
        code = process.wait()
    finally:
        end_workers([task])
    return replace(end, code=code, message=_message(code, log))


def _start(task: WorkerTask, out: Any) -> "subprocess.Popen[bytes]":
    """Start the process; it dies with this thread, and hears no Ctrl-C that is meant for others."""
    environment = {**os.environ, LAUNCH: task.launch, CODE: code_here(), "PYTHONUNBUFFERED": "1"}
    for name, value in task.threads:
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    # All users of a machine see the arguments of a process: those with a password reach it by its standard input.
    shown = map(shown_url, task.arguments)
    process = subprocess.Popen(
        [sys.executable, "-m", WORKER_PROGRAM, str(os.getpid()), *shown],
        cwd=task.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as line:  # one that ended at once says why in its log
        line.write(json.dumps(task.arguments).encode())
    return process


def end_workers(tasks: Iterable[WorkerTask], wait_s: float = END_WAIT_S) -> None:
    """Ask the processes of tasks that run in this process to end, all at once, and kill those that need over `wait_s`.

    A handler of a signal may call this while a task waits for its process, so that its end is only looked at here.
    """
    found = [process for task in tasks if (process := _running.pop(task, None)) and process.returncode is None]
    until = time.monotonic() + wait_s
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    for process in found:
        with suppress(ProcessLookupError, ChildProcessError):
            while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                if time.monotonic() > until:
                    os.kill(process.pid, signal.SIGKILL)
                time.sleep(END_LOOK_S)


def end_launch(launch: str) -> None:
    """Ask all processes of a launch that tasks in this process wait for to end."""
    end_workers([task for task in _running if task.launch == launch])


def _message(code: int, log: Path) -> str:
    """Return in one line why a process ended."""
    if code in (0, INTERRUPTED):
        return ""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        own = [line.removeprefix("automl: ") for line in lines if line.startswith("automl: ")]
        if own or lines:
            return (own or lines)[-1]
    return f"exit code {code}"


def code_here() -> str:
    """Return the version of the automl that runs here, and the commit where it runs from a checkout."""
    commit = commit_of(OWN_CHECKOUT) if (OWN_CHECKOUT / ".git").exists() else ""
    return f"{version('automl')} at {commit[:8]}" if commit else version("automl")


def threads_here() -> tuple[tuple[str, str | None], ...]:
    """Return what THREADS are in this process."""
    return tuple((name, os.environ.get(name)) for name in THREADS)
