"""A training at full length: one job run to its end, begun again from its last checkpoint where that may mend it."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from objectives.machine.files import write_text
from objectives.records.failures import ADVICE, OF_MEMORY, OF_SIZE, Failure, batch_divisor
from objectives.records.paths import CONFIG, TrialPaths
from objectives.records.records import Accuracy, Ending, Latency, Outcome, Record, Resources, Rung
from objectives.trial.job import RungDecision, SilentListener, TrialJob
from search.loop.retry import PASSING, batch_of, may_retry
from search.study.folder.disk_space import has_disk_space
from search.workers.backend import Backend
from search.workers.limits import Limits
from spaces.errors import AutomlError

FREE_MB_MIN = 200.0  # room on the disk without which a training that filled it is not begun again
# A search goes on with other candidates; here there is this one alone, and a crash may be the machine's.
MAY_PASS = PASSING | {Failure.CRASHED}
MAY_GO_ON = MAY_PASS | OF_SIZE  # once what they died of is mended; the others would die again where they did
GOES_ON = "; the same line goes on from its last checkpoint"
FULL_LENGTH_ADVICE = {
    **ADVICE,
    Failure.OUT_OF_MEMORY: "give it more with memory_mb=N, or export a smaller detector",
    Failure.OUT_OF_DEVICE_MEMORY: "give another device with train_device=N, or export a smaller detector",
    Failure.TIMED_OUT: "raise timeout_s=N or silence_s=N",
    Failure.DIVERGED: "export another detector",
    Failure.EXPORT_FAILED: "export another detector",
    Failure.NOT_BUILDABLE: f"mend {CONFIG}, or export another detector",
    Failure.DISK_FULL: "free some space",
    Failure.KILLED: "find out who kills it",
}


class TrainingFailed(AutomlError):
    """A training at full length has failed for good; `ending` says how, and what was there."""

    def __init__(self, ending: Ending, log: Path) -> None:
        advice = f"; {FULL_LENGTH_ADVICE[Failure(ending.error_class)]}" if ending.error_class else ""
        kind = ending.error_class or ending.outcome
        text = f"train: failed ({kind}): {ending.reason}{advice}; its log is {os.path.relpath(log)}"
        super().__init__(text + GOES_ON * (ending.error_class in MAY_GO_ON))
        self.ending = ending


class TrainingListener(SilentListener):
    """Keeps what a training measures, over all its processes.

    Attributes:
        untrained: latency before training, once it is measured.
        last_rung: what was seen at the last evaluated epoch.
        kept: "latency" and "accuracy" of the trained file, "resources" of the last process.
        on_devices: further device -> latency of the trained file there.
    """

    def __init__(self) -> None:
        self.untrained: Latency | None = None
        self.last_rung: Rung | None = None
        self.kept: dict[str, Record] = {}
        self.on_devices: dict[str, Latency] = {}

    def latency(self, latency: Latency, trained: bool) -> None:
        """Keep the latency."""
        if trained:
            self.kept["latency"] = latency
        else:
            self.untrained = latency

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:
        """Keep the latency on a further device."""
        if trained:
            self.on_devices[device] = latency

    def rung(self, rung: Rung) -> RungDecision:
        """Keep the rung; nothing stops a training at full length."""
        self.last_rung = rung
        return RungDecision.GO_ON

    def accuracy(self, accuracy: Accuracy) -> None:
        """Keep the accuracy."""
        self.kept["accuracy"] = accuracy

    def resources(self, resources: Resources) -> None:
        """Keep the resources."""
        self.kept["resources"] = resources


class FullTraining:
    """Runs one job through a backend until it has finished, or fails for good."""

    def __init__(
        self,
        job: TrialJob,
        backend: Backend,
        limits: Limits,
        listener: TrainingListener,
        begins_again: Callable[[Ending], None],
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            job: its folder holds the checkpoint of an earlier line, if there is one.
            backend: where it runs.
            limits: of each process.
            listener: receives what is measured.
            begins_again: called with each death after which the training is begun again.
        """
        self._job, self._backend, self._limits = job, backend, limits
        self._listener, self._begins_again = listener, begins_again
        self._file = TrialPaths(job.folder).attempts
        earlier = json.loads(self._file.read_text()) if self._file.exists() else []
        # A death for want of memory holds for every line; the others may have passed.
        self._attempts = [e for e in map(Ending.from_json, earlier) if e.error_class in OF_MEMORY]

    def run(self) -> None:
        """Train to the end.

        Raises:
            TrainingFailed: it cannot be begun again, or was too often.
        """
        while True:
            ending = self._backend.run(self._next_job(), self._listener, self._limits)
            assert ending is not None  # nothing pauses it
            if ending.outcome == Outcome.FINISHED:
                return
            if not self._may_retry(ending):
                raise TrainingFailed(ending, TrialPaths(self._job.folder).log)
            self._attempts.append(ending)
            write_text(self._file, json.dumps([attempt.to_json() for attempt in self._attempts], indent=2))
            self._begins_again(ending)

    def _may_retry(self, ending: Ending) -> bool:
        if ending.error_class == Failure.DISK_FULL and not has_disk_space(self._job.folder, FREE_MB_MIN):
            return False
        return may_retry(ending, self._attempts, batch_of(self._job.candidate), MAY_PASS)

    def _next_job(self) -> TrialJob:
        """Return the job, with what its earlier processes have found out."""
        rung = self._listener.last_rung
        return replace(
            self._job,
            latency=self._listener.untrained,
            trained_s=rung.seconds if rung else 0.0,
            reported_epoch=rung.epoch if rung else 0,
            batch_divisor=batch_divisor(attempt.error_class for attempt in self._attempts),
        )
