"""The budget: trials and hours in all, over every run of the same command line."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from objectives import attributes as keys
from search.settings import BudgetSettings

OVERHEAD_S = 2.0  # of a trial's process and the store, beside the stages

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class BudgetUsed:
    """What ended and paused trials have used.

    Attributes:
        trials: number of trials that ended or wait at a rung.
        seconds: their wall-clock seconds, added up.
        durations_s: seconds of each.
    """

    trials: int
    seconds: float
    durations_s: tuple[float, ...]

    @classmethod
    def of(cls, trials: "Sequence[optuna.trial.FrozenTrial]") -> "BudgetUsed":
        """Add up the trials of a study; one that runs is not counted before it ends or pauses."""
        counted = [t for t in trials if t.state.is_finished() or t.user_attrs.get(keys.PAUSED)]
        durations = tuple(_work_s(t) for t in counted if t.duration or t.user_attrs.get(keys.RESOURCES))
        return cls(len(counted), sum(durations), durations)

    def left(self, budget: BudgetSettings) -> bool:
        """Whether another trial should start: by count, and by hours if half of a usual trial still fits."""
        if self.trials >= budget.trials:
            return False
        if budget.hours is None:
            return True
        usual = statistics.median(self.durations_s) if self.durations_s else 0.0
        return self.seconds + usual / 2 < 3600 * budget.hours

    def remaining_s(self, budget: BudgetSettings) -> float | None:
        """Return the seconds that the rest will take, by the mean of the trials so far; None before the first."""
        by_hours = None if budget.hours is None else max(0.0, 3600 * budget.hours - self.seconds)
        if not self.durations_s:
            return by_hours
        by_trials = statistics.fmean(self.durations_s) * max(0, budget.trials - self.trials)
        return by_trials if by_hours is None else min(by_hours, by_trials)


def _work_s(trial: "optuna.trial.FrozenTrial") -> float:
    """Return the seconds a trial was worked on: its stages, or from start to end if they were not told.

    From start to end alone would count the night between a crash and the next run.
    """
    whole = trial.duration.total_seconds() if trial.duration else math.inf
    stages = (trial.user_attrs.get(keys.RESOURCES) or {}).get("seconds") or {}
    return min(whole, sum(stages.values()) + OVERHEAD_S) if stages else whole  # a paused trial has told its stages
