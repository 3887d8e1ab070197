"""The engine's scheduler: new candidates and the next rungs of old ones compete by expected gain per second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.engine.beliefs import Beliefs
from search.engine.costs import AGAIN, BEFORE, Costs
from search.engine.engine import Plan
from search.engine.gain_rate import gain_rate
from search.engine.known_latency import KnownLatencySampler
from search.engine.observed import Observed, Phase
from search.engine.scheduler import ROOMY, Room, Scheduler, Step, next_rung
from search.engine.staircase import Floats

HOPELESS = 1e-4  # expected gain, as a share of the front's hypervolume, below which a paused trial is given up,
GIVEN_UP_FROM = 0.4  # but not before this share of its training: slow starters only wait,
FINISHED_LEAST = 5  # nor before so many trials have shown whole curves
WHOLE_FIRST = 1  # trials that are trained to their end before any is compared; two cost more than they taught
WORTH_FINISHING = 5e-3  # the same, below which no paused trial is finished once no new one may start


@dataclass(frozen=True)
class _Paused:
    """The trials that wait. Arrays of shape (n,).

    Attributes:
        trials: they.
        mean: expected final accuracy.
        sd: standard deviation of that belief.
        rates: expected gain of hypervolume per second.
        shares: expected gain as a share of the front's hypervolume.
        whole_s: seconds to their end.
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

    def __init__(self, sampler: KnownLatencySampler) -> None:
        """Take the sampler: what it would propose next stands against the trials that wait."""
        if sampler.engine is None:
            raise ValueError("GainPerSecond: the sampler needs a space or a list of candidates")
        self.sampler, self.engine = sampler, sampler.engine

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, room: Room = ROOMY
    ) -> Step | None:
        """Return the step of the highest expected gain per second."""
        paused = [t for t in trials if t.phase is Phase.PAUSED]
        finished = sum(t.final is not None for t in trials)
        if paused and finished < WHOLE_FIRST:
            first = paused[0]
            return Step(first.number, next_rung(first.epoch, ladder), "the first ones show whole learning curves")
        plan = self.sampler.plan(trials, len(trials), room.seconds_left) if room.may_start else None
        waiting = self._paused(trials, last, plan)
        stop = {} if waiting is None or finished < FINISHED_LEAST else _hopeless(waiting, GIVEN_UP_FROM * ladder[-1])
        old = None if waiting is None else _best(waiting, ladder, room, stop)
        about = _about(waiting, last)
        if room.waiting and room.may_start:
            return Step(None, ladder[0], "a candidate that was asked for comes first", stop, *about)
        if old is not None and (plan is None or waiting is None or waiting.rates[old] >= plan.rate):
            assert waiting is not None
            chosen = waiting.trials[old]
            return Step(chosen.number, next_rung(chosen.epoch, ladder), waiting.text(old), stop, *about)
        return None if plan is None else Step(None, ladder[0], f"a new candidate: {plan.proposal.why}", stop, *about)

    def _paused(self, trials: Sequence[Observed], last: int | None, plan: Plan | None) -> _Paused | None:
        """Return what is believed of the paused trials; None if there is none that was seen at a rung."""
        beliefs = self.engine.beliefs(trials, plan.latency_range if plan else None)  # new and old by one measure
        indices = np.array([i for i, t in enumerate(beliefs.trials) if t.phase is Phase.PAUSED], dtype=int)
        if not len(indices):
            return None
        there = [beliefs.trials[i] for i in indices]
        belief, logs = beliefs.of_trials(indices), beliefs.log_latencies[indices]
        step_s, rest_s = self._seconds(there, beliefs, Costs(trials, self.engine.encoder), last)
        rates = gain_rate(beliefs.front, belief.mean, belief.sd, belief.sd_after, logs, step_s, rest_s)
        gains = beliefs.front.expected_gain(belief.mean, belief.sd, logs)
        shares = beliefs.front.share(gains)
        return _Paused(there, belief.mean, belief.sd, rates, shares, step_s + rest_s)

    def _seconds(
        self, trials: Sequence[Observed], beliefs: Beliefs, costs: Costs, last: int | None
    ) -> tuple[Floats, Floats]:
        """Return seconds to the next rung, and from there to the end."""
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


def _best(paused: _Paused, ladder: Sequence[int], room: Room, stop: dict[int, str]) -> int | None:
    """Return the index of the trial of the highest rate that the budget lets finish."""
    able = np.array([t.number not in stop and t.epoch < ladder[-1] for t in paused.trials])
    able &= paused.whole_s <= room.seconds_left
    if not room.may_start:
        able &= paused.shares >= WORTH_FINISHING
    return int(np.argmax(np.where(able, paused.rates, -1.0))) if able.any() else None


def _about(paused: _Paused | None, last: int | None) -> tuple[float | None, float | None]:
    """Return what is believed of the trial that was trained just now."""
    for i, trial in enumerate(paused.trials if paused else []):
        if paused is not None and trial.number == last:
            return float(paused.mean[i]), float(paused.sd[i])
    return None, None
