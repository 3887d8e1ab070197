"""Optuna's own samplers as the presets name them, each with its own settings; peers of the engine's."""

from dataclasses import dataclass

import optuna

from search.samplers.factory import SamplerFactory
from spaces.errors import SettingsError


@dataclass(frozen=True)
class _WithStartup(SamplerFactory):
    startup: int

    def __post_init__(self) -> None:
        if self.startup < 0:
            raise SettingsError(f"sampler.startup: must be 0 or more, got {self.startup}")


@dataclass(frozen=True)
class Tpe(_WithStartup):
    """Multivariate tree-structured Parzen estimator.

    Attributes:
        startup: random candidates that come first.
    """

    def make(self, trial_seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
        """Return Optuna's sampler; conditional dimensions are modelled among the trials that have them."""
        return optuna.samplers.TPESampler(multivariate=True, group=True, n_startup_trials=self.startup, seed=trial_seed)


@dataclass(frozen=True)
class Random(SamplerFactory):
    """Independent random candidates."""

    def make(self, trial_seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
        """Return Optuna's sampler."""
        return optuna.samplers.RandomSampler(seed=trial_seed)


@dataclass(frozen=True)
class QuasiRandom(SamplerFactory):
    """Candidates that fill the space evenly."""

    def make(self, trial_seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
        """Return Optuna's sampler: one sequence for the whole study, whose position is counted in the store."""
        return optuna.samplers.QMCSampler(seed=study_seed, scramble=True, warn_independent_sampling=False)


@dataclass(frozen=True)
class NsgaII(_WithStartup):
    """NSGA-II, a genetic algorithm for several objectives.

    Attributes:
        startup: size of the population.
    """

    def make(self, trial_seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
        """Return Optuna's sampler."""
        return optuna.samplers.NSGAIISampler(population_size=max(2, self.startup), seed=trial_seed)


@dataclass(frozen=True)
class OptunaGaussianProcess(_WithStartup):
    """Optuna's Gaussian process. It brings torch into the searching process.

    Attributes:
        startup: random candidates that come first.
    """

    def make(self, trial_seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
        """Return Optuna's sampler."""
        return optuna.samplers.GPSampler(n_startup_trials=self.startup, seed=trial_seed)
