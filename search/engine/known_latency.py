"""An Optuna sampler for two objectives, accuracy and latency, that knows latency before training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from objectives.machine.card import MachineCard
from objectives.records.stored.proposal import write_proposal
from objectives.records.trial_record import Phase
from search.engine.candidates import CandidateSource, ListedCandidates, Params, SpaceCandidates, flat_space
from search.engine.models.experience.recorded import Training
from search.engine.models.latencies import FunctionBook, LatencyBook
from search.engine.observed import Observed, observe
from search.engine.proposal.engine import Engine, ProposedCandidate
from spaces.errors import SettingsError
from spaces.space import SearchSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class _Remembered:
    """A proposed candidate, and the trials, trial number and seconds left that it was proposed for."""

    trials: list[Observed]
    number: int
    seconds_left: float
    proposed: ProposedCandidate | None

    def serves(self, trials: Sequence[Observed], number: int, seconds_left: float) -> bool:
        """Whether the proposal still stands: the trials are where they were, and there is time for it.

        A trial that asks gives no time: it gets what was proposed for it before. Less time leaves a candidate the
        best one as long as it fits.
        """
        if number != self.number or len(trials) != len(self.trials):
            return False
        if not all(
            one is other or _stands(one) == _stands(other) for one, other in zip(trials, self.trials, strict=True)
        ):
            return False
        if math.isinf(seconds_left):
            return True
        return seconds_left <= self.seconds_left and (self.proposed is None or self.proposed.whole_s <= seconds_left)


def _stands(trial: Observed) -> tuple[int, Phase, int, float | None]:
    return trial.number, trial.phase, trial.epoch, trial.latency_ms


class KnownLatencySampler(optuna.samplers.BaseSampler):
    """Proposes the candidate of the highest expected gain of hypervolume.

    Directions of the study: accuracy up, latency down. It keeps nothing but its settings: the study's trials decide,
    and the seed with the trial's number. What it proposes for is one of

    - `candidates`: a list to choose from,
    - `space`: a search space with conditions,
    - neither: the dimensions that the study's trials have in common, of which the first trials are drawn at random.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        space: SearchSpace | None = None,
        candidates: Sequence[Params] | None = None,
        distributions: "Mapping[str, BaseDistribution] | None" = None,
        latency_ms: "Callable[[Params], float | None] | LatencyBook | None" = None,
        ladder: Sequence[int] = (1,),
        bound_ms: float | None = None,
        per_second: bool = False,
        experience: Sequence[Training] = (),
        machine: MachineCard | None = None,
    ) -> None:
        """Set up.

        Args:
            seed: of all chance.
            space: what may be proposed.
            candidates: a list of what may be proposed, each a mapping of parameters, instead of a space.
            distributions: of the parameters of `candidates`; where left out, the values that occur are categories.
            latency_ms: latencies known without a trial, in ms.
            ladder: epochs at which trials are evaluated; their curves lie in the store.
            bound_ms: latency that no candidate may exceed.
            per_second: gain per second of training counts instead of gain per trial.
            experience: recorded trainings of earlier studies: a prior of accuracy that fades.
            machine: that asks, in a study of machines of several kinds.
        """
        self._settings: dict[str, Any] = {
            "book": latency_ms if isinstance(latency_ms, LatencyBook | None) else FunctionBook(latency_ms),
            "seed": seed,
            "ladder": tuple(ladder),
            "bound_ms": bound_ms,
            "per_second": per_second,
            "experience": tuple(experience),
            "machine": machine,
        }
        self._seed = seed
        self._space = optuna.search_space.IntersectionSearchSpace()
        source: CandidateSource | None = None
        if candidates is not None:
            source = ListedCandidates(candidates, distributions or values_as_categories(candidates))
        elif space is not None:
            source = SpaceCandidates(space)
        self.engine = None if source is None else Engine(source, **self._settings)
        self._remembered: _Remembered | None = None

    def reseed_rng(self) -> None:
        """Do nothing: chance depends on the seed and the trial alone, so that workers differ as their trials do."""

    def propose(
        self, trials: Sequence[Observed], number: int, seconds_left: float = math.inf
    ) -> ProposedCandidate | None:
        """Return the candidate that would be proposed for a trial; a trial that asks next gets the same one."""
        if self.engine is None:
            return None
        if self._remembered is not None and self._remembered.serves(trials, number, seconds_left):
            return self._remembered.proposed
        proposed = self.engine.propose(trials, number, seconds_left)
        self._remembered = _Remembered(list(trials), number, seconds_left, proposed)
        return proposed

    @property
    def source(self) -> SpaceCandidates | None:
        """The search space that candidates are proposed from; None where the sampler was given none."""
        source = None if self.engine is None else self.engine.source
        return source if isinstance(source, SpaceCandidates) else None

    def infer_relative_search_space(self, study: optuna.Study, trial: "FrozenTrial") -> "dict[str, BaseDistribution]":
        """Return every dimension that may be proposed.

        Raises:
            SettingsError: the study does not have two objectives, accuracy up and latency down.
        """
        directions = [direction.name.lower() for direction in study.directions]
        if directions != ["maximize", "minimize"]:
            raise SettingsError(
                "KnownLatencySampler: needs a study with directions=['maximize', 'minimize'], accuracy up and latency "
                f"down, got {directions}"
            )
        if self.engine is not None:
            return self.engine.source.distributions
        return {name: d for name, d in self._space.calculate(study).items() if not d.single()}

    def sample_relative(
        self, study: optuna.Study, trial: "FrozenTrial", search_space: "dict[str, BaseDistribution]"
    ) -> dict[str, Any]:
        """Return the parameters of the next candidate; dimensions that do not exist for that candidate are left out."""
        if not search_space:
            return {}
        trials = [t for t in observe(study) if t.number != trial.number]
        if self.engine is not None:
            proposed = self.propose(trials, trial.number)
        else:
            # Trials under way say nothing of dimensions that they have not asked for yet.
            known = [t for t in trials if search_space.keys() <= t.params.keys() or t.phase is not Phase.RUNNING]
            source = SpaceCandidates(flat_space(search_space))
            proposed = Engine(source, **self._settings).propose(known, trial.number)
        if proposed is None:
            return {}
        write_proposal(study, trial._trial_id, proposed.proposal)
        return dict(proposed.params)

    def sample_independent(
        self, study: optuna.Study, trial: "FrozenTrial", param_name: str, param_distribution: "BaseDistribution"
    ) -> Any:
        """Return a random value of a dimension that was not proposed."""
        state = np.random.SeedSequence([self._seed, trial.number, *param_name.encode()]).generate_state(1)
        random = optuna.samplers.RandomSampler(seed=int(state[0]))
        return random.sample_independent(study, trial, param_name, param_distribution)


def values_as_categories(candidates: Sequence[Params]) -> "dict[str, BaseDistribution]":
    """Return each dimension's values that occur, as a categorical distribution, sorted."""
    values: dict[str, dict[Any, None]] = {}
    for candidate in candidates:
        for name, value in candidate.items():
            values.setdefault(name, {})[value] = None
    return {
        name: optuna.distributions.CategoricalDistribution(sorted(found, key=lambda v: (isinstance(v, str), v)))
        for name, found in values.items()
    }
