"""Pruners for two objectives: whether a trial goes on at a rung."""

from collections.abc import Sequence
from dataclasses import dataclass

from objectives.records import Rung
from search.settings import PrunerSettings
from spaces.errors import SettingsError, nearest

PRUNERS = ("dominated", "none")


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
