"""Random faults over searches of milliseconds: nothing may be lost, nothing done twice, nothing left behind.

`python tests/fault_harness.py --faults 200 --seed 0` runs searches through the installed script, with the trainer of
`quick_trainer.py`, makes one fault after the other happen to them, gives the same line again after each that ended the
search, and prints a table: fault, times, lost trials, repeated epochs, median seconds until work goes on.
"""

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import optuna
import psutil
from optuna.trial import FrozenTrial, TrialState
from process_words import words_of
from small_disk import small_disk

from objectives.records import attributes as keys
from objectives.records.failures import OF_MEMORY, Failure
from objectives.records.records import Ending
from search.loop.retry import PASSING_MAX

AUTOML = Path(sys.executable).with_name("automl")
HERE = Path(__file__).absolute().parent
NAME = "smoke"
DISK_MB = 64  # of the small disk that is filled
MANY = 100_000  # trials: no study comes to so many
LONG_S = 120.0  # nothing here takes longer, unless something hangs

# What a trial must have died of, in the end, when a fault has hit it; None: it is taken up again and finishes.
EXPECTED: dict[str, Failure | None] = {
    "sigkill": None,
    "sigterm": None,
    "truncated": None,
    "half": None,
    "searcher": None,
    "both": None,
    "device": None,  # with a smaller batch
    "allocate": None,  # likewise
    "sigsegv": Failure.CRASHED,
    "sigabrt": Failure.CRASHED,
    "exit0": Failure.CRASHED,
    "exit3": Failure.CRASHED,
    "breed": Failure.CRASHED,
    "hang": Failure.TIMED_OUT,
    "stopped": Failure.TIMED_OUT,
    "nan": Failure.DIVERGED,
}
FROM_OUTSIDE = ("kill searcher", "kill trial", "kill all", "ctrl-c", "lock store", "fill disk")
KINDS = (*EXPECTED, *FROM_OUTSIDE)


@dataclass(frozen=True)
class Fault:
    """One that has happened.

    Attributes:
        kind: one of KINDS.
        hit: numbers of the trials that it can have hurt.
        repeated: epochs that were trained again until work went on.
        seconds: from the fault, its own time included, until work went on.
    """

    kind: str
    hit: frozenset[int]
    repeated: int
    seconds: float


@dataclass
class Tally:
    """What faults of one kind have cost."""

    times: int = 0
    lost: int = 0
    repeated: int = 0
    seconds: list[float] = field(default_factory=list)


