"""The contract of a backend, which runs the jobs of trials and passes on what they report.

How a trial is followed, whatever the backend:

    running = backend.start(job, limits)
    for each of backend.wait([running, ...], seconds):
        running.advance(listener, ready=True)    until it returns `Ended`
    running.end()                                always, also after `Ended`, also when the caller fails

One thread does all of it. `Backend.run` is this loop for a single trial.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

from objectives.records.records import Ending
from objectives.trial.job import TrialJob, TrialListener
from search.workers.limits import Limits
from search.workers.messages import Ended

LOOK_EVERY_S = 0.2  # between two looks whether a trial has reported anything


class RunningTrial(ABC):
    """A trial that a backend has started.

    Attributes:
        job: what it runs.
        pid: the process that it runs in, on this machine.
    """

    job: TrialJob
    pid: int

    @abstractmethod
    def receive(self, listener: TrialListener) -> Ended | None:
        """Pass on to the listener what the trial reports next; call it once `Backend.wait` has named this trial.

        Reports come in the order in which the trial made them, each once. The trial waits at a rung until the
        listener's `rung` has returned, and goes on as that says. What the listener raises comes out of here; the trial
        has not failed by it, and is to be ended.

        Returns:
            None while the trial goes on; else `Ended`, once, and nothing is received after that. Its ending is None
            if the trial paused at a rung, or was only to be measured. A trial that raised, or that died without a
            word, has ended with Outcome.FAILED, a class, a reason, and what was there (`Ending.death`).
        """

    @abstractmethod
    def over_limit(self) -> Ending | None:
        """Look at what the trial uses; one that is over its limits is ended, and the ending returned."""

    @abstractmethod
    def end(self) -> None:
        """End the trial, with all that it has started, and wait for that; a second time does nothing.

        The last checkpoint stays: a trial that had neither finished nor failed is taken up from there by a job of the
        same folder.
        """

    def advance(self, listener: TrialListener, *, ready: bool) -> Ended | None:
        """Receive if something is ready, and keep the limits; return `Ended` as `receive` does."""
        ended = self.receive(listener) if ready else None
        if ended is None and (ending := self.over_limit()) is not None:
            return Ended(ending)
        return ended


class Backend(ABC):
    """Where trials run.

    Attributes:
        name: what `trial.backend` calls it.
        at_once: most trials that it runs at the same time; None for any number.
        caveat: what it cannot do, in one line for people; empty if it can do all.
    """

    name: ClassVar[str]
    at_once: ClassVar[int | None] = None
    caveat: ClassVar[str] = ""

    @abstractmethod
    def start(self, job: TrialJob, limits: Limits | None = None) -> RunningTrial:
        """Start a job; what it reports waits until it is received.

        Args:
            job: the folder's checkpoint, if there is one, is where the training goes on.
            limits: of the trial; none if left out.
        """

    @abstractmethod
    def wait(self, trials: Sequence[RunningTrial], seconds: float) -> Collection[RunningTrial]:
        """Wait until one of the trials, all started here, can be received from; return those that can.

        With none that can, and with no trials at all, so many seconds pass.
        """

    def run(
        self,
        job: TrialJob,
        listener: TrialListener,
        limits: Limits | None = None,
        tick: Callable[[], None] = lambda: None,
    ) -> Ending | None:
        """Run a job to its end and return how it ended; whatever happens here (Ctrl-C, an error), it is ended.

        Args:
            job: what to run.
            listener: is called with what the trial reports.
            limits: of the trial.
            tick: called again and again meanwhile.
        """
        running = self.start(job, limits)
        try:
            while True:
                ended = running.advance(listener, ready=bool(self.wait([running], LOOK_EVERY_S)))
                tick()
                if ended is not None:
                    return ended.ending
        finally:
            running.end()
