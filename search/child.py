"""What runs in a trial's own process: the trial, its log, and messages to the searching process."""

import errno
import logging
import os
import signal
import sys
import threading
import traceback
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

from objectives.job import TrialJob, TrialListener, Word
from objectives.quiet import quiet_ultralytics
from objectives.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from objectives.trial import run_trial
from spaces.errors import AutomlError, DeviceError

LOG = "log.txt"


class Messenger(TrialListener):
    """Sends what the trial measures to the searching process, and asks it at rungs."""

    def __init__(self, pipe: "connection.Connection[Any, Any]") -> None:
        self.pipe = pipe

    def stage(self, name: str) -> None:
        """Send the stage."""
        self.pipe.send(("stage", name))

    def progress(self, epoch: int, share: float) -> None:
        """Send the progress."""
        self.pipe.send(("progress", epoch, share))

    def latency(self, latency: Latency, trained: bool) -> None:
        """Send the latency."""
        self.pipe.send(("latency", latency, trained))

    def rung(self, rung: Rung) -> Word:
        """Send the rung and wait for the pruner's word."""
        self.pipe.send(("rung", rung))
        return Word(self.pipe.recv())

    def accuracy(self, accuracy: Accuracy) -> None:
        """Send the accuracy."""
        self.pipe.send(("accuracy", accuracy))

    def resources(self, resources: Resources) -> None:
        """Send the resources."""
        self.pipe.send(("resources", resources))

    def warning(self, text: str) -> None:
        """Send the warning."""
        self.pipe.send(("warning", text))


def run_in_child(pipe: "connection.Connection[Any, Any]", job: TrialJob, settings_folder: Path) -> None:
    """Run a trial; the last message is ("ended", Ending or None), unless the process dies before."""
    os.setsid()  # a group of its own: Ctrl-C is the searching process's, and it can end the group whole
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    job.folder.mkdir(parents=True, exist_ok=True)
    _write_to(job.folder / LOG)
    quiet_ultralytics(settings_folder)
    logging.getLogger().setLevel(logging.WARNING)
    pipe.send(("ended", _run(job, Messenger(pipe))))
    pipe.close()


def _run(job: TrialJob, messenger: Messenger) -> Ending | None:
    try:
        return run_trial(job, messenger)
    except BaseException as error:
        traceback.print_exc()
        return Ending(Outcome.FAILED, _one_line(error), classify(error))


def classify(error: BaseException) -> str:
    """Return the class of a failure, for counting."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return "out of memory"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "disk full"
    if type(error).__name__ == "Diverged":
        return "diverged"
    if isinstance(error, DeviceError):
        return "not measurable"
    if isinstance(error, AutomlError):
        return "not buildable"
    return "error"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, AutomlError) else f"{type(error).__name__}: {text}"


def _write_to(log: Path) -> None:
    """Send everything that this process and its libraries print to the trial's log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def _die_with_parent() -> None:
    """End this process group when the searching process is gone, however it went."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