@dataclass
class Arena:
    """One study in a folder of its own, searched by the installed script, over and over until its budget is used."""

    root: Path
    trials: int
    epochs: int = 5
    workers: int = 1
    epoch_s: float = 0.02
    overrides: tuple[str, ...] = ()
    lock_s: float = 3.0
    searcher: "subprocess.Popen[str] | None" = None

    def __post_init__(self) -> None:
        self.faults.mkdir(parents=True)
        write_images(self.root / "data")

    @property
    def faults(self) -> Path:
        """Folder of the faults that wait for a trial."""
        return self.root / "faults"

    @property
    def folder(self) -> Path:
        """Folder of the study."""
        return self.root / "runs" / NAME

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the search; it marks every process that descends from it."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent))),
            "QUICK_FAULTS": str(self.faults),
            "QUICK_EPOCH_S": str(self.epoch_s),
            "XDG_CACHE_HOME": str(self.root / "cache"),
        }

    @property
    def line(self) -> list[str]:
        """The command line, the same every time."""
        settings = {
            "conf": "smoke",
            "data.root": str(self.root / "data"),
            "store.folder": str(self.root / "runs"),
            "store.free_mb_min": "2",
            "budget.trials": str(self.trials),
            "workers": str(self.workers),
            "sampler": "random",
            "pruner": "none",
            "trial.run": "quick_trainer:run_trial",
            "trial.epochs": str(self.epochs),
            "trial.silence_s": "8",
            "trial.memory_mb": "1500",
            "trial.processes_max": "30",
            "pruner.rungs": "2",
            "space.train.lr0": "'tag(log, interval(1e-4, 1e-2))'",
        }
        return [str(AUTOML), "search", *(f"{k}={v}" for k, v in settings.items()), *self.overrides]

    def start(self) -> None:
        """Give the line."""
        with (self.root / "output.txt").open("a") as log:
            self.searcher = subprocess.Popen(
                self.line, cwd=self.root, env=self.environment, stdout=log, stderr=subprocess.STDOUT, text=True
            )

    @property
    def is_running(self) -> bool:
        """Whether the searching process lives."""
        return self.searcher is not None and self.searcher.poll() is None

    def processes(self) -> list[psutil.Process]:
        """Return all living processes that descend from this arena's searches, whoever their parent is now."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("QUICK_FAULTS") == str(self.faults) and process.status() != "zombie":
                    found.append(process)
        return found

    def trial_processes(self) -> list[psutil.Process]:
        """Return the processes of trials: children of the fork server."""
        assert self.searcher is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            return [trial for server in psutil.Process(self.searcher.pid).children() for trial in server.children()]
        return []

    def finish(self) -> None:
        """Give the line until the budget is used."""
        for _ in range(50):
            if not self.is_running:
                self.start()
            assert self.searcher is not None
            code = self.searcher.wait(LONG_S)
            if code == 0:
                return
        raise AssertionError(f"the search does not end: {(self.root / 'output.txt').read_text()[-3000:]}")

    def stored(self) -> list[FrozenTrial]:
        """Return the trials in the store."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        url = f"sqlite:///{self.folder / 'study.sqlite3'}"
        return optuna.load_study(study_name=NAME, storage=url).get_trials(deepcopy=False)

    def epochs_trained(self) -> Counter[tuple[int, int]]:
        """Return how often each epoch of each trial was trained."""
        found: Counter[tuple[int, int]] = Counter()
        for log in self.folder.glob("trials/*/epochs.log"):
            for line in log.read_text().splitlines():
                found[int(log.parent.name), int(line)] += 1
        return found

    def repeated(self) -> int:
        """Return how many epochs were trained more than once."""
        trained = self.epochs_trained()
        return trained.total() - len(trained)


def suffer(arena: Arena, kind: str, chance: random.Random) -> frozenset[int]:
    """Let one fault happen to a search that runs, or will; return the trials that it can have hurt."""
    if not arena.is_running:
        arena.start()
    if kind in EXPECTED:
        return frozenset({_plant(arena, kind, chance)})
    _wait_for_training(arena, chance)
    running = frozenset(trial.number for trial in arena.stored() if trial.state is TrialState.RUNNING)
    FROM_OUTSIDE_DONE[kind](arena)
    return running


def _plant(arena: Arena, kind: str, chance: random.Random) -> int:
    """Lay a fault out for the next trial that comes by, wait until it has happened, and return the trial."""
    late = "late" if kind in ("truncated", "both", "searcher") and chance.random() < 0.5 else "fault"
    planted = arena.faults / f"{late}-{kind}-{time.monotonic_ns()}"
    time.sleep(chance.uniform(0, 0.3))
    planted.touch()
    end = time.monotonic() + LONG_S
    while planted.exists():
        if not arena.is_running:
            arena.start()
        assert time.monotonic() < end, f"no trial came by {planted.name}"
        time.sleep(0.01)
    taken = next(arena.faults.glob(f"taken-{planted.name}-*"))
    number = int(taken.name.split("-")[4])
    if EXPECTED[kind] is not None:
        _wait_for_failure(arena, number, kind)
    return number


def _wait_for_failure(arena: Arena, number: int, kind: str) -> None:
    """Wait until the failure that a fault leads to is in the store, so that the next fault cannot hide it."""
    end = time.monotonic() + LONG_S
    while arena.stored()[number].state is not TrialState.FAIL:
        assert time.monotonic() < end, f"trial {number} has not failed of {kind}"
        if not arena.is_running:
            arena.start()
        time.sleep(0.1)


def _wait_for_training(arena: Arena, chance: random.Random) -> None:
    end = time.monotonic() + LONG_S
    while not arena.trial_processes():
        assert time.monotonic() < end, "no trial started"
        if not arena.is_running:
            arena.start()
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.2))


def _kill_searcher(arena: Arena) -> None:
    assert arena.searcher is not None
    arena.searcher.kill()
    arena.searcher.wait()


