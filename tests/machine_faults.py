"""Random faults over a study of several machines, on a real PostgreSQL and a real S3 server: nothing lost or twice.

`python tests/machine_faults.py --faults 100 --seed 0` runs searches of milliseconds by the installed script, with the
trainer of `quick_trainer.py`. Each "machine" has a study folder, a cache folder and processes of its own; what they
share is a database and a bucket, behind lines that are cut. The forms: `bare` gives the same line on each machine,
`local`, `ray` and `dask` let one command start the workers. Prints a table: fault, times, lost trials, repeated epochs,
median seconds until work goes on.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import fault_harness as single
import optuna
import psutil
from cut_line import CutLine, cut_line
from fault_harness import AUTOML, HERE, LONG_S, NAME, Fault, Tally
from optuna.trial import FrozenTrial, TrialState
from postgres_server import PostgresServer, postgres_server
from process_words import words_of
from s3_server import S3Server, s3_server

from objectives.records import attributes as keys
from objectives.records.study_record import StudyRecord
from search.study.sessions import covered_s

LEASE_S = 3.0
EPOCHS = 5
HOURS_OFF_MOST = 0.05


@dataclass
class Services:
    """What the machines share, and the lines to it."""

    database: PostgresServer
    to_database: CutLine
    objects: S3Server
    to_objects: CutLine


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """Run both servers, each behind a line of its own."""
    with ExitStack() as stack:
        database, objects = stack.enter_context(postgres_server()), stack.enter_context(s3_server())
        lines = (stack.enter_context(cut_line(port)) for port in (database.port, objects.port))
        to_database, to_objects = lines
        yield Services(database, to_database, objects, to_objects)


@dataclass
class Machine:
    """One of the machines, as it were: folders and processes of its own."""

    root: Path
    name: str
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        """The machine's own."""
        return self.root / self.name

    @property
    def is_running(self) -> bool:
        """Whether the command that was given here lives."""
        return self.process is not None and self.process.poll() is None


