"""Samplers as presets name them, seeded anew for each trial: a resumed study goes on as an uninterrupted one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from objectives.machine.card import largest_card
from objectives.machine.gpus.visible import wanted_gpus
from search.samplers.factory import SamplerFactory
from search.settings.choices import SamplerSettings
from search.settings.settings import Settings
from search.settings.target import Target
from spaces.candidate import Candidate
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.errors import SettingsError
from spaces.space import SearchSpace

if TYPE_CHECKING:
    import optuna

    from search.engine.known_latency import KnownLatencySampler
    from search.engine.models.experience.recorded import Training
    from search.engine.models.latencies import LatencyBook

KNOWN_LATENCY = "known_latency"  # the engine's own, made once for a search
PEERS = "search.samplers.peers"
SAMPLER_TARGETS = {
    KNOWN_LATENCY: "search.engine.known_latency.KnownLatencySampler",
    "tpe": f"{PEERS}.Tpe",
    "random": f"{PEERS}.Random",
    "qmc": f"{PEERS}.QuasiRandom",
    "nsga2": f"{PEERS}.NsgaII",
    "gp": f"{PEERS}.OptunaGaussianProcess",
}
SAMPLERS = tuple(SAMPLER_TARGETS)


def make_known_latency(
    settings: Settings, book: "LatencyBook", ladder: Sequence[int], experience: "Sequence[Training]" = ()
) -> "KnownLatencySampler":
    """Return the engine's sampler over the settings' space.

    Args:
        settings: space, seed, whether seconds of training are to be saved, and what is trained on.
        book: latencies known beside the trials'.
        ladder: epochs of the rungs.
        experience: recorded trainings of earlier studies.
    """
    from search.engine.known_latency import KnownLatencySampler

    return KnownLatencySampler(
        seed=settings.seed,
        space=settings.space,
        latency_ms=book,
        ladder=ladder,
        per_second=settings.pruner.name == "gain",
        experience=experience,
        machine=largest_card(wanted_gpus(settings.trial.train_device)),
    )


def check_sampler(settings: SamplerSettings) -> None:
    """Check that a sampler's name is known or its target can be made, and that its own settings fit.

    Raises:
        SettingsError: the name is unknown, the target cannot be made, or a setting does not fit.
    """
    target = target_of(settings)
    if target is None:
        if settings.arguments:
            raise SettingsError(f"unknown setting 'sampler.{next(iter(settings.arguments))}'; {KNOWN_LATENCY} has none")
        return
    target.check(("seed",))
    if _is_factory(target):
        target.build()


def make_sampler(
    settings: SamplerSettings, seed: int, trial_number: int, known_latency: "KnownLatencySampler | None" = None
) -> "optuna.samplers.BaseSampler":
    """Return the sampler for one trial.

    Its random state depends on the seed and the trial's number alone, never on how often the process was restarted.

    Args:
        settings: of the sampler.
        seed: of all chance.
        trial_number: of the trial that will ask.
        known_latency: the engine's sampler: for its name, and for the space that peers must not repeat themselves in.

    Raises:
        SettingsError: the sampler is unknown, or refuses its settings.
    """
    target = target_of(settings)
    if target is None:
        if known_latency is None:
            raise SettingsError(f"sampler.name: '{KNOWN_LATENCY}' needs the study's latencies")
        return known_latency
    if known_latency is None or known_latency.source is None:
        return _peer(target, seed, trial_number, 0)
    from search.samplers.distinct import DistinctSampler

    return DistinctSampler(lambda attempt: _peer(target, seed, trial_number, attempt), known_latency.source, seed)


def target_of(settings: SamplerSettings) -> Target | None:
    """Return what is to be built; None for the engine's own sampler.

    Raises:
        SettingsError: the name is unknown, or is the product's own and stands beside a target.
    """
    target = Target.of("sampler", SAMPLER_TARGETS, settings.name, settings.target, settings.arguments)
    return None if target.path == SAMPLER_TARGETS[KNOWN_LATENCY] else target


def _peer(target: Target, seed: int, trial_number: int, attempt: int) -> "optuna.samplers.BaseSampler":
    """Return a sampler that is not the engine's; each attempt at a trial has its own chance."""
    import warnings

    import numpy as np
    import optuna

    entropy = [seed, trial_number, attempt] if attempt else [seed, trial_number]
    trial_seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # multivariate and group are marked so
        made = target.build().make(trial_seed, seed) if _is_factory(target) else target.build(seed=trial_seed)
    if not isinstance(made, optuna.samplers.BaseSampler):
        kind = type(made).__name__
        raise SettingsError(f"sampler._target_: must make one of Optuna's samplers, '{target.path}' makes a {kind}")
    return made


def _is_factory(target: Target) -> bool:
    found = target.load()
    return isinstance(found, type) and issubclass(found, SamplerFactory)


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
