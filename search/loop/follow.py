"""One process of a trial, followed: what it tells goes to the store and the view, rungs are answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from objectives.records.failures import Failure
from objectives.records.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from objectives.trial.job import TrialJob, Word
from search.study.stored_trial import StoredTrial
from search.view.base import View
from search.workers.process import Limits, TrialProcess

Decide = Callable[[StoredTrial, Rung], tuple[Word, str]]  # a rung was stored; how to go on, and why


@dataclass(frozen=True)
class Ended:
    """The process ended: how the trial did, or None if it is paused."""

    end: Ending | None


class Following:
    """A trial and the process that works on it."""

    def __init__(
        self, trial: StoredTrial, job: TrialJob, process: TrialProcess, view: View, warn: Callable[[str], None]
    ) -> None:
        self.trial, self.job, self.process, self.view, self.warn = trial, job, process, view, warn
        self.stage = ""
        self._spent = trial.record.stages_s  # by the processes before this one
        self._stopped = ""
        if job.latency:
            view.latency(trial.number, job.latency, trained=False)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The trial's rungs so far."""
        return self.trial.record.rungs

    def receive(self, decide: Decide) -> Ended | None:
        """Take one message; return how the process ended, if it was the last."""
        number = self.trial.number
        match self.process.receive():
            case "stage", str(name):
                self.stage = name
                self.view.stage(number, name)
            case "progress", int(epoch), float() | int() as share:
                self.view.progress(number, epoch, share)
            case "latency", Latency() as latency, trained:
                self.trial.record_latency(latency, trained=bool(trained))
                self.view.latency(number, latency, trained=bool(trained))
            case "rung", Rung() as rung:
                self.process.answer(self._rung(rung, decide))
            case "accuracy", Accuracy() as accuracy:
                self.trial.record_accuracy(accuracy)
            case "resources", Resources() as resources:
                self._keep_resources(resources)
            case "warning", str(text):
                self.warn(text)
            case "ended", Ending() | None as end:
                return Ended(self._explained(end) if end else None)
        return None

    def _rung(self, rung: Rung, decide: Decide) -> Word:
        self.trial.record_rung(rung)
        self.view.rung(self.trial.number, rung)
        if not rung.decides or rung.epoch >= self.job.epochs:
            return Word.GO_ON
        word, why = decide(self.trial, rung)
        self._stopped = why if word is Word.STOP else ""
        return word

    def _keep_resources(self, resources: Resources) -> None:
        """Store what the trial has cost, its earlier processes included."""
        seconds = dict(self._spent)
        for stage, of_stage in resources.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + of_stage
        self.trial.record_resources(replace(resources, seconds=seconds))

    def _explained(self, end: Ending) -> Ending:
        if end.outcome == Outcome.STOPPED and self._stopped:
            return replace(end, reason=self._stopped)
        return end


@contextmanager
def ending(process: TrialProcess) -> Iterator[TrialProcess]:
    """End the trial's processes whatever happens here (Ctrl-C, an error)."""
    try:
        yield process
    finally:
        process.end()


def measure(
    job: TrialJob, settings_folder: Path, limits: Limits | None = None, tick: Callable[[], None] = lambda: None
) -> Latency | Ending:
    """Measure the untrained latency of a candidate in a process of its own; how it failed if it did.

    Args:
        job: of the candidate.
        settings_folder: for Ultralytics' settings.
        limits: of the process.
        tick: called again and again meanwhile.
    """
    found: Any = None
    with ending(TrialProcess(replace(job, measure_only=True), settings_folder, limits)) as process:
        for message in process.messages(tick):
            match message:
                case "latency", Latency() as latency, _:
                    found = latency
                case "ended", Ending() as end if found is None:
                    found = end
    return found or Ending(Outcome.FAILED, "the process ended without a figure", Failure.NOT_MEASURABLE)
