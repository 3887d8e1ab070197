"""The simplest scheduler that stops: a trial that is far behind trials no slower than it."""

from collections.abc import Sequence
from dataclasses import dataclass

from objectives.records.trial_record import Phase
from search.engine.observed import Observed
from search.engine.schedulers.scheduler import NO_LIMIT, BudgetLeft, Scheduler, Step, left_s, may_begin, next_rung
from spaces.errors import SettingsError


@dataclass(frozen=True)
class Contender:
    """A trial in the race.

    Attributes:
        number: number of the trial.
        p50_ms: median latency of the trial, known before training.
        accuracies: epoch of each rung that the trial has reached -> mAP there.
    """

    number: int
    p50_ms: float
    accuracies: dict[int, float]


@dataclass(frozen=True)
class Dominated(Scheduler):
    """Trains one trial after the other and stops one that is far behind trials no slower than it.

    A trial is judged against trials that are not slower than it: large detectors learn more slowly and stand at another
    place of the front.

    Attributes:
        better_min: a trial stops if at least this many trials that are no slower are ahead,
        tolerance: and the mAP below this share of the best such trial's, in [0, 1].
    """

    better_min: int
    tolerance: float

    pauses = False

    def __post_init__(self) -> None:
        if self.better_min < 1:
            raise SettingsError(f"pruner.better_min: must be 1 or more, got {self.better_min}")
        if not 0 <= self.tolerance <= 1:
            raise SettingsError(f"pruner.tolerance: must lie in [0, 1], got {self.tolerance}")

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        """Return the trial itself, unless it is to stop; else a new one; only what ends in the time left."""
        paused = [t for t in trials if t.phase is Phase.PAUSED]
        stop = {t.number: reason for t in paused if t.number == last and (reason := self._reason(t, trials))}
        for trial in paused:
            if trial.number not in stop and left_s(trial, ladder) <= budget_left.seconds_left:
                return Step(trial.number, next_rung(trial.epoch, ladder), "not far behind trials no slower", stop)
        begins = may_begin(trials, budget_left)
        return Step(None, ladder[0], "the last trial ended", stop, idle=not begins) if begins or stop else None

    def reason_to_stop(self, contender: Contender, epoch: int, others: Sequence[Contender]) -> str:
        """Return why a trial should stop at a rung, in words; empty to let it go on."""
        accuracy = contender.accuracies[epoch]
        rivals = [other for other in others if other.p50_ms <= contender.p50_ms and epoch in other.accuracies]
        ahead = [other for other in rivals if other.accuracies[epoch] > accuracy]
        if len(ahead) < self.better_min:
            return ""
        best = max(ahead, key=lambda other: other.accuracies[epoch])
        if accuracy >= self.tolerance * best.accuracies[epoch]:
            return ""
        return (
            f"epoch {epoch}: mAP {accuracy:.3f} at {contender.p50_ms:.1f} ms; {len(ahead)} trials no slower are ahead, "
            f"trial {best.number} had {best.accuracies[epoch]:.3f} at {best.p50_ms:.1f} ms"
        )

    def _reason(self, trial: Observed, trials: Sequence[Observed]) -> str:
        if not trial.epochs:
            return ""
        others = [_contender(t) for t in trials if t.number != trial.number and t.latency_ms and t.epochs]
        return self.reason_to_stop(_contender(trial), trial.epochs[-1], others)


def _contender(trial: Observed) -> Contender:
    return Contender(trial.number, trial.latency_ms or 0.0, dict(zip(trial.epochs, trial.accuracies, strict=True)))
