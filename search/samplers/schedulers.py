"""Schedulers as presets name them: the product's own by `pruner.name`, anybody's by `pruner._target_`."""

from typing import TYPE_CHECKING

from search.engine.schedulers.scheduler import Scheduler
from search.settings.choices import PrunerSettings
from search.settings.target import Target
from spaces.errors import SettingsError

if TYPE_CHECKING:
    from search.engine.known_latency import KnownLatencySampler

ROOM = "search.engine.schedulers"
NAMED = {
    "gain": f"{ROOM}.gain_per_second.GainPerSecond",
    "mo_asha": f"{ROOM}.mo_asha.MoAsha",
    "dominated": f"{ROOM}.dominated.Dominated",
    "none": f"{ROOM}.scheduler.Full",
}
PRUNERS = tuple(NAMED)
OFFERED = ("known_latency", "rungs", "eta", "grace")  # what a scheduler is given where its constructor names it


def check_pruner(settings: PrunerSettings) -> None:
    """Check that a pruner's name is known or its target a scheduler, and that its own settings fit.

    Raises:
        SettingsError: they do not.
    """
    target = target_of(settings)
    target.check(OFFERED)
    if not target.takes("known_latency"):  # else it is made of the engine, once there is one
        _built(settings, target, None)


def make_scheduler(settings: PrunerSettings, known_latency: "KnownLatencySampler") -> Scheduler:
    """Return the scheduler of these settings.

    Args:
        settings: the pruner's.
        known_latency: the engine's sampler, whose beliefs `gain` decides by, whichever sampler proposes.

    Raises:
        SettingsError: the name is unknown, or the settings do not fit.
    """
    return _built(settings, target_of(settings), known_latency)


def scheduler_class(settings: PrunerSettings) -> type[Scheduler]:
    """Return the class of the scheduler, for what it says of itself; the base class for one that a function makes."""
    found = target_of(settings).load()
    return found if isinstance(found, type) and issubclass(found, Scheduler) else Scheduler


def target_of(settings: PrunerSettings) -> Target:
    """Return what is to be built.

    Raises:
        SettingsError: the name is unknown, or is the product's own and stands beside a target.
    """
    return Target.of("pruner", NAMED, settings.name, settings.target, settings.arguments)


def _built(settings: PrunerSettings, target: Target, known_latency: "KnownLatencySampler | None") -> Scheduler:
    common = {"rungs": settings.rungs, "eta": settings.eta, "grace": settings.grace}
    made = target.build(known_latency=known_latency, **common)
    if not isinstance(made, Scheduler):
        kind = type(made).__name__
        raise SettingsError(
            f"pruner._target_: must make a {Scheduler.__name__} of {ROOM}, '{target.path}' makes a {kind}"
        )
    return made
