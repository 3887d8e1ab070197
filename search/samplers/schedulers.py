"""Pruners for two objectives, by name: which training goes on at a rung, and the simplest of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from objectives.records.records import Rung
from objectives.records.trial_record import Phase
from search.engine.observed import Observed
from search.engine.schedulers.mo_asha import MoAsha
from search.engine.schedulers.scheduler import ROOMY, Full, Room, Scheduler, Step, left_s, may_begin, next_rung
from search.settings.settings import PrunerSettings
from spaces.errors import SettingsError, nearest

if TYPE_CHECKING:
    from search.engine.known_latency import KnownLatencySampler

PRUNERS = ("gain", "mo_asha", "dominated", "none")


def make_scheduler(settings: PrunerSettings, known_latency: "KnownLatencySampler") -> Scheduler:
    """Return the scheduler of a name.

    Args:
        settings: the pruner's.
        known_latency: the engine's sampler, whose beliefs `gain` decides by, whichever sampler proposes.

    Raises:
        SettingsError: the name is unknown.
    """
    check_pruner(settings)
    match settings.name:
        case "gain":
            from search.engine.schedulers.gain_per_second import GainPerSecond

            return GainPerSecond(known_latency)
        case "mo_asha":
            return MoAsha(settings.eta)
        case "dominated":
            return Dominated(settings)
    return Full()


@dataclass(frozen=True)
class Runner:
    """A trial in the race: its latency, known before training, and the rungs it has reached."""

    number: int
    p50_ms: float
    rungs: tuple[Rung, ...]

    def at(self, epoch: int) -> Rung | None:
        """Return its rung at an epoch, if it got there."""
        return next((rung for rung in self.rungs if rung.epoch == epoch), None)


def check_pruner(settings: PrunerSettings) -> None:
    """Check the pruner's name.

    Raises:
        SettingsError: it is unknown.
    """
    if settings.name not in PRUNERS:
        raise SettingsError(f"pruner.name: '{settings.name}' is no pruner{nearest(settings.name, PRUNERS)}")


def reason_to_stop(settings: PrunerSettings, runner: Runner, rung: Rung, others: Sequence[Runner]) -> str:
    """Return why a trial should stop at a rung, in words; empty to let it go on.

    A trial is judged against trials that are not slower than it: large detectors learn more slowly and stand at
    another place of the front. It stops if `better_min` of those are ahead and the best of them by more than
    `tolerance` allows.

    Args:
        settings: the pruner's.
        runner: the trial.
        rung: where it stands.
        others: the other trials of the study.
    """
    if settings.name == "none" or not rung.decides:
        return ""
    rivals = [(other.at(rung.epoch), other) for other in others if other.p50_ms <= runner.p50_ms]
    ahead = [(there.map, other) for there, other in rivals if there is not None and there.map > rung.map]
    if len(ahead) < settings.better_min:
        return ""
    best_map, best = max(ahead, key=lambda pair: pair[0])
    if rung.map >= settings.tolerance * best_map:
        return ""
    return (
        f"epoch {rung.epoch}: mAP {rung.map:.3f} at {runner.p50_ms:.1f} ms; {len(ahead)} trials no slower are ahead, "
        f"trial {best.number} had {best_map:.3f} at {best.p50_ms:.1f} ms"
    )


class Dominated(Scheduler):
    """Trains one trial after the other and stops one that is far behind trials no slower than it."""

    def __init__(self, settings: PrunerSettings) -> None:
        self.settings = settings

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, room: Room = ROOMY
    ) -> Step | None:
        """Return the trial itself, unless it is to stop; else a new one; only what ends in the time left."""
        paused = [t for t in trials if t.phase is Phase.PAUSED]
        stop = {t.number: reason for t in paused if t.number == last and (reason := self._reason(t, trials))}
        for trial in paused:
            if trial.number not in stop and left_s(trial, ladder) <= room.seconds_left:
                return Step(trial.number, next_rung(trial.epoch, ladder), "not far behind trials no slower", stop)
        begins = may_begin(trials, room)
        return Step(None, ladder[0], "the last trial ended", stop, idle=not begins) if begins or stop else None

    def _reason(self, trial: Observed, trials: Sequence[Observed]) -> str:
        others = [_runner(t) for t in trials if t.number != trial.number and t.latency_ms and t.epochs]
        runner = _runner(trial)
        return reason_to_stop(self.settings, runner, runner.rungs[-1], others) if runner.rungs else ""


def _runner(trial: Observed) -> Runner:
    seen = zip(trial.epochs, trial.accuracies, trial.seconds, strict=True)
    rungs = tuple(Rung(epoch, accuracy, 0.0, seconds, 0.0, True) for epoch, accuracy, seconds in seen)
    return Runner(trial.number, trial.latency_ms or 0.0, rungs)
