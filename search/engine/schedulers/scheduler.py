"""Schedulers: which training goes on next, a new one or the next rung of an old one."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import ClassVar

from objectives.records.proof import ProofPiece
from objectives.records.trial_record import Phase
from search.engine.observed import Observed
from search.engine.proposal.polish import PolishProposal


@dataclass(frozen=True)
class Step:
    """The next piece of training.

    Attributes:
        number: the trial that goes on; None starts a new one.
        to_epoch: the rung to train to; the scheduler is asked again there.
        why: one line for people.
        stop: paused trials that will never go on, and why; their checkpoints can be removed.
        last_mean: expected final accuracy of the trial that was trained just now, where the scheduler has one.
        last_sd: standard deviation of that belief.
        idle: nothing is to be trained now: the step only holds which trials stop and what is believed.
        children: the trial has been trained, and its children are to be scored.
        polish: a new trial is to go on from the weights of one of a family: of which, and what is expected of it.
        proof: a new trial is to be a training of the proof.
        rate: expected gain of hypervolume per second; infinite for what does not wait, None where it was not rated.
    """

    number: int | None
    to_epoch: int
    why: str
    stop: Mapping[int, str] = field(default_factory=dict)
    last_mean: float | None = None
    last_sd: float | None = None
    idle: bool = False
    children: bool = False
    polish: PolishProposal | None = None
    proof: ProofPiece | None = None
    rate: float | None = None


@dataclass(frozen=True)
class BudgetLeft:
    """What the budget still allows.

    Attributes:
        may_start: whether a new trial may start.
        waiting: number of queued candidates that the user asked for; these come before any other new one.
        seconds_left: seconds of work left; infinite without a limit of hours.
    """

    may_start: bool = True
    waiting: int = 0
    seconds_left: float = math.inf


NO_LIMIT = BudgetLeft()


class Scheduler(ABC):
    """Chooses the next piece of training from the trials alone; it has no memory of its own.

    `ladder` holds the epochs of the rungs, rising; the last is the whole training. A preset names a scheduler, also one
    of the user's own, by `pruner._target_`.

    Attributes:
        ends_early: whether a trial may end before its last rung.
        pauses: whether trials wait at rungs with their checkpoints, for other trials to go first.
    """

    ends_early: ClassVar[bool] = True
    pauses: ClassVar[bool] = True

    @abstractmethod
    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        """Return what to train next; None if no training is worth its time or the budget allows none.

        Args:
            trials: of the study, by number; trials that other workers train are `Phase.RUNNING`. The trial that was
                just trained to a rung is PAUSED here.
            ladder: epochs of the rungs.
            last: number of the trial that was trained just now by this worker, still in memory; None after its end.
            budget_left: seconds and new trials that the budget still allows.
        """


class Full(Scheduler):
    """Every trial is trained to its end."""

    ends_early = pauses = False

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        """Return the end of a trial that was cut short, else a new trial; only what ends in the time left."""
        why = "every trial is trained to its end"
        for trial in trials:
            if trial.phase is Phase.PAUSED and left_s(trial, ladder) <= budget_left.seconds_left:
                return Step(trial.number, ladder[-1], why)
        return Step(None, ladder[-1], why) if may_begin(trials, budget_left) else None


def next_rung(epoch: int, ladder: Sequence[int]) -> int:
    """Return the first rung behind an epoch; the last rung from there on."""
    return next((rung for rung in ladder if rung > epoch), ladder[-1])


def left_s(trial: Observed, ladder: Sequence[int]) -> float:
    """Return the seconds that a trial takes to its end, by its epochs so far; without any, its overhead."""
    epoch_s = trial.seconds[-1] / trial.epoch if trial.epoch else 0.0
    return epoch_s * (ladder[-1] - trial.epoch) + trial.overhead_s


def may_begin(trials: Sequence[Observed], budget_left: BudgetLeft) -> bool:
    """Whether a new trial may start: the budget allows it, and one as long as usual would end in the time left."""
    if not budget_left.may_start or math.isinf(budget_left.seconds_left):
        return budget_left.may_start
    whole_s = [t.seconds[-1] + t.overhead_s for t in trials if t.final is not None and t.seconds]
    return not whole_s or median(whole_s) <= budget_left.seconds_left
