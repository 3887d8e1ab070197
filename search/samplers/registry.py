"""Samplers by name, seeded anew for each trial, so that a resumed study goes on as an uninterrupted one."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.settings.settings import SamplerSettings, Settings
from spaces.candidate import Candidate
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.errors import SettingsError, nearest
from spaces.space import SearchSpace

if TYPE_CHECKING:
    import optuna

    from search.engine.known_latency import KnownLatencySampler
    from search.engine.models.latencies import LatencyBook

SAMPLERS = ("known_latency", "tpe", "random", "qmc", "nsga2", "gp")


def make_known_latency(settings: Settings, book: "LatencyBook", ladder: Sequence[int]) -> "KnownLatencySampler":
    """Return the engine's sampler over the settings' space.

    Args:
        settings: space, seed, and whether seconds of training are to be saved.
        book: latencies known beside the trials'.
        ladder: epochs of the rungs.
    """
    from search.engine.known_latency import KnownLatencySampler

    return KnownLatencySampler(
        seed=settings.seed,
        space=settings.space,
        latency_ms=book,
        ladder=ladder,
        per_second=settings.pruner.name == "gain",
    )


def check_sampler(settings: SamplerSettings) -> None:
    """Check the sampler's name.

    Raises:
        SettingsError: it is unknown.
    """
    if settings.name not in SAMPLERS:
        raise SettingsError(f"sampler.name: '{settings.name}' is no sampler{nearest(settings.name, SAMPLERS)}")


def make_sampler(
    settings: SamplerSettings, seed: int, trial_number: int, known_latency: "KnownLatencySampler | None" = None
) -> "optuna.samplers.BaseSampler":
    """Return the sampler for one trial.

    Its random state depends on the seed and the trial's number alone, never on how often the process was restarted.

    Args:
        settings: the sampler's.
        seed: of all chance.
        trial_number: of the trial that will ask.
        known_latency: the engine's sampler: for its name, and for the space that peers must not repeat themselves in.

    Raises:
        SettingsError: the sampler is unknown.
    """
    check_sampler(settings)
    if known_latency is not None and settings.name == "known_latency":
        return known_latency
    if known_latency is None or known_latency.source is None:
        return _peer(settings, seed, trial_number, 0)
    from search.samplers.distinct import DistinctSampler

    return DistinctSampler(lambda attempt: _peer(settings, seed, trial_number, attempt), known_latency.source, seed)


def _peer(settings: SamplerSettings, seed: int, trial_number: int, attempt: int) -> "optuna.samplers.BaseSampler":
    """Return one of Optuna's samplers; each attempt at a trial has its own chance."""
    import numpy as np
    import optuna

    entropy = [seed, trial_number, attempt] if attempt else [seed, trial_number]
    state = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # multivariate and group are marked so
        match settings.name:
            case "tpe":
                return optuna.samplers.TPESampler(
                    multivariate=True,
                    group=True,  # conditional dimensions are modelled among the trials that have them
                    n_startup_trials=settings.startup,
                    seed=state,
                )
            case "random":
                return optuna.samplers.RandomSampler(seed=state)
            case "gp":  # brings torch into the searching process
                return optuna.samplers.GPSampler(n_startup_trials=settings.startup, seed=state)
            case "qmc":  # one sequence for the whole study: its position is counted in the store
                return optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
            case "nsga2":
                return optuna.samplers.NSGAIISampler(population_size=max(2, settings.startup), seed=state)
    raise SettingsError(f"sampler.name: '{settings.name}' needs the study's latencies")


def suggest(trial: "optuna.Trial", space: SearchSpace) -> Candidate:
    """Ask the trial for a value of every dimension that exists for it; asked again, the same values come."""
    return space.build(lambda name, domain: _suggest(trial, name, domain))


def _suggest(trial: "optuna.Trial", name: str, domain: Domain) -> Value:
    match domain:
        case Choice(values=values):
            return trial.suggest_categorical(name, values)  # type: ignore[return-value]  # one of the values
        case Grid(low=low, high=high, step=step) if domain.is_integer:
            return trial.suggest_int(name, int(low), int(high), step=int(step))
        case Grid(low=low, high=high, step=step):
            return trial.suggest_float(name, low, high, step=step)
        case Interval(low=low, high=high, log=log, integer=True):
            return trial.suggest_int(name, int(low), int(high), log=log)
        case Interval(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
