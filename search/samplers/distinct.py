"""Optuna's samplers, kept from proposing a candidate that the study has had: it would fail again, or teach nothing.

Optuna's own way for failures, `constraints_func`, does not reach failed trials: that function is called for trials that
end with values or pruned, and Optuna's samplers look at no failed trial. So a whole candidate is drawn before Optuna
asks for the first value of it, and drawn anew while the candidate is an old one.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from objectives.records.trial_record import TrialRecord, trial_records
from search.engine.candidates import Params, SpaceCandidates
from search.engine.digest import Digest
from search.engine.observed import key_of, observe
from search.engine.proposal.pool import untried

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

DRAWN_MOST = 10  # candidates that the sampler draws for one trial, before any new one is taken


class DistinctSampler(optuna.samplers.BaseSampler):
    """Hands out what another sampler proposes; once a space of finitely many is used up, candidates come again."""

    def __init__(self, make: Callable[[int], optuna.samplers.BaseSampler], source: SpaceCandidates, seed: int) -> None:
        """Take what makes the other sampler for each attempt at the trial, the space, and the seed of all chance."""
        self._make, self._source, self._seed = make, source, seed
        self.peer = make(0)

    def reseed_rng(self) -> None:
        """Do nothing: chance depends on the seed and the trial alone."""

    def infer_relative_search_space(self, study: optuna.Study, trial: "FrozenTrial") -> "dict[str, BaseDistribution]":
        """Return every dimension: all are drawn together."""
        return self._source.distributions

    def sample_relative(
        self, study: optuna.Study, trial: "FrozenTrial", search_space: "dict[str, BaseDistribution]"
    ) -> dict[str, Any]:
        """Return a candidate that no trial had, if there is one beside the values that are asked for already."""
        asked = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        given = {name: value for name, value in asked.items() if name in self._source.domains}
        records = trial_records(study)
        others = [t for t in observe(study, records) if t.number != trial.number]
        hidden = frozenset(t.number for t in records if t.is_proof or (_is_outside(t) and not t.params))
        seen = _Searched(study, hidden) if hidden else study
        tried = {t.key for t in others}
        drawn: list[Params] = []
        for attempt in range(DRAWN_MOST):
            drawn.append(self._draw(self._make(attempt) if attempt else self.peer, seen, trial, given))
            if key_of(drawn[-1]) not in tried:
                return dict(drawn[-1])
        rng = np.random.default_rng([self._seed, trial.number])
        left = (params for params in untried(self._source, Digest(others), rng) if given.items() <= params.items())
        return dict(next(left, drawn[0]))

    def sample_independent(
        self, study: optuna.Study, trial: "FrozenTrial", param_name: str, param_distribution: "BaseDistribution"
    ) -> Any:
        """Return the other sampler's value of a dimension that is not in the space."""
        return self.peer.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: "FrozenTrial") -> None:
        """Call the other sampler's hook before the trial."""
        self.peer.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: "FrozenTrial", state: "TrialState", values: Sequence[float] | None
    ) -> None:
        """Call the other sampler's hook after the trial."""
        self.peer.after_trial(study, trial, state, values)

    def _draw(
        self, peer: optuna.samplers.BaseSampler, study: optuna.Study, trial: "FrozenTrial", given: Mapping[str, Any]
    ) -> Params:
        """Draw a whole candidate, as Optuna would value by value."""
        relative = peer.sample_relative(study, trial, peer.infer_relative_search_space(study, trial))

        def value_of(name: str) -> Any:
            for known in (given, relative):
                if name in known:
                    return known[name]
            return peer.sample_independent(study, trial, name, self._source.distributions[name])

        candidate = self._source.space.build(lambda name, _: value_of(name))
        return {name: value for name, value in candidate.items() if name in self._source.domains}


def _is_outside(trial: TrialRecord) -> bool:
    """Whether a trial may be none of the space's candidates."""
    return trial.is_baseline or trial.is_carried


class _Searched(optuna.Study):
    """A study as samplers see it: without the baseline, whose parameters are none of the space's, and without proofs.

    Optuna's samplers model the dimensions that all trials have in common, which a trial without any would leave empty.
    What a proof repeats, longer than in the search, is no other candidate.
    """

    def __init__(self, study: optuna.Study, hidden: frozenset[int]) -> None:
        vars(self).update(vars(study))
        self._hidden = hidden

    def get_trials(self, deepcopy: bool = True, states: "Container[TrialState] | None" = None) -> "list[FrozenTrial]":
        """Return the trials but for the hidden ones."""
        return self._get_trials(deepcopy, states)

    def _get_trials(
        self, deepcopy: bool = True, states: "Container[TrialState] | None" = None, use_cache: bool = False
    ) -> "list[FrozenTrial]":
        found = super()._get_trials(deepcopy, states, use_cache)
        return [trial for trial in found if trial.number not in self._hidden]
