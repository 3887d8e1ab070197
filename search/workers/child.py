"""What runs in a trial's own process: the trial, its log, and messages to the searching process."""

import importlib
import logging
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

from objectives.machine.parent_death import adopt_orphans, die_with_parent
from objectives.records.failing import classify
from objectives.records.paths import TrialPaths
from objectives.records.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.job import TrialJob, TrialListener, Word
from spaces.errors import AutomlError

RunTrial = Callable[[TrialJob, TrialListener], Ending | None]


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
    _stand_alone()
    pipe.send(("ended", _run(job, Messenger(pipe), settings_folder)))
    pipe.close()


def _run(job: TrialJob, messenger: Messenger, settings_folder: Path) -> Ending | None:
    module, _, name = job.run.partition(":")
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        _write_to(TrialPaths(job.folder).log)
        quiet_ultralytics(settings_folder)
        logging.getLogger().setLevel(logging.WARNING)
        run_trial: RunTrial = getattr(importlib.import_module(module), name)
        return run_trial(job, messenger)
    except BaseException as error:  # whatever it was, the searching process is told
        traceback.print_exc()
        return Ending(Outcome.FAILED, _one_line(error), classify(error))


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, AutomlError) else f"{type(error).__name__}: {text}"


def _stand_alone() -> None:
    """Make this process one that dies alone, and never later than the searching process."""
    os.setsid()  # Ctrl-C is the searching process's, and it can end the group whole
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the fork server's own handler ends all trials
    adopt_orphans()  # so that descendants are found below this process for as long as it lives
    die_with_parent()  # the fork server
    _die_with_search()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")  # out of memory, the kernel takes the trial, not the searching process


def _die_with_search() -> None:
    """End this process group when the searching process is gone, even where the fork server lives on."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _write_to(log: Path) -> None:
    """Send everything that this process and its libraries print to the trial's log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
