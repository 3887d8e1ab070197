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
    """What the trials have used.

    Attributes:
        trials: number of trials that ended or wait at a rung.
        seconds: wall-clock seconds of all work, added up: what a running trial has told, and measurements ahead of
            trials, included.
        durations_s: seconds of each trial that ended or waits.
        paused: number of those that wait at a rung and may go on.
    """

    trials: int
    seconds: float
    durations_s: tuple[float, ...]
    paused: int = 0

    @classmethod
    def of(cls, trials: "Sequence[optuna.trial.FrozenTrial]", beside_s: float = 0.0) -> "BudgetUsed":
        """Add up the trials of a study; one that runs is not counted before it ends or pauses, only its seconds are.

        Args:
            trials: the study's.
            beside_s: seconds of work that belongs to no trial.
        """
        counted = [t for t in trials if t.state.is_finished() or t.user_attrs.get(keys.PAUSED)]
        durations = tuple(_work_s(t) for t in counted if t.duration or t.user_attrs.get(keys.RESOURCES))
        running = [t for t in trials if t.state.name == "RUNNING" and not t.user_attrs.get(keys.PAUSED)]
        paused = sum(not t.state.is_finished() for t in counted)
        return cls(len(counted), sum(durations) + sum(map(_told_s, running)) + beside_s, durations, paused)

    def left(self, budget: BudgetSettings) -> bool:
        """Whether another trial should start: by count, and by hours if half of a usual trial still fits."""
        if self.trials >= budget.trials:
            return False
        if budget.hours is None:
            return True
        usual = statistics.median(self.durations_s) if self.durations_s else 0.0
        return self.seconds + usual / 2 < 3600 * budget.hours

    def remaining_s(self, budget: BudgetSettings) -> float | None:
        """Return the seconds that the rest will take, by the mean of the trials so far.

        None where nothing tells: before the first trial, and once all have begun and it is open which of the paused
        ones will go on.
        """
        if self.paused and self.trials >= budget.trials:
            return None
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
    stages = _stages(trial)
    return min(whole, sum(stages.values()) + OVERHEAD_S) if stages else whole  # a paused trial has told its stages


def _told_s(trial: "optuna.trial.FrozenTrial") -> float:
    """Return the seconds that a running trial has told: the stages of its earlier processes, and its rungs."""
    stages = _stages(trial)
    rungs = trial.user_attrs.get(keys.RUNGS) or [{"seconds": 0.0}]
    train_s = stages.pop("train", 0.0)
    return sum(stages.values()) + max(train_s, float(rungs[-1]["seconds"]))


def _stages(trial: "optuna.trial.FrozenTrial") -> dict[str, float]:
    return dict((trial.user_attrs.get(keys.RESOURCES) or {}).get("seconds") or {})
