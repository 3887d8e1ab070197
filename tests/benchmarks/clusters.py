"""What a cluster costs: searches by two workers on Ray and on Dask against a plain search of two workers, in turn.

    python tests/benchmarks/clusters.py [--trials 40] [--epoch-s 0.2] [--rounds 3] [--real]

Each search has a store of its own on the tests' own PostgreSQL. Trials train by the quick trainer, five epochs of
`epoch-s` each; `--real` trains `conf=retail` on the embedded data set, two epochs each, elastic trainings and children
left out. Prints for each kind the trials that finished, the seconds from the first trial's begin to the last one's end,
those of the whole command, and the ratio of the medians to the first kind's. Two plain processes stand beside: what is
theirs is not the cluster's.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parents[1]))

import optuna
from fault_harness import NAME, Arena
from postgres_server import PostgresServer, postgres_server

KINDS = {
    "plain": ("workers=2",),
    "two processes": (),  # the same line twice
    "local": ("cluster=local", "cluster.workers=2"),
    "ray": ("cluster=ray", "cluster.address=local", "cluster.workers=2"),
    "dask": ("cluster=dask", "cluster.address=local", "cluster.workers=2"),
}
REAL = (
    *("conf=retail", "name=smoke", "baseline=none", "start=[]", "space/slim=none", "trial.epochs=2", "sampler=random"),
    *("data.check=off", "gate={}"),
)


@dataclass(frozen=True)
class Run:
    """One search: trials that finished, seconds of the trials from first to last, and of the command."""

    finished: int
    trials_s: float
    command_s: float


def main() -> None:
    """Run the searches in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epoch-s", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of these: %(default)s")
    options = parser.parse_args()
    runs: dict[str, list[Run]] = defaultdict(list)
    with postgres_server() as server:
        for _ in range(options.rounds):
            for kind in options.kinds.split(","):
                run = searched(server, kind, options.trials, options.epoch_s, real=options.real)
                runs[kind].append(run)
                print(f"{kind:14} {run.finished:4d} {run.trials_s:8.1f} s {run.command_s:8.1f} s", flush=True)
    report(runs)


def searched(server: PostgresServer, kind: str, trials: int, epoch_s: float, *, real: bool) -> Run:
    """Run one search to its end."""
    with tempfile.TemporaryDirectory(prefix="automl-clusters-") as root:
        url = server.url(server.new_database())
        arena = Arena(Path(root) / "arena", trials, epoch_s=epoch_s, overrides=(*KINDS[kind], f"store.url={url}"))
        line = real_line(arena) if real else arena.line
        began = time.monotonic()
        with (arena.root / "output.txt").open("w") as log:
            started = [
                subprocess.Popen(line, cwd=arena.root, env=environment(arena), stdout=log, stderr=log)
                for _ in range(2 if kind == "two processes" else 1)
            ]
            codes = [process.wait() for process in started]
        seconds = time.monotonic() - began
        assert set(codes) == {0}, (arena.root / "output.txt").read_text()[-3000:]
        return run_of(url, seconds)


def real_line(arena: Arena) -> list[str]:
    """Return the line of a search that trains."""
    folder = f"store.folder={arena.root / 'runs'}"
    return [*arena.line[:2], *REAL, folder, f"budget={{trials: {arena.trials}, hours: null}}", *arena.overrides]


def environment(arena: Arena) -> dict[str, str]:
    """Return the environment of a search; figures that are kept would make later ones faster."""
    return {**os.environ, **arena.environment}


def run_of(url: str, seconds: float) -> Run:
    """Return what a store holds of a search that has ended."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials = optuna.load_study(study_name=NAME, storage=url).get_trials(deepcopy=False)
    ended = [trial for trial in trials if trial.datetime_start and trial.datetime_complete]
    first = min(trial.datetime_start for trial in ended if trial.datetime_start)
    last = max(trial.datetime_complete for trial in ended if trial.datetime_complete)
    return Run(sum(trial.state.name == "COMPLETE" for trial in ended), (last - first).total_seconds(), seconds)


def report(runs: dict[str, list[Run]]) -> None:
    """Print medians, and their ratios to those of the plain search."""

    def median(found: Sequence[Run]) -> float:
        return statistics.median(run.trials_s for run in found)

    plain = median(next(iter(runs.values())))
    print("\n| search | trials | seconds of the trials | of the command | ratio |\n|---|---|---|---|---|")
    for kind, found in runs.items():
        finished = "/".join(map(str, sorted({run.finished for run in found})))
        whole = statistics.median(run.command_s for run in found)
        print(f"| {kind} | {finished} | {median(found):.1f} | {whole:.1f} | {median(found) / plain:.2f} |")


if __name__ == "__main__":
    main()