@dataclass
class Arena:
    """One study, searched by several machines until its budget is used."""

    root: Path
    shared: Services
    trials: int
    form: str = "bare"
    count: int = 3
    away_s: float = 5.0
    overrides: tuple[str, ...] = ()
    database: str = ""
    machines: list[Machine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.shared.database.new_database()
        (self.root / "faults").mkdir(parents=True)
        single.write_images(self.root / "data")
        names = [f"machine{i}" for i in range(self.count if self.form == "bare" else 1)]
        self.machines = [Machine(self.root, name) for name in names]
        for machine in self.machines:
            machine.folder.mkdir()

    def line(self, machine: Machine) -> list[str]:
        """Return the command line; it is the same on all machines but for the folder."""
        settings = {
            "conf": "smoke",
            "data.root": str(self.root / "data"),
            "store.url": self.shared.database.url(self.database, self.shared.to_database.port),
            "store.artifacts": f"s3://{self.shared.objects.bucket}/{self.database}",
            "store.folder": str(machine.folder / "runs"),
            "store.lease_s": str(LEASE_S),
            "store.free_mb_min": "2",
            "budget.trials": str(self.trials),
            "sampler": "random",
            "pruner": "none",
            "trial.run": "quick_trainer:run_trial",
            "trial.epochs": str(EPOCHS),
            "trial.silence_s": "60",
            "pruner.rungs": "2",
            "space.train.lr0": "'tag(log, interval(1e-4, 1e-2))'",
        }
        if self.form != "bare":
            settings |= {"cluster": self.form, "cluster.workers": str(self.count)}
        return [str(AUTOML), "search", *(f"{k}={v}" for k, v in settings.items()), *self.overrides]

    def environment(self, machine: Machine) -> dict[str, str]:
        """Return the environment of a machine's commands; it marks every process that descends from them."""
        return {
            **os.environ,
            **self.shared.objects.environment(self.shared.to_objects.port),
            "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent))),
            "QUICK_FAULTS": str(self.root / "faults"),
            "QUICK_EPOCH_S": "0.05",
            "QUICK_MACHINE": machine.name,
            "XDG_CACHE_HOME": str(machine.folder / "cache"),
            "RAY_TMPDIR": str(self.root),
        }

    def start(self, machine: Machine) -> None:
        """Give the line on a machine where it does not run."""
        if machine.is_running:
            return
        with (machine.folder / "output.txt").open("ab") as log:
            machine.process = subprocess.Popen(
                self.line(machine), cwd=machine.folder, env=self.environment(machine), stdout=log, stderr=log
            )

    def processes(self, machine: Machine | None = None) -> list[psutil.Process]:
        """Return all living processes that descend from a machine's commands, or from those of all."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                is_here = environment.get("QUICK_FAULTS") == str(self.root / "faults")
                of_machine = machine is None or environment.get("QUICK_MACHINE") == machine.name
                if is_here and of_machine and process.status() != "zombie":
                    found.append(process)
        return found

    def searchers(self) -> list[psutil.Process]:
        """Return the processes that search: those of lines without a cluster, and workers of one."""
        found = []
        for process in self.processes():
            line = words_of(process)
            is_plain = len(line) > 2 and line[1] == str(AUTOML) and not any(w.startswith("cluster=") for w in line)
            if is_plain or "search.commands.workers.child" in line:
                found.append(process)
        return found

    def trial_processes(self) -> list[psutil.Process]:
        """Return the processes of trials: children of the fork servers of searching processes."""
        found = []
        for searcher in self.searchers():
            with contextlib.suppress(psutil.Error):
                found += [trial for server in searcher.children() for trial in server.children()]
        return found

    def stored(self) -> list[FrozenTrial]:
        """Return the trials in the store, by a line of our own; none where there is no study yet."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = optuna.storages.RDBStorage(self.shared.database.url(self.database), skip_table_creation=True)
        try:
            study = optuna.load_study(study_name=NAME, storage=storage)
            return study.get_trials(deepcopy=False)
        except (KeyError, optuna.exceptions.StorageInternalError):
            return []
        finally:
            storage.engine.dispose()

    def epochs_trained(self) -> Counter[tuple[int, int]]:
        """Return how often each epoch of each trial was trained, on whatever machine."""
        found: Counter[tuple[int, int]] = Counter()
        for machine in self.machines:
            for log in machine.folder.glob(f"**/{NAME}/trials/*/epochs.log"):
                for line in log.read_text().splitlines():
                    found[int(log.parent.name), int(line)] += 1
        return found

    def repeated(self) -> int:
        """Return how many epochs were trained more than once."""
        trained = self.epochs_trained()
        return trained.total() - len(trained)

    def finish(self) -> None:
        """Give the line on all machines until the budget is used."""
        until = time.monotonic() + 3 * LONG_S
        while not all(machine.process is not None and machine.process.poll() == 0 for machine in self.machines):
            for machine in self.machines:
                if machine.process is None or machine.process.poll() not in (None, 0):
                    self.start(machine)
            assert time.monotonic() < until, f"the search does not end: {self.outputs()[-3000:]}"
            time.sleep(0.1)

    def outputs(self) -> str:
        """Return what all machines printed."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.root.glob("*/output.txt")))

    def wait_for_training(self) -> None:
        """Wait until a trial runs somewhere."""
        until = time.monotonic() + LONG_S
        while not self.trial_processes():
            for machine in self.machines:
                self.start(machine)
            assert time.monotonic() < until, f"no trial started: {self.outputs()[-3000:]}"
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until trials are trained again on every machine that was hurt."""
        trained = self.epochs_trained().total()
        until = time.monotonic() + LONG_S
        while self.epochs_trained().total() <= trained + self.count * EPOCHS:
            for machine in self.machines:
                self.start(machine)
            assert time.monotonic() < until, f"nothing is trained any more: {self.outputs()[-3000:]}"
            time.sleep(0.1)


# Faults


def _kill_worker(arena: Arena, chance: random.Random) -> None:
    _signal_one(arena.searchers(), signal.SIGKILL, chance)


def _interrupt_worker(arena: Arena, chance: random.Random) -> None:
    _signal_one(arena.searchers(), signal.SIGINT, chance)


def _kill_trial(arena: Arena, chance: random.Random) -> None:
    _signal_one(arena.trial_processes(), signal.SIGKILL, chance)


def _kill_machine(arena: Arena, chance: random.Random) -> None:
    machine = chance.choice(arena.machines)
    for process in arena.processes(machine):
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert machine.process is not None
    machine.process.wait()


def _freeze_worker(arena: Arena, chance: random.Random) -> None:
    """Stop a searching process alone beyond its lease, and let it wake."""
    searchers = arena.searchers()
    if searchers:
        _frozen([chance.choice(searchers)], 3 * LEASE_S)


def _freeze_machine(arena: Arena, chance: random.Random) -> None:
    """Stop all processes of a searching process beyond its lease, and let them wake."""
    searchers = arena.searchers()
    if searchers:
        chosen = chance.choice(searchers)
        _frozen([chosen, *chosen.children(recursive=True)], 3 * LEASE_S)


def _cut_database(arena: Arena, _: random.Random) -> None:
    arena.shared.to_database.cut()
    time.sleep(arena.away_s)
    arena.shared.to_database.mend()


def _restart_database(arena: Arena, chance: random.Random) -> None:
    arena.shared.database.stop(chance.choice([signal.SIGINT, signal.SIGQUIT]))
    time.sleep(chance.uniform(0, 2))
    arena.shared.database.start()


def _cut_objects(arena: Arena, _: random.Random) -> None:
    arena.shared.to_objects.cut()
    time.sleep(arena.away_s)
    arena.shared.to_objects.mend()


def _freeze_objects(arena: Arena, _: random.Random) -> None:
    arena.shared.objects.freeze()
    time.sleep(arena.away_s)
    arena.shared.objects.thaw()


def _kill_launcher(arena: Arena, _: random.Random) -> None:
    process = arena.machines[0].process
    assert process is not None
    process.kill()
    process.wait()


def _interrupt_launcher(arena: Arena, _: random.Random) -> None:
    process = arena.machines[0].process
    assert process is not None
    process.send_signal(signal.SIGINT)
    process.wait(LONG_S)


def _signal_one(processes: list[psutil.Process], number: signal.Signals, chance: random.Random) -> None:
    with contextlib.suppress(psutil.Error, IndexError):
        chance.choice(processes).send_signal(number)


def _frozen(processes: list[psutil.Process], seconds: float) -> None:
    for word in ("suspend", "resume"):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                getattr(process, word)()
        if word == "suspend":
            time.sleep(seconds)


Doing = Callable[[Arena, random.Random], None]
ANYWHERE: dict[str, Doing] = {
    "kill worker": _kill_worker,
    "ctrl-c worker": _interrupt_worker,
    "kill trial": _kill_trial,
    "freeze worker": _freeze_worker,
    "freeze machine": _freeze_machine,
    "cut database": _cut_database,
    "restart database": _restart_database,
    "cut objects": _cut_objects,
    "freeze objects": _freeze_objects,
}
OF_FORM: dict[str, dict[str, Doing]] = {
    "bare": {"kill machine": _kill_machine},
    "local": {"kill launcher": _kill_launcher, "ctrl-c launcher": _interrupt_launcher},
    "ray": {"kill launcher": _kill_launcher, "ctrl-c launcher": _interrupt_launcher},
    "dask": {"kill launcher": _kill_launcher, "ctrl-c launcher": _interrupt_launcher},
}


# What must hold in the end


def check(arena: Arena) -> None:
    """Check a study whose budget is used: nothing double, nothing half done, nothing left behind."""
    output = arena.outputs()
    assert "Traceback" not in output, output[output.index("Traceback") :][:5000]
    trials = arena.stored()
    assert [trial.number for trial in trials] == list(range(arena.trials))
    assert all(trial.state.is_finished() for trial in trials), Counter(t.state.name for t in trials)
    trained = arena.epochs_trained()
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            assert {epoch for number, epoch in trained if number == trial.number} == set(range(1, EPOCHS + 1))
            epochs = [rung["epoch"] for rung in trial.user_attrs[keys.RUNGS]]
            assert epochs == sorted(set(epochs))
            assert epochs[-1] == EPOCHS
    _check_objects(arena, trials)
    _check_processes(arena)


def _check_objects(arena: Arena, trials: list[FrozenTrial]) -> None:
    """Check that every file that a trial lists lies whole in the bucket."""
    client, prefix = arena.shared.objects.client(), f"{arena.database}/"
    there: dict[str, int] = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=arena.shared.objects.bucket, Prefix=prefix):
        there |= {found["Key"].removeprefix(prefix): found["Size"] for found in page.get("Contents", [])}
    for trial in trials:
        listed = trial.user_attrs.get(keys.FILES, {})
        if trial.state is TrialState.COMPLETE:
            assert {"model.onnx", "weights.pt"} <= listed.keys(), (trial.number, listed)
        for name, entry in listed.items():
            if name.startswith("training-"):  # checkpoints go when a trial ends, and its list cannot be written then
                continue
            assert any(key.endswith(entry["object"]) and size == entry["bytes"] for key, size in there.items()), (
                trial.number,
                name,
                entry,
            )


