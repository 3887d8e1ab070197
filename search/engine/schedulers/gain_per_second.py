"""The engine's scheduler: new candidates and the next rungs of old ones compete by expected gain per second."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from objectives.records.trial_record import Phase
from search.engine.known_latency import KnownLatencySampler
from search.engine.models.costs import AGAIN, BEFORE
from search.engine.observed import Observed
from search.engine.proposal.engine import SPREAD, ProposedCandidate
from search.engine.proposal.families import family_gains
from search.engine.proposal.gain_rate import gain_rate
from search.engine.proposal.rating import Rating, filled
from search.engine.schedulers.scheduler import NO_LIMIT, BudgetLeft, Scheduler, Step, left_s, next_rung
from search.engine.staircase import Floats

HOPELESS = 1e-4  # expected gain, as a share of the front's hypervolume, below which a paused trial is given up,
GIVEN_UP_FROM = 0.4  # but not before this share of its training: slow starters only wait,
FINISHED_LEAST = 5  # nor before so many trials have shown whole curves
NOTHING = "it has shown no accuracy at all"
SHOWN_LEAST = 0.2  # of their final accuracy: where ended trials had shown less at the first rung, SPREAD end first
LATE = 1.1  # a paused trial must end in so much less than the time left; the one in memory in the time left itself
WORTH_FINISHING = 5e-3  # the same, below which no paused trial is finished once no new one may start


@dataclass(frozen=True)
class _Paused:
    """The trials that wait. Arrays of shape (n,).

    Attributes:
        trials: the paused trials, by number.
        mean: expected final accuracy, in [0, 1].
        sd: standard deviation of that belief.
        rates: expected gain of hypervolume per second.
        shares: expected gain as a share of the front's hypervolume.
        whole_s: expected seconds of training to the end of each trial.
    """

    trials: list[Observed]
    mean: Floats
    sd: Floats
    rates: Floats
    shares: Floats
    whole_s: Floats

    def text(self, i: int) -> str:
        """Return one line about a trial."""
        return (
            f"expected mAP {self.mean[i]:.3f} ± {self.sd[i]:.3f} in the end, "
            f"worth {self.shares[i]:.2%} of the front's hypervolume"
        )


class GainPerSecond(Scheduler):
    """Freeze-thaw by an index (see `gain_rate`): nothing is killed early, the slow starter only waits.

    With another sampler than the engine's, new candidates are credited with what the engine's own would be worth.
    """

    def __init__(self, known_latency: KnownLatencySampler) -> None:
        """Take the engine's sampler: the candidate that it would propose next competes with the paused trials."""
        if known_latency.engine is None:
            raise ValueError("GainPerSecond: the sampler needs a space or a list of candidates")
        self.sampler, self.engine = known_latency, known_latency.engine

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        """Return the step of the highest expected gain per second; an idle one where there only is what stops."""
        mute = {t.number: NOTHING for t in trials if t.phase is Phase.PAUSED and t.epochs and t.best is None}
        ended = [t for t in trials if t.final is not None and t.shows_curve]
        if early := _early(trials, ended, ladder, mute, budget_left):
            why = "the first ones show whole learning curves"
            return Step(early.number, next_rung(early.epoch, ladder), why, mute, rate=math.inf)
        seconds_left = budget_left.seconds_left
        proposed = self.sampler.propose(trials, len(trials), seconds_left) if budget_left.may_start else None
        waiting = self._paused(trials, last, proposed, budget_left)
        stop = mute | ({} if len(ended) < FINISHED_LEAST else _hopeless(waiting, GIVEN_UP_FROM * ladder[-1]))
        old = _best(waiting, ladder, budget_left, stop, last)
        about = _about(waiting, last)
        if budget_left.waiting and budget_left.may_start:
            why = "a candidate that was asked for comes first"
            return Step(None, ladder[0], why, stop, *about, rate=math.inf)
        if old is not None and (proposed is None or waiting.rates[old] >= proposed.rate):
            chosen = waiting.trials[old]
            rate = float(waiting.rates[old])
            return Step(chosen.number, next_rung(chosen.epoch, ladder), waiting.text(old), stop, *about, rate=rate)
        if proposed is not None:
            why = f"a new candidate: {proposed.proposal.why}"
            return Step(None, ladder[0], why, stop, *about, rate=proposed.rate)
        return Step(None, ladder[0], "nothing is worth training now", stop, *about, idle=True) if stop else None

    def _paused(
        self, trials: Sequence[Observed], last: int | None, proposed: ProposedCandidate | None, budget_left: BudgetLeft
    ) -> _Paused:
        """Return what is believed of the paused trials that were seen at a rung."""
        rating = self.engine.look(trials) if proposed is None else proposed.rating  # new and old by one measure
        beliefs = rating.beliefs
        indices = np.array([i for i, t in enumerate(beliefs.trials) if t.phase is Phase.PAUSED], dtype=int)
        there = [beliefs.trials[i] for i in indices]
        belief, logs = beliefs.of_trials(indices), beliefs.log_latencies[indices]
        step_s, rest_s = self._seconds(there, rating, last)
        rates = gain_rate(beliefs.front, belief.mean, belief.sd, belief.sd_after, logs, step_s, rest_s)
        gains = beliefs.front.expected_gain(belief.mean, belief.sd, logs)
        whole_s = step_s + rest_s
        views = self.engine.families(there)
        elastic = np.array([view is not None for view in views], dtype=bool)
        if elastic.any():  # they are worth what their children will be
            gains[elastic] = family_gains([view for view in views if view is not None], beliefs)
            rates[elastic] = gains[elastic] / whole_s[elastic]
        timed = filled(whole_s, budget_left.seconds_left) if rating.costs.known else 1.0
        return _Paused(there, belief.mean, belief.sd, rates * timed, beliefs.front.share(gains), whole_s)

    def _seconds(self, trials: Sequence[Observed], rating: Rating, last: int | None) -> tuple[Floats, Floats]:
        """Return seconds to the next rung, and from there to the end."""
        beliefs, costs = rating.beliefs, rating.costs
        epoch_s = costs.of_trials(trials)
        epochs = np.array([t.epoch for t in trials])
        rungs = np.array([next_rung(t.epoch, beliefs.ladder) for t in trials])
        again = np.array([0.0 if t.number == last else AGAIN * costs.overhead_s for t in trials])
        to_end = np.maximum(beliefs.ladder[-1] - rungs, 0)
        step_s = np.maximum(rungs - epochs, 1e-3) * epoch_s + again
        return step_s, to_end * epoch_s + (1 - BEFORE) * costs.overhead_s


