"""A trial's process, seen from the searching process: messages in, the pruner's word out, limits kept."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import psutil

from objectives.machine.process_tree import PATIENCE_S, Usage, is_dead, kill_below, proportional_bytes, usage
from objectives.records.failures import Failure
from objectives.records.paths import TrialPaths
from objectives.records.records import Death, Ending, Outcome
from search.study.folder.room import free_bytes

if TYPE_CHECKING:
    from objectives.trial.job import TrialJob, Word

TAIL_LINES, TAIL_CHARACTERS = 20, 2000  # of a failed trial's log that are kept
LOOK_EVERY_S = 0.2  # between two looks whether something has come
MEASURE_EVERY_S = 0.5  # between two looks at a trial's memory and processes
BY_HAND = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Limits:
    """What a trial's process may use.

    Attributes:
        timeout_s: seconds in all; None for no limit.
        silence_s: seconds without a message after which it counts as hung.
        memory_bytes: memory of all its processes together.
        processes_max: processes at once.
    """

    timeout_s: float | None = None
    silence_s: float = 900.0
    memory_bytes: int = 1 << 62
    processes_max: int = 64


class TrialProcess:
    """One trial in a process of its own. The searching process never imports torch and outlives any trial."""

    _living: ClassVar[set[int]] = set()  # process ids of this process's trials

    def __init__(self, job: "TrialJob", settings_folder: Path, limits: Limits | None = None) -> None:
        """Start the trial; `settings_folder` is for Ultralytics' settings."""
        from objectives.training.ultralytics_env import quiet_ultralytics
        from search.workers.entry import start

        quiet_ultralytics(settings_folder)  # the fork server inherits the environment
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # looking for a GPU must not start CUDA in the server
        context = multiprocessing.get_context("forkserver")
        # Imported once by the server; each trial is forked from it in milliseconds and owns its memory.
        trainer = job.run.partition(":")[0]
        context.set_forkserver_preload(["search.workers.fork_server", "search.workers.child", trainer])
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        self._job, self._limits = job, limits or Limits()
        self._process = context.Process(target=start, args=(theirs, job, settings_folder), daemon=False)
        self._kernel_kills = kernel_kills()
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        server: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # not told otherwise
        self._server = psutil.Process(server)
        self._living.add(self.pid)
        self._began = self._heard = self._looked = time.monotonic()
        self._peak = Usage()

    def receive(self) -> tuple[Any, ...]:
        """Return the next message; call it when one of `signs` is ready.

        The last one is ("ended", Ending) even if the process died; ("ended", None) if it was paused or only measured.
        """
        try:
            if not self.pipe.poll():  # something that it started may hold the pipe open
                raise EOFError
            message: tuple[Any, ...] = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(PATIENCE_S)
            return "ended", self._with_death(self._died())
        self._heard = time.monotonic()
        if message[0] != "ended":
            return message
        self._process.join(timeout=30)
        end: Ending | None = message[1]
        return "ended", end and self._with_death(end)

    @property
    def signs(self) -> tuple[Any, ...]:
        """What can be waited for: a message, or the process's end."""
        return self.pipe, self._process.sentinel

    def messages(self, tick: Callable[[], None] = lambda: None) -> Iterator[tuple[Any, ...]]:
        """Yield the messages to the last, with the limits kept; `tick` is called meanwhile, again and again."""
        while True:
            message = self.receive() if wait(self.signs, LOOK_EVERY_S) else ()
            tick()
            if message[:1] != ("ended",) and (end := self.over_limit()) is not None:
                message = "ended", end
            if message:
                yield message
            if message[:1] == ("ended",):
                return

    def over_limit(self) -> Ending | None:
        """Look at what the trial uses; one that is over its limits is ended, and how is returned."""
        now = time.monotonic()
        if now - self._looked < MEASURE_EVERY_S:
            return None
        self._looked = now
        seen = usage(self.pid)
        self._peak = Usage(max(self._peak.processes, seen.processes), max(self._peak.memory_bytes, seen.memory_bytes))
        found = self._broken_limit(seen, now)
        if found is None:
            return None
        end = self._with_death(Ending(Outcome.FAILED, found[1], found[0]))
        self.end()
        return end

    def answer(self, word: "Word") -> None:
        """Answer a rung."""
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile; receive() tells
            self.pipe.send(word.value)
        self._heard = time.monotonic()  # it was waiting for this

    def end(self) -> None:
        """End the trial's processes, those too that left its group, and wait for them."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join(PATIENCE_S)
        self._living.discard(self.pid)
        if not is_dead(self._server):
            kill_below(self._server.pid, self._living)  # what it left behind was adopted by the server
        self.pipe.close()

    def _broken_limit(self, seen: Usage, now: float) -> tuple[Failure, str] | None:
        limits = self._limits
        if seen.processes > limits.processes_max:
            text = f"{seen.processes} processes, over its limit of {limits.processes_max} (trial.processes_max)"
            return Failure.CRASHED, text
        if seen.memory_bytes > limits.memory_bytes:
            used = proportional_bytes(self.pid)  # pages that its processes share count once
            if used > limits.memory_bytes:
                text = f"{used / 1e6:.0f} MB, over its limit of {limits.memory_bytes / 1e6:.0f} MB (trial.memory_mb)"
                return Failure.OUT_OF_MEMORY, text
        if limits.timeout_s is not None and now - self._began > limits.timeout_s:
            return Failure.TIMED_OUT, f"over its limit of {limits.timeout_s:g} s (trial.timeout_s)"
        if now - self._heard > limits.silence_s and not self.pipe.poll():  # this process may have been the slow one
            return Failure.TIMED_OUT, f"no sign of life for {limits.silence_s:g} s (trial.silence_s)"
        return None

    def _died(self) -> Ending:
        """Return the ending of a process that died without a word."""
        if is_dead(self._server):  # its end ends all trials, and nobody is left to tell how
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

    def _with_death(self, end: Ending) -> Ending:
        """Add what was there at a failed trial's death."""
        if end.outcome != Outcome.FAILED:
            return end
        death = Death(
            log_tail=log_tail(TrialPaths(self._job.folder).log),
            seconds=time.monotonic() - self._began,
            peak_bytes=self._peak.memory_bytes,
            processes=self._peak.processes,
            memory_free_bytes=psutil.virtual_memory().available,
            disk_free_bytes=free_bytes(self._job.folder),
        )
        return replace(end, death=death)


def kernel_kills(counters: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes the kernel has killed for want of memory since it started (Linux; else 0)."""
    try:
        lines = counters.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def log_tail(log: Path) -> str:
    """Return the last lines of a log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_CHARACTERS))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def machine_memory_bytes(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory that this process may use: the machine's, or less by its control groups (Linux, version 2)."""
    return min([int(psutil.virtual_memory().total), *_group_limits_bytes(groups, own)])


def _group_limits_bytes(groups: Path, own: Path) -> Iterator[int]:
    """Yield the limits of a process's own control group and of those above it."""
    with contextlib.suppress(OSError):
        path = next((line[3:] for line in own.read_text().splitlines() if line.startswith("0::")), "/")
        group = groups / path.strip("/")
        for folder in (group, *group.parents):
            with contextlib.suppress(OSError, ValueError):  # no limit there, or "max"
                yield int((folder / "memory.max").read_text())
