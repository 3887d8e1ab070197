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
from search.engine.scheduler import Scheduler, Step, next_rung

HOPELESS = 1e-4  # expected gain, as a share of the front's hypervolume, below which a paused trial is given up


@dataclass(frozen=True)
class _Best:
    """The paused trial that is worth most."""

    number: int
    rate: float
    why: str


class GainPerSecond(Scheduler):
    """Freeze-thaw by an index (see `gain_rate`): nothing is killed early, the slow starter only waits."""

    def __init__(self, sampler: KnownLatencySampler) -> None:
        """Take the sampler: what it would propose next stands against the trials that wait."""
        if sampler.engine is None:
            raise ValueError("GainPerSecond: the sampler needs a space or a list of candidates")
        self.sampler, self.engine = sampler, sampler.engine

    def next_step(
        self,
        trials: Sequence[Observed],
        ladder: Sequence[int],
        last: int | None,
        seconds_left: float | None = None,
        may_start: bool = True,
    ) -> Step:
        """Return the step of the highest expected gain per second."""
        paused = [t for t in trials if t.phase is Phase.PAUSED]
        if paused and not any(t.final is not None for t in trials):
            first = paused[0]
            return Step(first.number, next_rung(first.epoch, ladder), "the first one shows a whole learning curve")
        plan = self.sampler.plan(trials, len(trials)) if may_start else None
        if not paused:
            return self._new(plan, ladder)
        beliefs = self.engine.beliefs(trials)
        best, hopeless = self._best_paused(beliefs, Costs(trials, self.engine.encoder), last)
        if best is not None and (plan is None or best.rate >= plan.rate):
            trial = next(t for t in paused if t.number == best.number)
            return Step(best.number, next_rung(trial.epoch, ladder), best.why, tuple(hopeless))
        return self._new(plan, ladder, tuple(hopeless))

    def _new(self, plan: Plan | None, ladder: Sequence[int], stop: tuple[int, ...] = ()) -> Step:
        why = plan.proposal.why if plan is not None else "nothing is paused"
        return Step(None, ladder[0], why, stop)

    def _best_paused(self, beliefs: Beliefs, costs: Costs, last: int | None) -> tuple[_Best | None, list[int]]:
        """Return the paused trial of the highest rate, and the numbers of those that cannot move the front."""
        indices = np.array([i for i, t in enumerate(beliefs.trials) if t.phase is Phase.PAUSED], dtype=int)
        if not len(indices):
            return None, []
        there = [beliefs.trials[i] for i in indices]
        belief, logs = beliefs.of_trials(indices), beliefs.log_latencies[indices]
        epoch_s = costs.of_trials(there)
        rungs = np.array([next_rung(t.epoch, beliefs.ladder) for t in there])
        again = np.array([0.0 if t.number == last else AGAIN * costs.overhead_s for t in there])
        step_s = (rungs - [t.epoch for t in there]) * epoch_s + again
        rest_s = (beliefs.ladder[-1] - rungs) * epoch_s + (1 - BEFORE) * costs.overhead_s
        rates = gain_rate(beliefs.front, belief.mean, belief.sd, belief.sd_after, logs, step_s, rest_s)
        gains = beliefs.front.expected_gain(belief.mean, belief.sd, logs)
        volume = max(beliefs.front.hypervolume, 1e-12)
        i = int(np.argmax(rates))
        why = (
            f"expected mAP {belief.mean[i]:.3f} ± {belief.sd[i]:.3f} in the end; "
            f"worth {gains[i] / volume:.2%} of the front's hypervolume"
        )
        hopeless = [t.number for t, gain in zip(there, gains, strict=True) if gain < HOPELESS * volume]
        best = _Best(there[i].number, float(rates[i]), why) if there[i].number not in hopeless else None
        return best, hopeless
