"""A trial's process, seen from the searching process: messages in, the pruner's word out."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.records import Ending, Outcome

if TYPE_CHECKING:
    from objectives.job import TrialJob, Word

# Imported once by the fork server; each trial is forked from it in milliseconds and owns its memory.
PRELOADED = ["search.child"]


class TrialProcess:
    """One trial in a process of its own. The searching process never imports torch and outlives any trial."""

    def __init__(self, job: "TrialJob", settings_folder: Path) -> None:
        """Start the trial; `settings_folder` is for Ultralytics' settings."""
        from objectives.quiet import quiet_ultralytics
        from search.launch import start

        quiet_ultralytics(settings_folder)  # the fork server inherits the environment
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # looking for a GPU must not start CUDA in the server
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=start, args=(theirs, job, settings_folder), daemon=False)
        self._process.start()
        theirs.close()

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """Yield the trial's messages.

        The last one is ("ended", Ending) even if the process died; ("ended", None) if it was paused or only measured.
        """
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                break
            if message[0] == "ended":
                self._process.join(timeout=30)
                yield message
                return
            yield message
        self._process.join()
        yield "ended", self._death()

    def answer(self, word: "Word") -> None:
        """Answer a rung."""
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile; messages() tells
            self._pipe.send(word.value)

    def end(self) -> None:
        """End the trial's whole process group, and wait for it."""
        if self._process.is_alive() and self._process.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.join()

    def _death(self) -> Ending:
        code = self._process.exitcode or 0
        if code == -signal.SIGKILL:
            reason = "killed (SIGKILL): by the kernel for want of memory, or by somebody"
            return Ending(Outcome.FAILED, reason, "killed")
        if code < 0:
            return Ending(Outcome.FAILED, f"crashed with {signal.Signals(-code).name}", "crashed")
        return Ending(Outcome.FAILED, f"the process exited with code {code} and no word", "crashed")
