"""The backend `process`: each trial in a process of its own, forked from a server that has imported torch once."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from multiprocessing import connection, forkserver
from pathlib import Path
from typing import Any, ClassVar

import psutil

from objectives.machine.process_tree import PATIENCE_S, Usage, is_dead, kill_below, proportional_bytes, usage
from objectives.records.failures import Failure
from objectives.records.records import Ending, Outcome
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.job import TrialJob, TrialListener
from search.workers.backend import Backend, RunningTrial
from search.workers.entry import run_in_child
from search.workers.limits import Limits
from search.workers.messages import Answer, Call, Ended
from search.workers.post_mortem import with_death

MEASURE_EVERY_S = 0.5  # between two looks at a trial's memory and processes
BY_HAND = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ProcessBackend(Backend):
    """Runs any number of trials at once. The searching process never imports torch and outlives any trial."""

    name = "process"

    def __init__(self, settings_folder: Path) -> None:
        """Prepare; nothing is started yet. `settings_folder` is for Ultralytics' settings."""
        self._settings_folder = settings_folder

    def start(self, job: TrialJob, limits: Limits | None = None) -> "ProcessTrial":
        """Start the trial's process; it goes to a session of its own, where no Ctrl-C reaches it."""
        return ProcessTrial(job, self._settings_folder, limits or Limits())

    def wait(self, trials: Sequence[RunningTrial], seconds: float) -> list[RunningTrial]:
        """Wait for a message, or for the end of a process."""
        started = [trial for trial in trials if isinstance(trial, ProcessTrial)]
        ready = connection.wait([sign for trial in started for sign in trial.signs], seconds)
        return [trial for trial in started if any(sign in ready for sign in trial.signs)]


class ProcessTrial(RunningTrial):
    """One trial in a process of its own, seen from the searching process."""

    _living: ClassVar[set[int]] = set()  # process ids of this process's trials

    def __init__(self, job: TrialJob, settings_folder: Path, limits: Limits) -> None:
        quiet_ultralytics(settings_folder)  # the fork server inherits the environment
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # looking for a GPU must not start CUDA in the server
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # CUDA then counts as the driver does
        context = multiprocessing.get_context("forkserver")
        # Imported once by the server; each trial is forked from it in milliseconds and owns its memory.
        trainer = job.run.partition(":")[0]
        context.set_forkserver_preload(["search.workers.fork_server", "search.workers.entry", trainer])
        self.pipe: connection.Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        self.job, self._limits = job, limits
        self._process = context.Process(target=run_in_child, args=(theirs, job, settings_folder), daemon=False)
        self._kernel_kills = kernel_kills()
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        server: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # not known otherwise
        self._server = psutil.Process(server)
        self._living.add(self.pid)
        self._began = self._heard = self._looked = time.monotonic()
        self._peak = Usage()

    @property
    def signs(self) -> tuple[Any, ...]:
        """What `multiprocessing.connection.wait` can wait for: a message, and the process's end."""
        return self.pipe, self._process.sentinel

    def receive(self, listener: TrialListener) -> Ended | None:
        """Take the next message; one that never came, since the process has died, is `Ended` too."""
        message = self._next_message()
        if isinstance(message, Ended):
            return message
        answer = message.make(listener)
        if message.is_answered:
            self._answer(answer)
        return None

    def over_limit(self) -> Ending | None:
        """Look every MEASURE_EVERY_S at what the processes of the trial use together."""
        now = time.monotonic()
        if now - self._looked < MEASURE_EVERY_S:
            return None
        self._looked = now
        seen = usage(self.pid)
        self._peak = Usage(max(self._peak.processes, seen.processes), max(self._peak.memory_bytes, seen.memory_bytes))
        found = self._broken_limit(seen, now)
        if found is None:
            return None
        ending = self._with_death(Ending(Outcome.FAILED, found[1], found[0]))
        self.end()
        return ending

    def end(self) -> None:
        """End the trial's processes, those too that left its group, and wait for them."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join(PATIENCE_S)
        self._living.discard(self.pid)
        if not is_dead(self._server):
            kill_below(self._server.pid, self._living)  # what it left behind was adopted by the server
        self.pipe.close()

    def _next_message(self) -> Call | Ended:
        try:
            if not self.pipe.poll():  # something that it started may hold the pipe open
                raise EOFError
            message: Call | Ended = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(PATIENCE_S)
            return Ended(self._with_death(self._died()))
        self._heard = time.monotonic()
        if isinstance(message, Ended):
            self._process.join(timeout=30)
            return Ended(message.ending and self._with_death(message.ending))
        return message

    def _answer(self, answer: Answer) -> None:
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile; the next message says so
            self.pipe.send(answer)
        self._heard = time.monotonic()  # it was waiting for this

    def _broken_limit(self, seen: Usage, now: float) -> tuple[Failure, str] | None:
        limits, prefix = self._limits, self._limits.prefix
        if seen.processes > limits.processes_max:
            text = f"{seen.processes} processes, over its limit of {limits.processes_max} ({prefix}processes_max)"
            return Failure.CRASHED, text
        if seen.memory_bytes > limits.memory_bytes:
            used = proportional_bytes(self.pid)  # pages that its processes share count once
            if used > limits.memory_bytes:
                text = f"{used / 1e6:.0f} MB, over its limit of {limits.memory_bytes / 1e6:.0f} MB ({prefix}memory_mb)"
                return Failure.OUT_OF_MEMORY, text
        if limits.timeout_s is not None and now - self._began > limits.timeout_s:
            return Failure.TIMED_OUT, f"over its limit of {limits.timeout_s:g} s ({prefix}timeout_s)"
        if now - self._heard > limits.silence_s and not self.pipe.poll():  # this process may have been the slow one
            return Failure.TIMED_OUT, f"no sign of life for {limits.silence_s:g} s ({prefix}silence_s)"
        return None

    def _died(self) -> Ending:
        """Return the ending of a process that died without a word."""
        if is_dead(self._server):  # its end ends all trials, and nobody is left to say how
            return Ending(Outcome.FAILED, "killed from outside, with the fork server", Failure.KILLED)
        code = self._process.exitcode or 0
        if code == -signal.SIGKILL and kernel_kills() > self._kernel_kills:
            reason = "killed by the kernel: the machine had no memory left"
            return Ending(Outcome.FAILED, reason, Failure.OUT_OF_MEMORY)
        if -code in BY_HAND:
            return Ending(Outcome.FAILED, f"killed from outside ({signal.Signals(-code).name})", Failure.KILLED)
        if code < 0:
            return Ending(Outcome.FAILED, f"crashed with {signal.Signals(-code).name}", Failure.CRASHED)
        return Ending(Outcome.FAILED, f"the process exited with code {code} and no word", Failure.CRASHED)

    def _with_death(self, ending: Ending) -> Ending:
        return with_death(ending, self.job.folder, time.monotonic() - self._began, self._peak)


def kernel_kills(counters: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes the kernel has killed for want of memory since it started (Linux; else 0)."""
    try:
        lines = counters.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
