"""The contract of a sampler's settings: what makes the sampler of one trial."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


class SamplerFactory(ABC):
    """Holds a sampler's own settings, checked when made, and makes one of Optuna's samplers for each trial.

    A preset names a factory, or any of Optuna's samplers themselves, by `sampler._target_`. A sampler that is made must
    take its chance from the seeds alone and its knowledge from the study alone: a resumed study then proposes what an
    uninterrupted one would, and several processes may ask at once.
    """

    @abstractmethod
    def make(self, trial_seed: int, study_seed: int) -> "optuna.samplers.BaseSampler":
        """Return the sampler that one trial asks.

        Args:
            trial_seed: of this trial's chance; it depends on the study's seed and the trial's number alone.
            study_seed: the same for all trials, for what is one sequence over the whole study.
        """
