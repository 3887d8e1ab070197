"""The backend `inline`: a trial runs here, in the searching process, so that `breakpoint()` works in it.

It runs to its end while `receive` is called for the first time. This process then imports what the trial imports, torch
for a real one, and dies with it if it crashes. Ctrl-C, and `q` in the debugger, cut the trial as they cut the search.
"""

import os
import resource
import time
import traceback
from bdb import BdbQuit
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from objectives.machine.process_tree import Usage
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.job import TrialJob, TrialListener
from search.workers.backend import Backend, RunningTrial
from search.workers.limits import Limits
from search.workers.messages import Answer, Call, CallListener, Ended
from search.workers.post_mortem import failed_with, with_death


class InlineBackend(Backend):
    """Runs one trial after another, without limits."""

    name = "inline"
    at_once = 1
    caveat = (
        "backend inline: trials run in this process; their limits (timeout_s, silence_s, memory_mb, processes_max) are "
        "not kept, a crash ends this process too, and the budget's hours are looked at between trials"
    )

    def __init__(self, settings_folder: Path) -> None:
        """Prepare; nothing is started yet. `settings_folder` is for Ultralytics' settings."""
        self._settings_folder = settings_folder

    def start(self, job: TrialJob, limits: Limits | None = None) -> "InlineTrial":
        """Prepare the trial; it runs when it is received from."""
        quiet_ultralytics(self._settings_folder)
        return InlineTrial(job)

    def wait(self, trials: Sequence[RunningTrial], seconds: float) -> list[RunningTrial]:
        """Return the trials at once: there is always something to receive."""
        if not trials:
            time.sleep(seconds)
        return list(trials)


class InlineTrial(RunningTrial):
    """A trial of this process."""

    def __init__(self, job: TrialJob) -> None:
        self.job, self.pid = job, os.getpid()

    def receive(self, listener: TrialListener) -> Ended:
        """Run the trial to its end; the listener is called from inside it."""
        began, relay = time.monotonic(), _Relay(listener)
        try:
            ending = self._run(CallListener(relay))
        except (KeyboardInterrupt, BdbQuit):
            raise KeyboardInterrupt from None
        except BaseException as error:  # as in a process of its own
            if relay.error is None:
                self._log(error)
            ending = failed_with(error)
        if relay.error is not None:
            raise relay.error  # whatever the trial has made of it
        return Ended(ending and with_death(ending, self.job.folder, time.monotonic() - began, _own_usage()))

    def over_limit(self) -> None:
        """Keep no limits: nobody looks while the trial runs."""

    def end(self) -> None:
        """Leave all as it is: the trial has ended, or was never begun."""

    def _run(self, listener: TrialListener) -> Ending | None:
        self.job.folder.mkdir(parents=True, exist_ok=True)
        return self.job.function()(self.job, listener)

    def _log(self, error: BaseException) -> None:
        """Write the traceback to the trial's log; all else that a trial prints goes where this process prints."""
        with suppress(OSError), TrialPaths(self.job.folder).log.open("a") as log:
            traceback.print_exception(error, file=log)


class _Relay:
    """Makes the calls of a trial at once, and remembers what the listener raised: it is no failure of the trial."""

    def __init__(self, listener: TrialListener) -> None:
        self._listener = listener
        self.error: BaseException | None = None

    def __call__(self, call: Call) -> Answer:
        try:
            return call.make(self._listener)
        except BaseException as error:  # Ctrl-C too: whatever it is, it goes on upwards
            self.error = error
            raise


def _own_usage() -> Usage:
    """Return the most memory that this process has used so far, whoever asked for it."""
    return Usage(1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
