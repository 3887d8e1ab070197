"""Which failed trials are taken up again, and what a finished one is worth."""

from objectives.records.failures import OF_MEMORY, Failure
from objectives.records.records import Ending, Outcome
from objectives.training.arguments import train_choices
from search.study.stored_trial import StoredTrial

PASSING = (Failure.KILLED, Failure.DISK_FULL)  # deaths that are no fault of the trial's
PASSING_MAX = 5  # times that a trial is taken up again after them


def may_be_mended(trial: StoredTrial, end: Ending) -> bool:
    """Whether a failed trial is taken up again.

    It is if it was killed from outside, or found a disk full that has room now, some times; once if it was out of
    memory, with a smaller batch.
    """
    if end.outcome != Outcome.FAILED:
        return False
    if end.error_class in PASSING:
        return sum(attempt.error_class in PASSING for attempt in trial.record.attempts) < PASSING_MAX
    return end.error_class in OF_MEMORY and trial.record.batch_divisor == 1 and batch_of(trial) > 1


def batch_of(trial: StoredTrial) -> int:
    """Return the batch that was asked for."""
    return int(train_choices(trial.candidate)["batch"]) if trial.candidate else 1


def objectives_of(trial: StoredTrial) -> tuple[float, float] | None:
    """Return mAP and p50 in ms of a trial that was scored."""
    accuracy, latency = trial.record.accuracy, trial.record.latency
    return (accuracy.map, latency.p50_ms) if accuracy and latency else None
