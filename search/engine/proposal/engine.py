"""The engine: the next candidate and the next training, by expected gain of the front."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from objectives.machine.card import MachineCard
from objectives.records.records import Proposal
from objectives.records.trial_record import Phase
from search.engine.candidates import CandidateSource, Params
from search.engine.digest import LOG_LATENCY, Digest
from search.engine.encoding import Encoder
from search.engine.models.beliefs import Beliefs
from search.engine.models.costs import Costs
from search.engine.models.experience.prior import Prior, prior_of
from search.engine.models.experience.recorded import Training
from search.engine.models.fits import Fits
from search.engine.models.latencies import LatencyBook, LatencyModel, LatencyView, NoBook
from search.engine.observed import Observed
from search.engine.proposal.families import FamilySource, FamilyView
from search.engine.proposal.pool import Pool, untried
from search.engine.proposal.rating import Rating, Worth
from search.engine.staircase import Floats

NAME = "known_latency"
SPREAD = 4  # candidates spread over the latency range before the surrogate has a say
SPREAD_NEAREST = 12  # one of so many is taken at each place
EXPLORE_EVERY = 20  # one proposal in so many is drawn at random: no wrong surrogate can lock the search in
RANGE_MARGIN = 0.1  # volume is counted so far beyond the slowest candidate, as a share of the range
BOUND_DOUBT = 2.0  # a candidate is left out if its latency less so many standard deviations is over the bound
MEASURED_MOST = 4  # candidates measured for one proposal, at most
FITS_LEAST = 0.5  # odds to fit this machine below which a candidate that is not chosen for its gain is passed over
FITS_SURELY = 0.9  # odds from which on the proposal does not mention them


@dataclass(frozen=True)
class ProposedCandidate:
    """A candidate to train next.

    Attributes:
        params: dimension name to value, without the fixed dimensions.
        proposal: why it is proposed, as it is stored with its trial.
        rate: expected gain of hypervolume per second until the candidate's next rung is known; infinite where the
            candidate comes first whatever its expected gain.
        whole_s: expected seconds of its whole trial; counted in epochs where none was timed.
        rating: the measure that the candidate was chosen by.
    """

    params: Params
    proposal: Proposal
    rate: float
    whole_s: float
    rating: Rating


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
        experience: Sequence[Training] = (),
        machine: MachineCard | None = None,
    ) -> None:
        """Set up.

        Args:
            source: where candidates come from.
            book: latencies known beside the trials'.
            seed: of all chance.
            ladder: epochs of the rungs; (1,) where trainings are not watched.
            bound_ms: latency that no candidate may exceed.
            per_second: choose by gain per second of training instead of gain per trial.
            reference: accuracy that counts as nothing.
            experience: recorded trainings of earlier studies.
            machine: that asks: seconds and memory are counted for it; None for any.
        """
        self.source, self.book, self.seed = source, book or NoBook(), seed
        self.ladder, self._bound_ms, self.per_second, self.reference = tuple(ladder), bound_ms, per_second, reference
        self.encoder = Encoder(source.distributions)
        self._experience, self._machine = tuple(experience), machine
        self._study: Digest | None = None

    @property
    def bound_ms(self) -> float | None:
        """Latency that no candidate may exceed; None for none."""
        return self.book.bound_ms() if self._bound_ms is None else self._bound_ms

    @cached_property
    def prior(self) -> Prior | None:
        """What earlier studies let expect of candidates; None for nothing."""
        return prior_of(self._experience, self.encoder, self.source.fixed) if self._experience else None

    def propose(
        self, trials: Sequence[Observed], number: int, seconds_left: float = math.inf
    ) -> ProposedCandidate | None:
        """Return the next candidate; None if there is none left to try.

        Args:
            trials: the study's.
            number: of the trial to come; number and seed together decide all chance.
            seconds_left: candidates that would take longer are left out.
        """
        rng = np.random.default_rng([self.seed, number])
        study, pool, rating = self._rated_pool(trials, rng, seconds_left)
        if not pool.params:
            return None
        seen = np.setdiff1d(study.measured, study.where(Phase.OVER_BOUND, study.measured), assume_unique=True)
        if len(seen) < SPREAD or not rating.beliefs.trials:
            pool, i, proposal, rate = self._spread(_likely(pool, rating), study.column(LOG_LATENCY, seen), rating, rng)
        elif number % EXPLORE_EVERY == EXPLORE_EVERY - 1:
            pool, i, proposal, rate = self._explored(pool, rating, rng)
        else:
            pool, i, proposal, rate = self._best(pool, rating)
        return _as_proposed(pool, i, proposal, rate, rating)

    def families(self, trials: Sequence[Observed]) -> list[FamilyView | None]:
        """Return what is known of the families of trials as of the last call; None for those without children."""
        study = self._study or Digest(trials)
        model = LatencyModel(study, self.book, self.encoder)
        return self._family_source().views([t.params for t in trials], model)

    def rate_of_new(self, trials: Sequence[Observed], seconds_left: float = math.inf) -> float:
        """Return the gain per second that the best new candidate promises, as far as is known without measuring.

        0 where there is none; infinite while too little is known to rate candidates.
        """
        rng = np.random.default_rng([self.seed, len(trials)])
        _, pool, rating = self._rated_pool(trials, rng, seconds_left)
        if not pool.params:
            return 0.0
        return float(replace(rating, per_second=True).worth(pool).rates.max()) if rating.beliefs.trials else math.inf

    def look(self, trials: Sequence[Observed]) -> Rating:
        """Return the measure by which trials are rated where no candidate is proposed."""
        study = self._read(trials)
        return self._rating(study, self._span(study.column(LOG_LATENCY, study.measured)), math.inf)

    def _read(self, trials: Sequence[Observed]) -> Digest:
        """Return the digest of the trials; that of the last call only saves time."""
        self.book.refresh(trials)
        self._study = Digest(trials, self._study)
        return self._study

    def _rating(self, study: Digest, span: tuple[float, float], seconds_left: float) -> Rating:
        beliefs = Beliefs(study, self.ladder, self.encoder, span, self.reference, self.prior)
        machine = self._machine
        costs = Costs(study, self.encoder, machine.kind if machine else "")
        fits = Fits(study, self.encoder, machine.gpu_memory_mb if machine else 0)
        return Rating(beliefs, costs, fits, self.book, self.per_second, seconds_left)

    def _span(self, logs: Floats) -> tuple[float, float]:
        low, high = (float(logs.min()), float(logs.max())) if len(logs) else (0.0, 1.0)
        if (bound_ms := self.bound_ms) is not None:
            high = min(high, math.log(bound_ms))
        return low, max(high + RANGE_MARGIN * (high - low), low + 1e-3)

    def _pool_span(self, study: Digest, latency: LatencyView) -> tuple[float, float]:
        """Return the range of the trials and a pool; of foretold latencies, the likely part."""
        foretold = latency.log[~latency.measured]
        likely = np.quantile(foretold, [0.02, 0.98]) if len(foretold) else foretold
        return self._span(
            np.concatenate([study.column(LOG_LATENCY, study.measured), latency.log[latency.measured], likely])
        )

    # The pool

    def _rated_pool(
        self, trials: Sequence[Observed], rng: np.random.Generator, seconds_left: float
    ) -> tuple[Digest, Pool, Rating]:
        """Return the digest of the trials, candidates that end in the time left, and what they are rated by."""
        study = self._read(trials)
        pool = self._pool(study, rng)
        rating = self._rating(study, self._pool_span(study, pool.latency), seconds_left)
        return study, pool.only(rating.in_time(pool)), rating

    def _family_source(self) -> FamilySource:
        bound_ms = self.bound_ms
        return FamilySource(self.source, self.encoder, math.inf if bound_ms is None else math.log(bound_ms))

    def _pool(self, study: Digest, rng: np.random.Generator) -> Pool:
        params = untried(self.source, study, rng)
        bound_ms = self.bound_ms
        families = self._family_source()
        params = families.fewer(params, rng)
        rows, model = self.encoder.encode(params), LatencyModel(study, self.book, self.encoder)
        pool = Pool(params, rows, model.view(params, rows))
        pool = pool.only(np.isfinite(pool.latency.log))
        pool = replace(pool, families=families.views(pool.params, model))
        if bound_ms is None or not pool.params:
            return pool
        kept = pool.latency.log - BOUND_DOUBT * pool.latency.sd <= np.log(bound_ms)
        for i in np.flatnonzero(pool.elastic):
            family = pool.families[int(i)]
            kept[i] = family is not None and families.fits(family, BOUND_DOUBT)
        return pool.only(kept if kept.any() else ~pool.latency.measured)  # a model bars some, never all

    # Proposals

    def _spread(self, pool: Pool, seen: Floats, rating: Rating, rng: np.random.Generator) -> _Chosen:
        """Propose a candidate near the place of the latency range that is emptiest: what experience puts first."""
        places = np.linspace(0.05, 0.95, SPREAD)
        low, high = rating.beliefs.latency_range
        place = _emptiest(places, (seen - low) / (high - low))
        nearest = np.argsort(np.abs((pool.latency.log - low) / (high - low) - place), kind="stable")
        near = nearest[:SPREAD_NEAREST]
        i = int(rng.choice(near, p=None if self.prior is None else self.prior.favour(pool.rows[near])))
        why = f"spread over the latency range, {place:.0%} of the way from the fastest to the slowest"
        role = "spread" if len(seen) else "baseline"
        return pool, i, Proposal(role, NAME, why), np.inf

    def _explored(self, pool: Pool, rating: Rating, rng: np.random.Generator) -> _Chosen:
        best = rating.worth(pool).rates.max() if self.per_second else None
        likely = _likely(pool, rating)
        i = int(rng.integers(len(likely.params)))
        one = likely.only(np.arange(len(likely.params)) == i)
        worth = rating.worth(one)
        why = f"drawn at random, as one in {EXPLORE_EVERY} is: no wrong surrogate can lock the search in"
        rate = float(worth.rates[0] if best is None else best)
        return one, 0, _proposal("explore", why, one, 0, rating, worth), rate

    def _best(self, pool: Pool, rating: Rating) -> _Chosen:
        """Propose the candidate of the highest gain; one whose latency is a guess is measured first."""
        for measured in range(MEASURED_MOST + 1):
            worth = rating.worth(pool)
            counted = worth.rates if self.per_second else worth.odds * worth.gains
            i = int(np.argmax(counted))
            if pool.latency.measured[i] or measured == MEASURED_MOST or pool.elastic[i]:
                break  # a family's worth hangs on no single latency
            params = pool.params[i]
            odds, ms = self.book.odds(params), self.book.measure(params)
            if ms is None and self.book.odds(params) == odds:
                break
            left = pool if ms is None else self._without(pool, i, ms)
            if not left.params:
                break
            pool = left
        share = float(rating.beliefs.front.share(worth.gains[i]))
        why = f"highest expected gain of the front among {len(pool.params)} candidates: {share:.2%} of its hypervolume"
        return pool, i, _proposal("gain", why + _about_odds(worth, i), pool, i, rating, worth), float(worth.rates[i])

    def _without(self, pool: Pool, i: int, ms: float) -> Pool:
        """Return a pool after a measurement: without one over the bound, or all of a kind that failed."""
        if math.isinf(ms):
            known = self.book.lookup()
            failed = np.array([math.isinf(known(p) or 0.0) for p in pool.params])
            failed[i] = True
            return pool.only(~failed)
        if self.bound_ms is not None and ms > self.bound_ms:
            return pool.only(np.arange(len(pool.params)) != i)
        return pool.with_latency(i, ms)


def _likely(pool: Pool, rating: Rating) -> Pool:
    """Return the candidates that are likely to fit this machine; all candidates where none is."""
    likely = rating.odds(pool) >= FITS_LEAST
    return pool.only(likely) if likely.any() else pool


def _about_odds(worth: Worth, i: int) -> str:
    """Return a clause on whether the chosen candidate fits this machine; empty where that did not matter."""
    if worth.odds[i] < FITS_SURELY:
        return f"; it fits this machine with a probability of {worth.odds[i]:.0%}"
    better = worth.odds < FITS_LEAST
    count = int(np.sum(better & (worth.gains > worth.gains[i])))
    return f"; {count} that promise more would probably not fit this machine" if count else ""


def _proposal(role: str, why: str, pool: Pool, i: int, rating: Rating, worth: Worth) -> Proposal:
    belief = rating.beliefs.of_candidates(pool.rows[i : i + 1], pool.latency.log[i : i + 1])
    share = float(rating.beliefs.front.share(worth.odds[i] * worth.gains[i]))
    return Proposal(role, NAME, why, share, float(belief.mean[0]), float(belief.sd[0]))


def _as_proposed(pool: Pool, i: int, proposal: Proposal, rate: float, rating: Rating) -> ProposedCandidate:
    latency_ms = float(np.exp(pool.latency.log[i]))
    sd_ms = latency_ms * float(pool.latency.sd[i])
    measured = bool(pool.latency.measured[i])
    why = proposal.why + rating.beliefs.experienced(pool.rows[i])
    known = replace(proposal, why=why, latency_ms=latency_ms, latency_sd_ms=sd_ms, latency_measured=measured)
    return ProposedCandidate(pool.params[i], known, rate, float(rating.whole_s(pool)[i]), rating)


def _emptiest(places: Floats, taken: Floats) -> float:
    """Return the place farthest from the taken ones, among the places that no taken one is nearest to."""
    if not len(taken):
        return float(places[0])
    gaps = np.abs(places[:, None] - taken)
    nearest = np.unique(np.argmin(gaps, axis=0))
    free = gaps.min(axis=1)
    free[nearest] = -1.0
    return float(places[int(np.argmax(free))])
