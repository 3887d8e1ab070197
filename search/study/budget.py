"""The budget: trials and hours in all, over every run of the same command line."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from objectives.records.trial_record import TrialRecord
from search.settings.settings import BudgetSettings

OVERHEAD_S = 2.0  # of a trial's process and the store, beside the stages
RECENT = 100  # trials whose durations stand for the next one's


@dataclass(frozen=True)
class BudgetUsed:
    """What of the budget is used.

    Attributes:
        trials: number of trials that ended or wait at a rung.
        seconds: wall-clock seconds in which at least one process searched.
        durations_s: seconds of work of each of the last trials that ended or wait.
        paused: number of trials that wait at a rung and may go on.
    """

    trials: int
    seconds: float
    durations_s: tuple[float, ...]
    paused: int = 0

    @classmethod
    def of(cls, trials: Sequence[TrialRecord], seconds: float) -> "BudgetUsed":
        """Count the trials of a study; one that runs is not counted before it ends or pauses.

        Args:
            trials: all trials of the study.
            seconds: wall-clock seconds in which at least one process searched.
        """
        counted = [t for t in trials if t.phase.has_ended or t.paused]
        durations = (_work_s(trial) for trial in counted[-RECENT:])
        known = tuple(duration for duration in durations if duration is not None)
        return cls(len(counted), seconds, known, sum(t.paused for t in counted))

    def left(self, budget: BudgetSettings) -> bool:
        """Whether another trial should start: by count, and by hours if a usual trial still fits."""
        if self.trials >= budget.trials:
            return False
        if budget.hours is None:
            return True
        usual = statistics.median(self.durations_s) if self.durations_s else 0.0
        return self.seconds + usual < 3600 * budget.hours

    def remaining_s(self, budget: BudgetSettings) -> float | None:
        """Return the seconds that the rest will take, by the mean of the last trials.

        None where nothing is known: before the first trial, and once all have begun and it is open which of the paused
        ones will go on.
        """
        if self.paused and self.trials >= budget.trials:
            return None
        by_hours = None if budget.hours is None else max(0.0, 3600 * budget.hours - self.seconds)
        if not self.durations_s:
            return by_hours
        by_trials = statistics.fmean(self.durations_s) * max(0, budget.trials - self.trials)
        return by_trials if by_hours is None else min(by_hours, by_trials)


def _work_s(trial: TrialRecord) -> float | None:
    """Return the seconds a trial was worked on: its stages, or from start to end if they were not recorded.

    From start to end alone would count the night between a crash and the next run.
    """
    whole = math.inf if trial.seconds is None else trial.seconds
    if trial.stages_s:
        return min(whole, sum(trial.stages_s.values()) + OVERHEAD_S)
    return whole if math.isfinite(whole) else None