def _kill_trial(arena: Arena) -> None:
    for trial in arena.trial_processes()[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            trial.kill()


def _kill_all(arena: Arena) -> None:
    for process in arena.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert arena.searcher is not None
    arena.searcher.wait()


def _interrupt(arena: Arena) -> None:
    assert arena.searcher is not None
    arena.searcher.send_signal(signal.SIGINT)
    arena.searcher.wait(LONG_S)


def _lock_store(arena: Arena) -> None:
    with contextlib.closing(sqlite3.connect(arena.folder / "study.sqlite3", timeout=60)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(arena.lock_s)
        connection.rollback()


def _fill_disk(arena: Arena, seconds: float = 4.0) -> None:
    """Fill the disk of the study, which must be a small one, for a while."""
    ballast = arena.folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    time.sleep(seconds)
    ballast.unlink()


FROM_OUTSIDE_DONE: dict[str, Callable[[Arena], None]] = {
    "kill searcher": _kill_searcher,
    "kill trial": _kill_trial,
    "kill all": _kill_all,
    "ctrl-c": _interrupt,
    "lock store": _lock_store,
    "fill disk": _fill_disk,
}


# What must hold in the end


def check(arena: Arena) -> None:
    """Check a study whose budget is used: nothing double, nothing half done, nothing left behind."""
    output = (arena.root / "output.txt").read_text()
    assert "Traceback" not in output, output[output.index("Traceback") :][:5000]
    trials = arena.stored()
    assert [trial.number for trial in trials] == list(range(arena.trials))
    assert all(trial.state.is_finished() for trial in trials), [t.state.name for t in trials]
    trained = arena.epochs_trained()
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            assert {epoch for number, epoch in trained if number == trial.number} == set(range(1, arena.epochs + 1))
            told = [rung["epoch"] for rung in trial.user_attrs[keys.RUNGS]]
            assert told == sorted(set(told))
            assert told[-1] == arena.epochs
        elif trial.state is TrialState.FAIL:
            end = Ending.from_json(trial.user_attrs[keys.ENDING])
            assert end.reason
            assert end.death is not None
            assert end.death.seconds > 0
    _check_folder(arena, trials)
    _check_processes(arena)


def lost(trials: list[FrozenTrial], faults: list[Fault]) -> dict[int, str]:
    """Return the trials that neither finished nor died of what had hit them, each with a kind of fault to blame."""
    found = {}
    for trial in trials:
        kinds = [fault.kind for fault in faults if trial.number in fault.hit]
        if trial.state is not TrialState.COMPLETE and not _died_of(trial, kinds):
            found[trial.number] = kinds[-1] if kinds else "none"
    return found


def _died_of(trial: FrozenTrial, kinds: list[str]) -> bool:
    """Whether a trial has failed of one of these faults, or of one too often that it is taken up after."""
    if trial.state is not TrialState.FAIL:
        return False
    failure = Failure(Ending.from_json(trial.user_attrs[keys.ENDING]).error_class)
    attempts = [attempt["error_class"] for attempt in trial.user_attrs.get(keys.ATTEMPTS, [])]
    if failure in OF_MEMORY:
        return kinds.count("allocate") + kinds.count("device") > 1 and any(a in OF_MEMORY for a in attempts)
    if failure == Failure.KILLED:
        return attempts.count(Failure.KILLED) >= PASSING_MAX
    return failure in {EXPECTED.get(kind) for kind in kinds}


def _check_folder(arena: Arena, trials: list[FrozenTrial]) -> None:
    folders = sorted(path.name for path in (arena.folder / "trials").iterdir())
    assert folders == [f"{trial.number:05d}" for trial in trials]
    left = [
        str(path.relative_to(arena.folder))
        for pattern in ("**/*.partial*", "trials/*/training-*", ".measure-*")
        for path in arena.folder.glob(pattern)
    ]
    assert not left, left
    with contextlib.closing(sqlite3.connect(arena.folder / "study.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _check_processes(arena: Arena) -> None:
    end = time.monotonic() + 10
    while (left := arena.processes()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, [(process.pid, words_of(process)) for process in left]


# Data, a small disk, the run


def write_images(root: Path) -> None:
    """Write a data set of six images in YOLO's layout."""
    chance = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            image = chance.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(root / "images" / split / f"{i}.png"), image)
            (root / "labels" / split / f"{i}.txt").write_text("0 0.5 0.5 0.3 0.3\n")
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [thing]\n")


def settle(arena: Arena) -> None:
    """Wait until what a fault has cut is being trained again, so that what is repeated shows."""
    trained = arena.epochs_trained().total()
    end = time.monotonic() + LONG_S
    while arena.epochs_trained().total() <= trained + arena.workers:
        if not arena.is_running:
            if arena.searcher is not None and arena.searcher.returncode == 0:
                return
            arena.start()
        assert time.monotonic() < end, "nothing is trained any more"
        time.sleep(0.05)


def run_study(root: Path, kinds: list[str], chance: random.Random, lock_s: float) -> dict[str, Tally]:
    """Search one study with these faults, check it, and return what they have cost.

    Its budget has no end while faults are made, so that each finds a trial; then the search is stopped, and goes on to
    a few trials more.
    """
    arena = Arena(root, trials=MANY, workers=chance.choice((1, 1, 2, 3)), lock_s=lock_s)
    faults = []
    with small_disk(arena.root / "runs", DISK_MB) as is_small:
        for kind in kinds:
            if kind != "fill disk" or is_small:
                began, repeated = time.monotonic(), arena.repeated()
                hit = suffer(arena, kind, chance)
                settle(arena)
                faults.append(Fault(kind, hit, arena.repeated() - repeated, time.monotonic() - began))
        _wait_for_training(arena, chance)
        _interrupt(arena)
        arena.trials = len(arena.stored()) + 4
        arena.finish()
        check(arena)
        assert arena.repeated() <= 2 * len(kinds) * arena.workers  # a damaged checkpoint costs two
        return _tallied(faults, lost(arena.stored(), faults))


def _tallied(faults: list[Fault], lost_to: dict[int, str]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for fault in faults:
        tally = found.setdefault(fault.kind, Tally())
        tally.times += 1
        tally.repeated += fault.repeated
        tally.seconds.append(fault.seconds)
    for kind in lost_to.values():
        found.setdefault(kind, Tally()).lost += 1
    return found


def table(tallies: dict[str, Tally]) -> str:
    """Return the table of faults."""
    lines = [f"{'fault':16} {'times':>6} {'lost trials':>12} {'repeated epochs':>16} {'seconds':>8}"]
    rows = [*sorted(tallies.items()), ("all", total(list(tallies.values())))]
    for kind, tally in rows:
        seconds = statistics.median(tally.seconds or [0.0])
        lines.append(f"{kind:16} {tally.times:6} {tally.lost:12} {tally.repeated:16} {seconds:8.1f}")
    return "\n".join(lines)


def total(each: list[Tally]) -> Tally:
    """Return the sum of tallies."""
    seconds = [second for tally in each for second in tally.seconds]
    return Tally(sum(t.times for t in each), sum(t.lost for t in each), sum(t.repeated for t in each), seconds)


def run_faults(count: int, seed: int, root: Path, per_study: int = 10, lock_s: float = 3.0) -> dict[str, Tally]:
    """Let `count` faults happen, every kind about equally often, in random order; a locked store for `lock_s`."""
    chance = random.Random(seed)
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    chance.shuffle(kinds)
    studies = []
    for number, begin in enumerate(range(0, count, per_study)):
        began = time.monotonic()
        studies.append(run_study(root / f"study-{number}", kinds[begin : begin + per_study], chance, lock_s))
        print(f"study {number}: {kinds[begin : begin + per_study]} {time.monotonic() - began:.0f} s", flush=True)
    found = dict.fromkeys(kind for tallies in studies for kind in tallies)
    return {kind: total([tallies[kind] for tallies in studies if kind in tallies]) for kind in found}


def main() -> None:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-study", type=int, default=10)
    parser.add_argument("--lock-s", type=float, default=30.0, help="seconds that a store is locked for")
    parser.add_argument("--keep", type=Path, default=None, help="folder to work in, kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = asked.keep or Path(folder)
        found = run_faults(asked.faults, asked.seed, root, asked.per_study, asked.lock_s)
    print(table(found))
    sys.exit(total(list(found.values())).lost > 0)


if __name__ == "__main__":
    main()
