"""Schedulers: which training goes on next, a new one or the next rung of an old one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from search.engine.observed import Observed, Phase


@dataclass(frozen=True)
class Step:
    """The next piece of training.

    Attributes:
        number: the trial that goes on; None starts a new one.
        to_epoch: the rung to train to; the scheduler is asked again there.
        why: one line for people.
        stop: numbers of the paused trials that will never go on (their checkpoints can be removed).
    """

    number: int | None
    to_epoch: int
    why: str
    stop: tuple[int, ...] = ()


class Scheduler(ABC):
    """Chooses the next piece of training from the trials alone; it has no memory of its own.

    `ladder` holds the epochs of the rungs, rising; the last is the whole training.
    """

    @abstractmethod
    def next_step(self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None) -> Step:
        """Return what to train next.

        Args:
            trials: the study's, by number; those that other workers train are `Phase.RUNNING`. The trial that was
                just trained to a rung is PAUSED here.
            ladder: epochs of the rungs.
            last: number of the trial that was trained just now by this worker, still in memory; None after its end.
        """


class Full(Scheduler):
    """Every trial is trained to its end."""

    def next_step(self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None) -> Step:
        """Return the end of a trial that was cut short, else a new trial."""
        for trial in trials:
            if trial.phase is Phase.PAUSED:
                return Step(trial.number, ladder[-1], "every trial is trained to its end")
        return Step(None, ladder[-1], "every trial is trained to its end")


def next_rung(epoch: int, ladder: Sequence[int]) -> int:
    """Return the first rung behind an epoch; the last rung from there on."""
    return next((rung for rung in ladder if rung > epoch), ladder[-1])