def _hopeless(paused: _Paused, from_epoch: float) -> dict[int, str]:
    """Return the trials that cannot move the front any more, and why."""
    return {
        trial.number: f"{paused.text(i)}: it cannot move the front any more"
        for i, trial in enumerate(paused.trials)
        if paused.shares[i] < HOPELESS and trial.epoch >= from_epoch
    }


def _early(
    trials: Sequence[Observed],
    ended: Sequence[Observed],
    ladder: Sequence[int],
    mute: dict[int, str],
    budget_left: BudgetLeft,
) -> Observed | None:
    """Return the paused trial that is brought to its end before any is judged by its curve."""
    if len(ended) >= SPREAD or _shown(ended, ladder[0]) >= SHOWN_LEAST:
        return None
    for trial in trials:
        if (
            trial.phase is Phase.PAUSED
            and trial.number not in mute
            and left_s(trial, ladder) <= budget_left.seconds_left
        ):
            return trial
    return None


def _shown(ended: Sequence[Observed], epoch: int) -> float:
    """Return which share of their final accuracy ended trials usually had shown at an epoch; 0 while none has ended."""
    return median([(t.best_until(epoch) or 0.0) / t.final for t in ended if t.final] or [0.0])


def _best(
    paused: _Paused, ladder: Sequence[int], budget_left: BudgetLeft, stop: dict[int, str], last: int | None
) -> int | None:
    """Return the index of the trial of the highest rate that the budget lets finish."""
    able = np.array([t.number not in stop and t.epoch < ladder[-1] for t in paused.trials], dtype=bool)
    late = np.array([1.0 if t.number == last else LATE for t in paused.trials])
    able &= late * paused.whole_s <= budget_left.seconds_left
    if not budget_left.may_start:
        able &= paused.shares >= WORTH_FINISHING
    return int(np.argmax(np.where(able, paused.rates, -1.0))) if able.any() else None


def _about(paused: _Paused, last: int | None) -> tuple[float | None, float | None]:
    """Return what is believed of the trial that was trained just now."""
    for i, trial in enumerate(paused.trials):
        if trial.number == last:
            return float(paused.mean[i]), float(paused.sd[i])
    return None, None
