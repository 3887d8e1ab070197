"""The engine: the next candidate and the next training, by expected gain of the front."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from objectives.records import Proposal
from search.engine.beliefs import Beliefs
from search.engine.candidates import CandidateSource, Params
from search.engine.costs import BEFORE, Costs
from search.engine.encoding import Encoder
from search.engine.gain_rate import gain_rate
from search.engine.latencies import LatencyBook, LatencyModel, LatencyView, NoBook
from search.engine.observed import Observed, Phase
from search.engine.pool import Pool, untried
from search.engine.staircase import Floats

NAME = "known_latency"
SPREAD = 4  # candidates spread over the latency range before the surrogate has a say
SPREAD_NEAREST = 12  # one of so many is taken at each place
EXPLORE_EVERY = 20  # one proposal in so many is drawn at random: no wrong surrogate can lock the search in
MARGIN = 0.1  # volume is counted so far beyond the slowest candidate, as a share of the range: the slow end counts too
BOUND_DOUBT = 2.0  # a candidate is left out if its latency less so many standard deviations is over the bound
MEASURED_MOST = 4  # candidates measured for one proposal, at most
LATENCY_NODES = (-np.sqrt(3.0), 0.0, np.sqrt(3.0))  # Gauss-Hermite of three nodes for N(0, 1)
LATENCY_WEIGHTS = (1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0)


@dataclass(frozen=True)
class Plan:
    """A candidate to train next.

    Attributes:
        params: its parameters.
        proposal: why.
        rate: expected gain of hypervolume per second until its next rung is known; infinite where it comes first
            whatever it promises.
        whole_s: expected seconds of its whole trial; counted in epochs where none was timed.
        latency_range: log latency of the fastest and slowest candidate that volume was counted between.
    """

    params: Params
    proposal: Proposal
    rate: float
    whole_s: float
    latency_range: tuple[float, float]


_Chosen = tuple[Pool, int, Proposal, float]  # the candidate's place in a pool, why, and its rate


class Engine:
    """Proposes candidates; has no memory, so that the trials alone decide what comes next."""

    def __init__(
        self,
        source: CandidateSource,
        book: LatencyBook | None = None,
        seed: int = 0,
        ladder: Sequence[int] = (1,),
        bound_ms: float | None = None,
        per_second: bool = False,
        reference: float = 0.0,
    ) -> None:
        """Set up.

        Args:
            source: of candidates.
            book: latencies known beside the trials'.
            seed: of all chance.
            ladder: epochs of the rungs; (1,) where trainings are not watched.
            bound_ms: latency that no candidate may exceed.
            per_second: choose by gain per second of training instead of gain per trial.
            reference: accuracy that counts as nothing.
        """
        self.source, self.book, self.seed = source, book or NoBook(), seed
        self.ladder, self._bound_ms, self.per_second, self.reference = tuple(ladder), bound_ms, per_second, reference
        self.encoder = Encoder(source.distributions)

    @property
    def bound_ms(self) -> float | None:
        """Latency that no candidate may exceed; None for none."""
        return self.book.bound_ms() if self._bound_ms is None else self._bound_ms

    def plan(self, trials: Sequence[Observed], number: int, seconds_left: float = math.inf) -> Plan | None:
        """Return the next candidate; None if there is none left to try.

        Args:
            trials: the study's.
            number: of the trial to come; it decides all chance, together with the seed.
            seconds_left: candidates that would take longer are left out.
        """
        rng = np.random.default_rng([self.seed, number])
        self.book.refresh(trials)
        costs = Costs(trials, self.encoder)
        pool = self._pool(trials, rng)
        if math.isfinite(seconds_left) and pool.params:
            pool = pool.only(self._whole_s(pool, costs) <= seconds_left)
        if not pool.params:
            return None
        seen = [t for t in trials if t.latency_ms is not None and t.phase is not Phase.OVER_BOUND]
        beliefs = self.beliefs(trials, self._pool_span(trials, pool.latency))
        if len(seen) < SPREAD or not beliefs.trials:
            pool, i, proposal, rate = self._spread(pool, seen, beliefs.latency_range, rng)
        elif number % EXPLORE_EVERY == EXPLORE_EVERY - 1:
            pool, i, proposal, rate = self._explored(pool, beliefs, costs, rng)
        else:
            pool, i, proposal, rate = self._best(pool, beliefs, costs)
        return self._plan(pool, i, proposal, rate, float(self._whole_s(pool, costs)[i]), beliefs.latency_range)

    def _whole_s(self, pool: Pool, costs: Costs) -> Floats:
        whole: Floats = self.ladder[-1] * costs.of_candidates(pool.rows, pool.latency.log) + costs.overhead_s
        return whole

    def beliefs(self, trials: Sequence[Observed], span: tuple[float, float] | None = None) -> Beliefs:
        """Return what is believed of the trials.

        Args:
            trials: the study's.
            span: log latencies that volume is counted between, as of a plan; those of the trials where left out.
        """
        span = span or self._span([t.log_latency for t in trials if t.latency_ms is not None])
        return Beliefs(trials, self.ladder, self.encoder, span, self.reference)

    def _span(self, logs: Sequence[float]) -> tuple[float, float]:
        low, high = (min(logs), max(logs)) if logs else (0.0, 1.0)
        if (bound_ms := self.bound_ms) is not None:
            high = min(high, math.log(bound_ms))
        return float(low), float(max(high + MARGIN * (high - low), low + 1e-3))

    def _pool_span(self, trials: Sequence[Observed], latency: LatencyView) -> tuple[float, float]:
        """Return the range of the trials and a pool; of foretold latencies, the likely part."""
        logs = [t.log_latency for t in trials if t.latency_ms is not None]
        logs += list(latency.log[latency.measured])
        if not latency.measured.all():
            logs += list(np.quantile(latency.log[~latency.measured], [0.02, 0.98]))
        return self._span(logs)

    # The pool

    def _pool(self, trials: Sequence[Observed], rng: np.random.Generator) -> Pool:
        params = untried(self.source, trials, rng)
        rows = self.encoder.encode(params)
        pool = Pool(params, rows, LatencyModel(trials, self.book, self.encoder).view(params, rows))
        pool = pool.only(np.isfinite(pool.latency.log))
        bound_ms = self.bound_ms
        if bound_ms is None or not pool.params:
            return pool
        kept = pool.latency.log - BOUND_DOUBT * pool.latency.sd <= np.log(bound_ms)
        return pool.only(kept if kept.any() else ~pool.latency.measured)  # a model bars some, never all

    # Proposals

    def _spread(
        self, pool: Pool, seen: Sequence[Observed], span: tuple[float, float], rng: np.random.Generator
    ) -> _Chosen:
        """Propose the candidate nearest to the place of the latency range that is emptiest."""
        places = np.linspace(0.05, 0.95, SPREAD)
        low, high = span
        taken = np.array([(np.log(t.latency_ms or 1.0) - low) / (high - low) for t in seen])
        place = _emptiest(places, taken)
        nearest = np.argsort(np.abs((pool.latency.log - low) / (high - low) - place), kind="stable")
        i = int(rng.choice(nearest[:SPREAD_NEAREST]))
        why = f"spread over the latency range, {place:.0%} of the way from the fastest to the slowest"
        role = "spread" if seen else "baseline"
        return pool, i, Proposal(role, NAME, why), np.inf

    def _explored(self, pool: Pool, beliefs: Beliefs, costs: Costs, rng: np.random.Generator) -> _Chosen:
        i = int(rng.integers(len(pool.params)))
        one = pool.only(np.arange(len(pool.params)) == i)
        gains, rates = self._worth(one, beliefs, costs)
        why = f"drawn at random, as one in {EXPLORE_EVERY} is: no wrong surrogate can lock the search in"
        best = self._worth(pool, beliefs, costs)[1].max() if self.per_second else rates[0]
        return one, 0, self._proposal("explore", why, one, 0, beliefs, float(gains[0])), float(best)

    def _best(self, pool: Pool, beliefs: Beliefs, costs: Costs) -> _Chosen:
        """Propose the candidate of the highest gain; one whose latency is a guess is measured first."""
        for measured in range(MEASURED_MOST + 1):
            gains, rates = self._worth(pool, beliefs, costs)
            i = int(np.argmax(rates if self.per_second else gains))
            if pool.latency.measured[i] or measured == MEASURED_MOST:
                break
            ms = self.book.measure(pool.params[i])
            if ms is None:
                break
            left = self._without(pool, i, ms)
            if not left.params:
                break
            pool = left
        share = float(beliefs.front.share(gains[i]))
        why = f"highest expected gain of the front among {len(pool.params)} candidates: {share:.2%} of its hypervolume"
        return pool, i, self._proposal("gain", why, pool, i, beliefs, float(gains[i])), float(rates[i])

    def _without(self, pool: Pool, i: int, ms: float) -> Pool:
        """Return a pool after a measurement: the candidate out if it is over the bound, its whole kind if it failed."""
        if math.isinf(ms):
            known = self.book.lookup()
            failed = np.array([math.isinf(known(p) or 0.0) for p in pool.params])
            failed[i] = True
            return pool.only(~failed)
        if self.bound_ms is not None and ms > self.bound_ms:
            return pool.only(np.arange(len(pool.params)) != i)
        return pool.with_latency(i, ms)

    def _worth(self, pool: Pool, beliefs: Beliefs, costs: Costs) -> tuple[Floats, Floats]:
        """Return expected gain of hypervolume and gain per second of each candidate, over its latency's doubt."""
        belief = beliefs.of_candidates(pool.rows, pool.latency.log)
        epoch_s = costs.of_candidates(pool.rows, pool.latency.log) if self.per_second else np.ones(len(pool.params))
        step_s = self.ladder[0] * epoch_s + BEFORE * costs.overhead_s
        rest_s = (self.ladder[-1] - self.ladder[0]) * epoch_s + (1 - BEFORE) * costs.overhead_s
        gains, rates = np.zeros(len(pool.params)), np.zeros(len(pool.params))
        certain = bool(pool.latency.measured.all())
        for node, weight in [(0.0, 1.0)] if certain else zip(LATENCY_NODES, LATENCY_WEIGHTS, strict=True):
            log = pool.latency.log + node * pool.latency.sd
            gains += weight * beliefs.front.expected_gain(belief.mean, belief.sd, log)
            if self.per_second:
                rates += weight * gain_rate(beliefs.front, belief.mean, belief.sd, belief.sd_after, log, step_s, rest_s)
        return gains, rates if self.per_second else gains / (step_s + rest_s)

    def _proposal(self, role: str, why: str, pool: Pool, i: int, beliefs: Beliefs, gain: float) -> Proposal:
        belief = beliefs.of_candidates(pool.rows[i : i + 1], pool.latency.log[i : i + 1])
        share = float(beliefs.front.share(gain))
        return Proposal(role, NAME, why, share, float(belief.mean[0]), float(belief.sd[0]))

    def _plan(
        self, pool: Pool, i: int, proposal: Proposal, rate: float, whole_s: float, span: tuple[float, float]
    ) -> Plan:
        latency_ms = float(np.exp(pool.latency.log[i]))
        sd_ms = latency_ms * float(pool.latency.sd[i])
        measured = bool(pool.latency.measured[i])
        known = replace(proposal, latency_ms=latency_ms, latency_sd_ms=sd_ms, latency_measured=measured)
        return Plan(pool.params[i], known, rate, whole_s, span)


def _emptiest(places: Floats, taken: Floats) -> float:
    """Return the place farthest from what is taken, among those that no taken one is nearest to."""
    if not len(taken):
        return float(places[0])
    gaps = np.abs(places[:, None] - taken)
    nearest = np.unique(np.argmin(gaps, axis=0))
    free = gaps.min(axis=1)
    free[nearest] = -1.0
    return float(places[int(np.argmax(free))])
