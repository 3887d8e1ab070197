"""Eight workers on one SQLite file: is anything lost, and what does a trial cost beside its training?

    PYTHONPATH=tests python tests/benchmarks/eight_workers.py [--trials 2000] [--ways processes,workers,optuna]

Three ways to the same number of trials, each on a file of its own, with random sampling in all of them:

- `processes`: eight searching processes by the same line, one worker each;
- `workers`: one searching process with eight workers;
- `optuna`: eight processes of plain Optuna, each of which asks, suggests the same dimensions and tells, and no more:
  no trial's process, no checkpoint, no candidate or reason kept. Its file waits for locks as long as ours.

What a trial costs beside the trainer's own milliseconds is told twice, as median and 95th percentile: `store_ms` from
when the store says that it was asked for to when it was told, and `cycle_ms` by the process's own clock, from the end
of one trial to the end of the next: with choosing, the process's start and end, the table, and the room on the disk.
Under `workers` the trials of one process overlap, and `cycle_ms` is the time between two ends, whose ever they are.
Prints a JSON line per way, then the ratios to Optuna. It fails if a trial is lost, double, failed or trained twice, or
if a lock shows as an error.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import optuna
from fault_harness import NAME, Arena
from optuna.trial import FrozenTrial, TrialState

from search.samplers.registry import suggest
from search.settings.settings import load_settings
from search.study.sqlite_check import LOCK_WAIT_S

PROCESSES = 8
EPOCHS, EPOCH_S = 2, 0.002
OWN_MS = 1000 * EPOCHS * EPOCH_S  # of the trainer
Line = dict[str, float | int | str]


def main() -> None:
    """Run the ways and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--ways", type=lambda text: text.split(","), default="processes,workers,optuna")
    options = parser.parse_args()
    told: dict[str, Line] = {}
    for way in options.ways:
        with tempfile.TemporaryDirectory() as name:
            told[way] = WAYS[way](Path(name), options.trials)
        print(json.dumps({"way": way, "trials": options.trials, **told[way]}), flush=True)
    if "optuna" in told:
        print(json.dumps({way: ratios(line, told["optuna"]) for way, line in told.items() if way != "optuna"}))


def by_processes(root: Path, trials: int) -> Line:
    """Search by eight processes."""
    return searched(root, trials, processes=PROCESSES, workers=1)


def by_workers(root: Path, trials: int) -> Line:
    """Search by one process."""
    return searched(root, trials, processes=1, workers=PROCESSES)


def searched(root: Path, trials: int, *, processes: int, workers: int) -> Line:
    """Give the line so many times at once, and check and measure what they did."""
    arena = Arena(root / "study", trials, EPOCHS, workers, EPOCH_S, ("--log-format", "json"))
    outputs = [root / f"output-{number}.txt" for number in range(processes)]
    began = time.perf_counter()
    searches = []
    for path in outputs:
        with path.open("w") as file:
            searches.append(
                subprocess.Popen(arena.line, cwd=root, env=arena.environment, stdout=file, stderr=subprocess.STDOUT)
            )
    codes = [search.wait() for search in searches]
    seconds = time.perf_counter() - began
    texts = [path.read_text() for path in outputs]
    assert codes == [0] * processes, [text[-1000:] for text in texts]
    assert not any("Traceback" in text or "locked" in text for text in texts)
    stored = arena.stored()
    check(stored, trials)
    assert arena.repeated() == 0
    assert sum(arena.epochs_trained().values()) == trials * EPOCHS
    return {"seconds": round(seconds, 1), **costs(stored, [ends_of(text) for text in texts], OWN_MS)}


def check(stored: Sequence[FrozenTrial], trials: int) -> None:
    """Check that every trial is there once, and finished."""
    assert [trial.number for trial in stored] == list(range(trials))
    assert {trial.state for trial in stored} == {TrialState.COMPLETE}


def ends_of(output: str) -> list[float]:
    """Return when a search's trials ended, in seconds, by its own clock."""
    events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [datetime.fromisoformat(e["time"]).timestamp() for e in events if e["event"] == "trial_ended"]


def costs(stored: Sequence[FrozenTrial], ends: Sequence[Sequence[float]], own_ms: float) -> Line:
    """Return what a trial costs beside its training.

    Args:
        stored: the trials.
        ends: when the trials of each process ended, in seconds.
        own_ms: of the trainer.
    """
    store_ms = [1000 * trial.duration.total_seconds() - own_ms for trial in stored if trial.duration]
    cycle_ms = [1000 * (later - sooner) - own_ms for of_one in ends for sooner, later in pairwise(of_one)]
    named = {"store_ms": store_ms, "cycle_ms": cycle_ms}
    return {f"{name}_{word}": round(value, 1) for name, ms in named.items() for word, value in quantiles(ms).items()}


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    return {"median": statistics.median(values), "p95": statistics.quantiles(values, n=20)[-1]}


def by_optuna(root: Path, trials: int) -> Line:
    """Ask and tell by eight processes of plain Optuna."""
    url = f"sqlite:///{root / 'plain.sqlite3'}"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(study_name=NAME, storage=url, directions=["maximize", "minimize"])
    line = Arena(root / "study", trials).line[2:]
    context = multiprocessing.get_context("spawn")
    shares = [len(range(number, trials, PROCESSES)) for number in range(PROCESSES)]
    began = time.perf_counter()
    with context.Pool(PROCESSES) as pool:
        ends = pool.starmap(ask_and_tell, [(url, line, share, seed) for seed, share in enumerate(shares)], 1)
    seconds = time.perf_counter() - began
    stored = optuna.load_study(study_name=NAME, storage=url).get_trials(deepcopy=False)
    check(stored, trials)
    return {"seconds": round(seconds, 1), **costs(stored, ends, 0.0)}


def ask_and_tell(url: str, line: list[str], trials: int, seed: int) -> list[float]:
    """Do so in this process; return when each trial ended, in seconds."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": LOCK_WAIT_S}})
    study = optuna.load_study(study_name=NAME, storage=storage, sampler=optuna.samplers.RandomSampler(seed=seed))
    space = load_settings(line).space
    ends = []
    for _ in range(trials):
        trial = study.ask()
        suggest(trial, space)
        study.tell(trial, [0.5, 1.0])
        ends.append(time.time())
    return ends


def ratios(line: Line, plain: Line) -> Line:
    """Return how many times as much a trial costs as Optuna's."""
    return {name: round(float(line[name]) / float(plain[name]), 2) for name in plain if name in line}


WAYS = {"processes": by_processes, "workers": by_workers, "optuna": by_optuna}

if __name__ == "__main__":
    main()
