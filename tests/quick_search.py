"""Searches in this process whose trials are those of `quick_trainer.py`, with schedulers that follow a script.

The test process must have this folder in its path, and in PYTHONPATH before its first trial: see conftest.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

from optuna import Study
from optuna.trial import FrozenTrial
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.records import Decision, Ending
from search.engine.observed import Observed
from search.engine.schedulers.scheduler import NO_LIMIT, BudgetLeft, Scheduler, Step
from search.loop.search import Search
from search.settings.settings import Settings, load_settings
from search.study.claims.kernel_locks import KernelClaims
from search.study.sessions import Clock
from search.study.store import create_study, open_storage, storage_url
from search.view.lines import LineView

Event = tuple[int, str]  # a trial's number, -1 for a measurement ahead of trials, and what it did
LONG_S = 120.0  # nothing here takes longer, unless something hangs


def settings_of(folder: Path, *overrides: str) -> Settings:
    small = ("budget.trials=6", "trial.epochs=4", "trial.train_device=cpu", "space.size.pixels=range(64,257,32)")
    quick = ("trial.run=quick_trainer:run_trial", "store.free_mb_min=1")
    return load_settings(["conf=smoke", f"store.folder={folder}", *quick, *small, *overrides])


def elastic_settings(folder: Path, *overrides: str) -> Settings:
    """Return settings of a search whose trainings are elastic: sizes from 64 to 256 px, and two widths of two parts."""
    whole = (f"space.slim.{part}=0.0" for part in ("p4", "p5", "head"))
    widths = ("space.slim.p3=choice(0.0, 0.5)", "space.slim.neck=choice(0.0, 0.5)", "pruner=none")
    quick = "trial.score=quick_trainer:score_children", "trial.polish=0"
    return settings_of(folder, "space/slim=elastic", *whole, *widths, *quick, "budget.trials=12", *overrides)


class Begun(Search):
    """A search, opened anew as a new process would; what its view writes is in `out`."""

    def __init__(
        self,
        settings: Settings,
        dataset: Dataset,
        scheduler: Scheduler | None = None,
        make_view: Callable[[Console, Settings], LineView] = LineView,
        clock: Clock = time.time,
    ) -> None:
        settings.folder.mkdir(parents=True, exist_ok=True)
        study = create_study(settings, dataset, open_storage(storage_url(settings.folder, settings.store.url)))
        self.out = StringIO()
        view = make_view(Console(file=self.out, width=200), settings)
        super().__init__(settings, dataset, study, KernelClaims(settings.folder), view, clock)
        if scheduler is not None:
            self.chooser._scheduler = scheduler


class Script(Scheduler):
    """A scheduler that reads its steps off a list: a trial's number, None for a new one; then it has no wish left.

    A step that is not for the trial that stands at its rung stays on the list until it is taken.

    Attributes:
        stop: number of the step, from 0, to what it stops, and why.
    """

    def __init__(self, *numbers: int | None, stop: Mapping[int, Mapping[int, str]] | None = None) -> None:
        self.numbers, self.taken = list(numbers), 0
        self.stop = {step: dict(trials) for step, trials in (stop or {}).items()}

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        if not self.numbers:
            return None
        number, stop = self.numbers[0], self.stop.get(self.taken, {})
        told = {n: stop.pop(n) for n in list(stop) if last in (None, n)}
        step = Step(number, ladder[0], f"the script's step {self.taken + 1}", told)
        if last in (None, number):
            self.numbers.pop(0)
            self.taken += 1
        return step


@contextmanager
def begun(settings: Settings, dataset: Dataset, *arguments: Any, **named: Any) -> Iterator[Begun]:
    """Open a search; its locks are given back in the end, as by the end of its process."""
    search = Begun(settings, dataset, *arguments, **named)
    try:
        with search:
            yield search
    finally:
        search.claims.close()


def run(settings: Settings, dataset: Dataset, *arguments: Any, **named: Any) -> Begun:
    with begun(settings, dataset, *arguments, **named) as search:
        search.run()
        return search


def plant(settings: Settings, *faults: str) -> None:
    """Lay faults out, as `quick_trainer.py` names them."""
    folder = settings.folder / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    for i, fault in enumerate(faults):
        (folder / f"{fault}-{i}").touch()


def taken(folder: Path, fault: str) -> list[Path]:
    """Return the files of a fault that trials have come to, from the folder of faults; to remove one ends a hold."""
    return list(folder.glob(f"taken-{fault}-*"))


def wait_until(what: Callable[[], Any], seconds: float = LONG_S) -> Any:
    """Wait until something is, and return it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


@contextmanager
def released(settings: Settings, fault: str, count: int = 1) -> Iterator[None]:
    """Let trials that are held go on as soon as so many are, while the search runs."""
    folder = settings.folder / "faults"

    def release() -> None:
        wait_until(lambda: len(taken(folder, fault)) == count)
        for file in taken(folder, fault):
            file.unlink()

    thread = threading.Thread(target=release)
    thread.start()
    yield
    thread.join()


# What was done, and what is stored


def lines_of(folder: Path) -> list[tuple[int, float, str]]:
    """Return all that was done in a study's folder: number, time, what."""
    log = folder / "events.log"
    lines = [line.split(" ", 2) for line in log.read_text().splitlines()] if log.exists() else []
    return [(int(number), float(time_s), what) for number, time_s, what in lines]


def events_of(search: Search) -> list[Event]:
    """Return what trials measured and trained, in order."""
    told = [(number, what) for number, _, what in lines_of(search.folder)]
    return [event for event in told if event[1].startswith(("epoch", "measures"))]


def pieces(events: Sequence[Event]) -> list[int]:
    """Return the trials in the order in which pieces of them were trained."""
    found: list[int] = []
    for number, what in events:
        if what.startswith("epoch") and (not found or found[-1] != number):
            found.append(number)
    return found


class HasStudy(Protocol):
    """A search, or what is left of one."""

    @property
    def study(self) -> Study:
        """The store."""


def trials_of(search: HasStudy) -> list[FrozenTrial]:
    return search.study.get_trials(deepcopy=False)


def epochs_of(trial: FrozenTrial) -> list[int]:
    return [rung["epoch"] for rung in trial.user_attrs.get(keys.RUNGS, [])]


def decisions_of(trial: FrozenTrial) -> list[Decision]:
    return [Decision.from_json(told) for told in trial.user_attrs.get(keys.DECISIONS, [])]


def ending_of(trial: FrozenTrial) -> Ending:
    return Ending.from_json(trial.user_attrs[keys.ENDING])


def attempts_of(trial: FrozenTrial) -> list[Ending]:
    return [Ending.from_json(told) for told in trial.user_attrs.get(keys.ATTEMPTS, [])]
