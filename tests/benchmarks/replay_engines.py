"""Search engines by name: what proposes candidates, what decides which training goes on."""

import math
from collections.abc import Callable, Container, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState
from replay_rows import candidate
from replay_table import Table, distributions

from objectives.records import attributes as keys
from search.engine.known_latency import KnownLatencySampler
from search.engine.schedulers.scheduler import Full, Scheduler
from spaces.dimension import Value
from spaces.errors import SettingsError, nearest

AUTOML_ETA, AUTOML_RUNGS = 2.0, 5  # as in conf/pruner/gain.yaml


def make_ladder(epochs: int, eta: float, rungs: int | None = None) -> list[int]:
    """Return the epochs of the rungs: `epochs` and its quotients by `eta`, down to 1 or at most `rungs` of them."""
    count = rungs or math.ceil(math.log(epochs, eta)) + 1
    return sorted({max(1, round(epochs / eta**i)) for i in range(count)})


class InformedTPE(optuna.samplers.TPESampler):
    """TPE that learns from paused trials too, by their best accuracy so far; Optuna's counts them as bad ones."""

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return TPE's value, given the paused trials as if they were finished."""
        return super().sample_independent(cast(optuna.Study, _Informed(study)), trial, param_name, param_distribution)


class _Informed:
    """A study in which paused trials look finished."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, deepcopy: bool, states: Container[TrialState], use_cache: bool) -> list[FrozenTrial]:
        return [t for t in map(_as_finished, self._study.get_trials(deepcopy=False)) if t.state in states]


def _as_finished(trial: FrozenTrial) -> FrozenTrial:
    attrs = trial.user_attrs
    if trial.state is not TrialState.RUNNING or not attrs.get(keys.PAUSED):
        return trial
    finished = copy(trial)
    finished.state = TrialState.COMPLETE
    best = max(rung["map"] for rung in attrs[keys.RUNGS])
    finished.values = None if math.isnan(best) else [best, attrs[keys.LATENCY_UNTRAINED]["p50_ms"]]
    return finished if finished.values else trial


@dataclass(frozen=True)
class Engine:
    """What a replay drives.

    Attributes:
        sampler: proposes.
        scheduler: decides.
        eta: ratio of its rungs; None takes the replay's.
        rungs: at most so many; None goes down to the first epoch.
        exact: the sampler proposes rows of the table; else the nearest row is taken.
    """

    sampler: optuna.samplers.BaseSampler
    scheduler: Scheduler
    eta: float | None = None
    rungs: int | None = None
    exact: bool = False


def _tpe(seed: int, table: Table) -> Engine:
    return Engine(optuna.samplers.TPESampler(seed=seed), Full())


def _tpe_multivariate(seed: int, table: Table) -> Engine:
    return Engine(optuna.samplers.TPESampler(multivariate=True, group=True, seed=seed), Full())


def _random(seed: int, table: Table) -> Engine:
    return Engine(optuna.samplers.RandomSampler(seed=seed), Full())


def _qmc(seed: int, table: Table) -> Engine:
    return Engine(optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False), Full())


def _nsga2(seed: int, table: Table) -> Engine:
    return Engine(optuna.samplers.NSGAIISampler(population_size=20, seed=seed), Full())


def _gp(seed: int, table: Table) -> Engine:
    return Engine(optuna.samplers.GPSampler(seed=seed, n_startup_trials=10), Full())


def _mo_asha(seed: int, table: Table) -> Engine:
    from search.engine.schedulers.mo_asha import MoAsha

    return Engine(optuna.samplers.TPESampler(seed=seed), MoAsha(3.0), eta=3.0)


def _mo_asha_informed(seed: int, table: Table) -> Engine:
    from search.engine.schedulers.mo_asha import MoAsha

    return Engine(InformedTPE(seed=seed), MoAsha(3.0), eta=3.0)


def _mo_asha_random(seed: int, table: Table) -> Engine:
    from search.engine.schedulers.mo_asha import MoAsha

    return Engine(optuna.samplers.RandomSampler(seed=seed), MoAsha(3.0), eta=3.0)


def known_latency_sampler(seed: int, table: Table, **settings: Any) -> KnownLatencySampler:
    dimensions = distributions(table, exact=True)
    candidates = [candidate(row, dimensions) for row in table.rows]
    known = {frozenset(c.items()): row.latency_ms for c, row in zip(candidates, table.rows, strict=True)}

    def latency_ms(params: Mapping[str, Value]) -> float | None:
        return known.get(frozenset(params.items()))

    return KnownLatencySampler(
        candidates=candidates, distributions=dimensions, latency_ms=latency_ms, seed=seed, **settings
    )


def _known_latency(seed: int, table: Table) -> Engine:
    return Engine(known_latency_sampler(seed, table), Full(), exact=True)


def _automl(seed: int, table: Table) -> Engine:
    from search.engine.schedulers.gain_per_second import GainPerSecond

    ladder = make_ladder(table.epochs, AUTOML_ETA, AUTOML_RUNGS)
    sampler = known_latency_sampler(seed, table, ladder=ladder, per_second=True)
    return Engine(sampler, GainPerSecond(sampler), AUTOML_ETA, AUTOML_RUNGS, exact=True)


ENGINES: dict[str, Callable[[int, Table], Engine]] = {
    "random": _random,
    "qmc": _qmc,
    "tpe": _tpe,
    "tpe_multivariate": _tpe_multivariate,
    "nsga2": _nsga2,
    "gp": _gp,
    "mo_asha": _mo_asha,
    "mo_asha_informed": _mo_asha_informed,
    "mo_asha_random": _mo_asha_random,
    "known_latency": _known_latency,
    "automl": _automl,
}


def check_engine(name: str) -> None:
    """Raise SettingsError if there is no such engine."""
    if name not in ENGINES:
        raise SettingsError(f"--engine: '{name}' is no engine{nearest(name, ENGINES)}; known: {', '.join(ENGINES)}")
