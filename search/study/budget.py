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
        durations_s: seconds of work of each of the last trials that ended or wait, children left out.
        paused: number of trials that wait at a rung and may go on.
        children_s: seconds of work of each of the last children.
        children: number of trials that are children.
        proof: trainings of the proof in all, once these are counted in place of the search's trials; else 0.
    """

    trials: int
    seconds: float
    durations_s: tuple[float, ...]
    paused: int = 0
    children_s: tuple[float, ...] = ()
    children: int = 0
    proof: int = 0

    @classmethod
    def of(cls, trials: Sequence[TrialRecord], seconds: float, *, proofs: bool = False) -> "BudgetUsed":
        """Count the trials of a study; one that runs is not counted before it ends or pauses.

        Args:
            trials: all trials of the study.
            seconds: wall-clock seconds in which at least one process searched.
            proofs: count the trainings of a proof in place of the search's trials.
        """
        counted = [t for t in trials if (t.phase.has_ended or t.paused) and t.is_proof is proofs]
        children = [trial for trial in counted if trial.is_child]
        trained = [trial for trial in counted if not trial.is_child]
        paused = sum(trial.paused for trial in counted)
        return cls(len(counted), seconds, _durations_s(trained), paused, _durations_s(children), len(children))

    def most(self, budget: BudgetSettings) -> int:
        """Return how many there will be of what is counted."""
        return self.proof or budget.trials

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

        Where there are children, the rest holds as large a share of them as the trials so far.

        None where nothing is known: before the first trial, and once all have begun and it is open which of the paused
        ones will go on.
        """
        if self.paused and self.trials >= self.most(budget):
            return None
        by_hours = None if budget.hours is None else max(0.0, 3600 * budget.hours - self.seconds)
        if not self.durations_s:
            return by_hours
        share = self.children / self.trials if self.children_s else 0.0
        of_children_s = share * statistics.fmean(self.children_s) if self.children_s else 0.0
        each_s = (1 - share) * statistics.fmean(self.durations_s) + of_children_s
        by_trials = each_s * max(0, self.most(budget) - self.trials)
        return by_trials if by_hours is None else min(by_hours, by_trials)


def _durations_s(trials: Sequence[TrialRecord]) -> tuple[float, ...]:
    """Return the seconds of work of the last of these trials, as far as known."""
    durations = (_work_s(trial) for trial in trials[-RECENT:])
    return tuple(duration for duration in durations if duration is not None)


def _work_s(trial: TrialRecord) -> float | None:
    """Return the seconds a trial was worked on: its stages, or from start to end if they were not recorded.

    From start to end alone would count the night between a crash and the next run.
    """
    whole = math.inf if trial.seconds is None else trial.seconds
    if trial.stages_s:
        return min(whole, sum(trial.stages_s.values()) + OVERHEAD_S)
    return whole if math.isfinite(whole) else None
