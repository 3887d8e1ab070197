"""One piece of a trial's training, followed in its own process: what it tells goes to the store, rungs are answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from objectives import attributes as keys
from objectives.job import TrialJob, Word
from objectives.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from search.process import TrialProcess
from search.view import View

if TYPE_CHECKING:
    import optuna

Decide = Callable[[Rung], tuple[Word, str]]  # a deciding rung was stored; how to go on, and why


class Following:
    """Follows one process of a trial."""

    def __init__(self, trial: "optuna.Trial", job: TrialJob, view: View, warn: Callable[[str], None]) -> None:
        self.trial, self.job, self.view, self.warn = trial, job, view, warn
        self.latency = job.latency
        self.accuracy: Accuracy | None = None
        # A trial that goes on keeps the rungs of its first process, and the seconds that it took.
        self.rungs = [Rung.from_json(value) for value in trial.user_attrs.get(keys.RUNGS, [])]
        self.spent = Resources.from_json(trial.user_attrs.get(keys.RESOURCES, {})).seconds
        self._stopped = ""

    def run(self, settings_folder: Path, decide: Decide) -> Ending | None:
        """Run the process to its end and return how the trial ended; None if it was paused."""
        if self.latency:
            self.view.latency(self.latency, trained=False)
        with ending(TrialProcess(self.job, settings_folder)) as process:
            for message in process.messages():
                match message:
                    case "stage", name:
                        self.view.stage(str(name))
                    case "latency", Latency() as latency, trained:
                        self._keep_latency(latency, trained=bool(trained))
                    case "rung", Rung() as rung:
                        process.answer(self._rung(rung, decide))
                    case "accuracy", Accuracy() as accuracy:
                        self.accuracy = accuracy
                        self.trial.set_user_attr(keys.ACCURACY, accuracy.to_json())
                    case "resources", Resources() as resources:
                        self._keep_resources(resources)
                    case "warning", text:
                        self.warn(str(text))
                    case "ended", None:
                        return None
                    case "ended", Ending() as end:
                        return self._explained(end)
        raise AssertionError("messages() ends with an ending")

    def _rung(self, rung: Rung, decide: Decide) -> Word:
        self.rungs = [*(r for r in self.rungs if r.epoch < rung.epoch), rung]
        self.trial.set_user_attr(keys.RUNGS, [r.to_json() for r in self.rungs])
        self.view.rung(rung)
        if not rung.decides or rung.epoch >= self.job.epochs:
            return Word.GO_ON
        word, why = decide(rung)
        self._stopped = why if word is Word.STOP else ""
        return word

    def _keep_latency(self, latency: Latency, *, trained: bool) -> None:
        self.latency = latency
        self.trial.set_user_attr(keys.LATENCY if trained else keys.LATENCY_UNTRAINED, latency.to_json())
        self.view.latency(latency, trained=trained)

    def _keep_resources(self, resources: Resources) -> None:
        """Store what the trial has cost, its earlier processes included."""
        seconds = dict(self.spent)
        for stage, of_stage in resources.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + of_stage
        self.trial.set_user_attr(keys.RESOURCES, replace(resources, seconds=seconds).to_json())

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


def measure(job: TrialJob, settings_folder: Path) -> Latency | None:
    """Measure the untrained latency of a candidate in a process of its own; None if that fails."""
    found: Latency | None = None
    with ending(TrialProcess(replace(job, measure_only=True), settings_folder)) as process:
        for message in process.messages():
            match message:
                case "latency", Latency() as latency, _:
                    found = latency
    return found
