"""A real trial that writes down when each piece of its work begins: `trial.run=counted_training:run_trial`.

Every line of `pieces.log` in the trial's folder is a time in seconds since 1970, a process and a piece: a stage, or an
epoch of the training. What stands there twice was begun twice.
"""

import os
import time
from pathlib import Path

from objectives.records.records import Accuracy, Ending, Latency, Resources, Rung
from objectives.trial import trial
from objectives.trial.job import RungDecision, TrialJob, TrialListener

PIECES = "pieces.log"


class Counting(TrialListener):
    """Passes all on, and writes down each new piece."""

    def __init__(self, listener: TrialListener, log: Path) -> None:
        self.listener, self.log, self.epoch = listener, log, 0

    def stage(self, name: str) -> None:
        self._begin(name)
        self.listener.stage(name)

    def progress(self, epoch: int, share: float) -> None:
        if epoch != self.epoch:
            self.epoch = epoch
            self._begin(f"epoch-{epoch}")
        self.listener.progress(epoch, share)

    def latency(self, latency: Latency, trained: bool) -> None:
        self.listener.latency(latency, trained)

    def rung(self, rung: Rung) -> RungDecision:
        return self.listener.rung(rung)

    def accuracy(self, accuracy: Accuracy) -> None:
        self.listener.accuracy(accuracy)

    def resources(self, resources: Resources) -> None:
        self.listener.resources(resources)

    def warning(self, text: str) -> None:
        self.listener.warning(text)

    def _begin(self, piece: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{time.time()} {os.getpid()} {piece}\n")


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Run the trial as a search does."""
    job.folder.mkdir(parents=True, exist_ok=True)
    return trial.run_trial(job, Counting(listener, job.folder / PIECES))
