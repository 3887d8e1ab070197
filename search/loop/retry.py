"""Which failed trials are taken up again, and what a finished one is worth."""

from collections.abc import Collection, Sequence

from objectives.records.failures import OF_MEMORY, Failure, batch_divisor
from objectives.records.records import Ending, Outcome
from search.study.stored_trial import StoredTrial
from spaces.candidate import Candidate
from spaces.vocabulary import train_choices

# Deaths that are no fault of the trial's.
PASSING = frozenset({Failure.KILLED, Failure.DISK_FULL, Failure.DEVICE_AWAY, Failure.GPU_SHARED, Failure.GPU_TOO_SMALL})
PASSING_MAX = 5  # times that a trial is taken up again after them


def may_retry(ending: Ending, attempts: Sequence[Ending], batch: int, passing: Collection[str] = PASSING) -> bool:
    """Whether a trial that ended so is taken up again.

    It is if it was killed from outside, or found a disk full that has room now, or no memory on a GPU that it shared
    or that is smaller than another machine's, PASSING_MAX times; once if it was out of memory, with half the batch.

    Args:
        ending: how it ended now.
        attempts: the deaths after which it was taken up again before.
        batch: that was asked for, in images.
        passing: classes of failure that are no fault of the trial's.
    """
    if ending.outcome != Outcome.FAILED:
        return False
    if ending.error_class in passing:
        return sum(attempt.error_class in passing for attempt in attempts) < PASSING_MAX
    is_whole = batch_divisor(attempt.error_class for attempt in attempts) == 1
    return ending.error_class in OF_MEMORY and is_whole and batch > 1


def batch_of(candidate: Candidate | None) -> int:
    """Return the batch that a candidate asks for, in images; 1 without a candidate."""
    return int(train_choices(candidate)["batch"]) if candidate else 1


def objectives_of(trial: StoredTrial) -> tuple[float, float] | None:
    """Return mAP and p50 in ms of a trial that was scored."""
    accuracy, latency = trial.record.accuracy, trial.record.latency
    return (accuracy.map, latency.p50_ms) if accuracy and latency else None
