"""What runs in a trial's own process: the trial, its log, and its messages to the searching process."""

import logging
import os
import resource
import signal
import sys
import threading
import traceback
from dataclasses import replace
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

from objectives.deploy.device import measuring_keys
from objectives.machine.parent_death import adopt_orphans, die_with_parent
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.job import TrialJob, TrialListener
from search.workers.messages import Answer, Call, CallListener, Ended
from search.workers.post_mortem import failed_with

Pipe = connection.Connection  # of `Call` and `Ended` to the searching process, of `Answer` back


def run_in_child(pipe: "Pipe[Any, Any]", job: TrialJob, settings_folder: Path) -> None:
    """Run a trial; the last message is `Ended`, unless the process dies before."""
    _stand_alone()

    def send(call: Call) -> Answer:
        pipe.send(call)
        answer: Answer = pipe.recv() if call.is_answered else None
        return answer

    pipe.send(Ended(_run(with_own_gpu(job), CallListener(send), settings_folder)))
    pipe.close()


def with_own_gpu(job: TrialJob) -> TrialJob:
    """Let this process see the job's GPU alone, before anything starts CUDA here; return the job as it is then.

    Where a latency is measured on a GPU of this machine all stay visible: the file is scored on that one.
    """
    devices = [key for device in job.devices for key in measuring_keys(device.here())]
    if job.gpu is None or any(key.startswith("cuda:") for key in devices):
        return job
    os.environ["CUDA_VISIBLE_DEVICES"] = job.gpu
    return replace(job, train_device="0")


def _run(job: TrialJob, listener: TrialListener, settings_folder: Path) -> Ending | None:
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        _write_to(TrialPaths(job.folder).log)
        quiet_ultralytics(settings_folder)
        logging.getLogger().setLevel(logging.WARNING)
        return job.function()(job, listener)
    except BaseException as error:  # whatever it was, the searching process learns of it
        traceback.print_exc()
        return failed_with(error)


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
