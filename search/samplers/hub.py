"""A sampler of OptunaHub, by package and class: `sampler=custom sampler._target_=search.samplers.hub.OptunaHub`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search.samplers.factory import SamplerFactory
from spaces.errors import SettingsError

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class OptunaHub(SamplerFactory):
    """A sampler that OptunaHub publishes; its package is fetched once and kept in OptunaHub's own cache.

    Attributes:
        package: as OptunaHub names it, such as "samplers/auto_sampler".
        sampler: the class in the package.
        registry: a folder that holds packages; None fetches from OptunaHub.
        arguments: the sampler's own settings; a `seed` is added where the class has one.
    """

    package: str
    sampler: str
    registry: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def make(self, trial_seed: int, study_seed: int) -> "optuna.samplers.BaseSampler":
        """Return the sampler.

        Raises:
            SettingsError: OptunaHub is not installed, the package cannot be loaded, or has no such class.
        """
        from inspect import signature

        found = getattr(self._module(), self.sampler, None)
        if found is None:
            raise SettingsError(f"sampler.sampler: package '{self.package}' has no class '{self.sampler}'")
        seed = {"seed": trial_seed} if "seed" in signature(found).parameters else {}
        made: optuna.samplers.BaseSampler = found(**{**seed, **self.arguments})
        return made

    def _module(self) -> Any:
        try:
            import optunahub
        except ImportError:
            raise SettingsError("sampler: OptunaHub is not installed; pip install 'automl[hub]'") from None
        try:
            if self.registry is None:
                return optunahub.load_module(self.package)
            return optunahub.load_local_module(self.package, registry_root=self.registry)
        except Exception as error:  # no network, no such package, whatever the package raises
            reason = " ".join(str(error).split())[:160]
            raise SettingsError(f"sampler.package: cannot load '{self.package}' ({reason})") from error