def _check_processes(arena: Arena) -> None:
    until = time.monotonic() + 20
    while (left := arena.processes()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left, [(process.pid, words_of(process)) for process in left]


def lost(trials: list[FrozenTrial]) -> list[int]:
    """Return the trials that did not finish: none of these faults is a reason to."""
    return [trial.number for trial in trials if trial.state is not TrialState.COMPLETE]


def run_study(
    root: Path, shared: Services, form: str, kinds: list[str], chance: random.Random, away_s: float
) -> dict[str, Tally]:
    """Search one study with these faults, check it, and return what they have cost."""
    arena = Arena(root, shared, trials=single.MANY, form=form, away_s=away_s)
    found: dict[str, Tally] = {}
    faults = []
    for kind in kinds:
        arena.wait_for_training()
        time.sleep(chance.uniform(0, 0.5))
        began, repeated = time.monotonic(), arena.repeated()
        {**ANYWHERE, **OF_FORM[form]}[kind](arena, chance)
        arena.settle()
        faults.append(Fault(kind, frozenset(), arena.repeated() - repeated, time.monotonic() - began))
    for machine in arena.machines:
        if machine.process is not None and machine.is_running:
            machine.process.send_signal(signal.SIGINT)
            machine.process.wait(LONG_S)
    arena.trials = len(arena.stored()) + 4
    arena.finish()
    check(arena)
    for fault in faults:
        tally = found.setdefault(fault.kind, Tally())
        tally.times += 1
        tally.repeated += fault.repeated
        tally.seconds.append(fault.seconds)
    found.setdefault("all faults", Tally()).lost += len(lost(arena.stored()))
    return found


def hours_used(root: Path, shared: Services, seconds: float, chance: random.Random) -> float:
    """Search with a budget of so many seconds, faults among them, and return the share of it that was used."""
    hours = seconds / 3600
    arena = Arena(root, shared, trials=single.MANY, overrides=(f"budget.hours={hours}",), away_s=LEASE_S)
    kinds = {**ANYWHERE, **OF_FORM["bare"]}
    for kind in chance.sample(sorted(kinds), 3):
        arena.wait_for_training()
        kinds[kind](arena, chance)
    arena.finish()
    storage = optuna.storages.RDBStorage(shared.database.url(arena.database), skip_table_creation=True)
    sessions = StudyRecord.of(optuna.load_study(study_name=NAME, storage=storage)).sessions
    storage.engine.dispose()
    return covered_s(span for session in sessions.values() for span in session.spans) / seconds


def run_faults(count: int, seed: int, root: Path, forms: list[str], per_study: int, away_s: float) -> dict[str, Tally]:
    """Let `count` faults happen, every kind of a form about equally often, in random order."""
    chance = random.Random(seed)
    studies = []
    with services() as shared:
        for number, begin in enumerate(range(0, count, per_study)):
            form = forms[number % len(forms)]
            known = [*ANYWHERE, *OF_FORM[form]]
            kinds = [known[(begin + i) % len(known)] for i in range(min(per_study, count - begin))]
            chance.shuffle(kinds)
            began = time.monotonic()
            studies.append(run_study(root / f"study-{number}", shared, form, kinds, chance, away_s))
            print(f"study {number}, {form}: {kinds} {time.monotonic() - began:.0f} s", flush=True)
    found = dict.fromkeys(kind for tallies in studies for kind in tallies)
    return {kind: single.total([tallies[kind] for tallies in studies if kind in tallies]) for kind in found}


def main() -> None:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-study", type=int, default=10)
    parser.add_argument("--forms", type=lambda text: text.split(","), default=["bare", "local", "ray", "dask"])
    parser.add_argument("--away-s", type=float, default=10.0, help="seconds that a server is away for")
    parser.add_argument("--hours-s", type=float, default=0.0, help="instead: a budget of so many seconds, with faults")
    parser.add_argument("--keep", type=Path, default=None, help="folder to work in, kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = asked.keep or Path(folder)
        if asked.hours_s:
            with services() as shared:
                used = hours_used(root / "hours", shared, asked.hours_s, random.Random(asked.seed))
            print(f"{used:.3f} of the hours of the budget were used")
            sys.exit(abs(used - 1) > HOURS_OFF_MOST)
        found = run_faults(asked.faults, asked.seed, root, asked.forms, asked.per_study, asked.away_s)
    print(single.table(found))
    sys.exit(single.total(list(found.values())).lost > 0)


if __name__ == "__main__":
    main()
