"""Schedulers as presets name them: the product's own by `pruner.name`, anybody's by `pruner._target_`."""

from typing import TYPE_CHECKING

from search.engine.schedulers.scheduler import Scheduler
from search.settings.choices import PrunerSettings
from search.settings.target import Target
from spaces.errors import SettingsError

if TYPE_CHECKING:
    from search.engine.known_latency import KnownLatencySampler

PACKAGE = "search.engine.schedulers"
SCHEDULER_TARGETS = {
    "gain": f"{PACKAGE}.gain_per_second.GainPerSecond",
    "mo_asha": f"{PACKAGE}.mo_asha.MoAsha",
    "dominated": f"{PACKAGE}.dominated.Dominated",
    "none": f"{PACKAGE}.scheduler.Full",
}
PRUNERS = tuple(SCHEDULER_TARGETS)
OFFERED = ("known_latency", "rungs", "eta", "grace")  # what a scheduler is given where its constructor names it


def check_pruner(settings: PrunerSettings) -> None:
    """Check that a pruner's name is known or its target a scheduler, and that its own settings fit.

    Raises:
        SettingsError: the name is unknown, the target is no scheduler, or a setting does not fit.
    """
    target = target_of(settings)
    target.check(OFFERED)
    if not target.takes("known_latency"):  # else it is made of the engine, once there is one
        _built(settings, target, None)


def make_scheduler(settings: PrunerSettings, known_latency: "KnownLatencySampler") -> Scheduler:
    """Return the scheduler of these settings.

    Args:
        settings: of the pruner.
        known_latency: the engine's sampler, whose beliefs `gain` decides by, whichever sampler proposes.

    Raises:
        SettingsError: the name is unknown, or the settings do not fit.
    """
    return _built(settings, target_of(settings), known_latency)


def scheduler_class(settings: PrunerSettings) -> type[Scheduler]:
    """Return the class of the scheduler, for its class attributes; the base class where a function makes it."""
    found = target_of(settings).load()
    return found if isinstance(found, type) and issubclass(found, Scheduler) else Scheduler


def target_of(settings: PrunerSettings) -> Target:
    """Return what is to be built.

    Raises:
        SettingsError: the name is unknown, or is the product's own and stands beside a target.
    """
    return Target.of("pruner", SCHEDULER_TARGETS, settings.name, settings.target, settings.arguments)


def _built(settings: PrunerSettings, target: Target, known_latency: "KnownLatencySampler | None") -> Scheduler:
    common = {"rungs": settings.rungs, "eta": settings.eta, "grace": settings.grace}
    made = target.build(known_latency=known_latency, **common)
    if not isinstance(made, Scheduler):
        kind = type(made).__name__
        raise SettingsError(
            f"pruner._target_: must make a {Scheduler.__name__} of {PACKAGE}, '{target.path}' makes a {kind}"
        )
    return made
