"""What a proposal costs: seconds by the number of finished trials, one thread.

    python tests/benchmarks/ask_time.py [--trials 300,1000,10000] [--repeats 7] [--library] [--store]

The space is that of `conf=retail`, the results are made up. Prints a JSON line: for each number of trials, median and
worst of the repeats, in seconds of the processor (`cpu`, which other work on the machine hardly moves) and of the wall.
Each repeat sees one trial more, as in a search.

`engine` knows the latencies of trials alone; `engine_curves` knows every latency, reads curves and counts seconds;
`decision` is a rung's, where 50 paused trials stand against a new one. With `--store`, `ask` is all that a search does
between two trainings, over SQLite: read the trials, decide, ask, and write the values of the new trial; `memory_mb` is
what the process has grown by then. With `--library`, what a Gaussian process of scikit-learn takes to fit its length
scales to as many trials, up to 1000, and to foretell as many candidates: a library's instead of the engine's own. It
has neither categories nor conditions (absent values become -1 here), so that this is its cheapest case. BoTorch is not
compared and not installed: it would bring torch into the searching process, which the import contracts forbid. The
claim: `engine`, `engine_curves` and `decision` under 0.1 s at the median with 10,000 trials on one core.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before NumPy is imported

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from objectives.records import attributes as keys
from objectives.records.records import Latency, Resources
from objectives.records.trial_record import Phase
from search.engine.candidates import Params, SpaceCandidates
from search.engine.encoding import Encoder
from search.engine.known_latency import KnownLatencySampler
from search.engine.models.latencies import FunctionBook
from search.engine.observed import Observed, observe
from search.engine.proposal.engine import Engine
from search.engine.schedulers.gain_per_second import GainPerSecond
from search.samplers.registry import suggest
from search.settings.settings import load_settings
from search.study.store import open_storage
from spaces.space import SearchSpace

TRIALS = "300,1000,10000"
LIBRARY_MOST = 1000  # trials that scikit-learn's process is fitted to: half a minute
CANDIDATES = 1000  # that it foretells: about the engine's pool
PAUSED = 50
LADDER = (2, 4, 8, 16, 32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=lambda text: [int(n) for n in text.split(",")], default=TRIALS)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--library", action="store_true")
    parser.add_argument("--store", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = load_settings(["conf=retail"]).space
    trials = make_trials(space, max(options.trials))
    line: dict[str, Any] = {"space": "retail", "dimensions": len(SpaceCandidates(space).domains)}
    for count in options.trials:
        found = measure(space, trials[:count], options.repeats)
        if options.library and count <= LIBRARY_MOST:
            found["scikit_learn"] = timed(lambda n: fit_scikit_learn(space, trials[:count], n), range(1))  # noqa: B023  # called at once
        if options.store:
            found |= ask_of_store(space, trials[:count], options.repeats)
        line[str(count)] = found
        sys.stderr.write(f"{count}: {found}\n")
    sys.stdout.write(json.dumps(line) + "\n")


def measure(space: SearchSpace, trials: Sequence[Observed], repeats: int) -> dict[str, Any]:
    """Return the seconds of each way; each call sees one trial more, the first one is not counted."""
    engine = Engine(SpaceCandidates(space))
    curves = Engine(SpaceCandidates(space), FunctionBook(latency_ms), 0, LADDER, per_second=True)
    paused = [_paused(t) for t in trials[-PAUSED:]]

    sampler = KnownLatencySampler(space=space, latency_ms=latency_ms, ladder=LADDER, per_second=True)

    def decide(count: int) -> object:
        return GainPerSecond(sampler).next_step([*trials[: count - PAUSED], *paused], LADDER, paused[-1].number)

    counts = [len(trials) - repeats + n for n in range(repeats + 1)]
    return {
        "engine": timed(lambda count: engine.propose(trials[:count], count), counts, skip=1),
        "engine_curves": timed(lambda count: curves.propose(trials[:count], count), counts, skip=1),
        "decision": timed(decide, counts, skip=1),
    }


def timed(way: Callable[[int], object], calls: Sequence[int], skip: int = 0) -> dict[str, float]:
    """Return median and worst seconds of some calls, but for the first ones."""
    cpu, wall = [], []
    for call in calls:
        began, began_cpu = time.perf_counter(), time.process_time()
        way(call)
        cpu.append(time.process_time() - began_cpu)
        wall.append(time.perf_counter() - began)
    cpu, wall = cpu[skip:], wall[skip:]
    found = {"cpu": median(cpu), "cpu_max": max(cpu), "wall": median(wall), "wall_max": max(wall)}
    return {name: round(seconds, 4) for name, seconds in found.items()}


def ask_of_store(space: SearchSpace, trials: Sequence[Observed], repeats: int) -> dict[str, Any]:
    """Return the seconds between two trainings of a search over SQLite, and what its process has grown by."""
    before = _resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        study = _stored(space, trials, Path(folder))
        sampler = KnownLatencySampler(space=space, latency_ms=latency_ms, ladder=LADDER, per_second=True)
        scheduler, study.sampler = GainPerSecond(sampler), sampler
        observe(study)

        def ask(_: int) -> None:
            scheduler.next_step(observe(study), LADDER, None)
            trial = study.ask()
            suggest(trial, space)
            study.tell(trial, state=TrialState.FAIL)

        found = timed(ask, range(repeats + 1), skip=1)
        return {"ask": found, "memory_mb": round(_resident_mb() - before, 1)}


def _stored(space: SearchSpace, trials: Sequence[Observed], folder: Path) -> optuna.Study:
    storage = open_storage(f"sqlite:///{folder / 'study.sqlite3'}")
    study = optuna.create_study(storage=storage, study_name="s", directions=["maximize", "minimize"])
    distributions = SpaceCandidates(space).distributions
    study.add_trials(
        create_trial(
            values=[t.final or 0.0, t.latency_ms or 1.0],
            params=dict(t.params),
            distributions={name: distributions[name] for name in t.params},
            user_attrs={
                keys.LATENCY: _latency(t.latency_ms or 1.0).to_json(),
                keys.RUNGS: [
                    {"epoch": e, "map": a, "map50": a, "seconds": s, "loss": 1.0, "decides": True}
                    for e, a, s in zip(t.epochs, t.accuracies, t.seconds, strict=True)
                ],
                keys.RESOURCES: Resources(seconds={"build": 2.0, "train": t.seconds[-1], "score": 3.0}).to_json(),
            },
        )
        for t in trials
    )
    return study


def _latency(ms: float) -> Latency:
    return Latency(ms, ms, ms, ms, ms, 60, 1.0, True, "", "", 0)


def _resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _paused(trial: Observed) -> Observed:
    """Return a trial as it stood at its second rung."""
    at = 2
    return replace(
        trial,
        epochs=trial.epochs[:at],
        accuracies=trial.accuracies[:at],
        seconds=trial.seconds[:at],
        final=None,
        phase=Phase.PAUSED,
    )


def latency_ms(params: Params) -> float:
    """Return a made latency, by backbone, size and pruning."""
    share = 1.0 - float(params.get("prune.ratio", 0.0))
    factor = 1.0 + sum(map(ord, str(params["backbone.name"]))) % 7
    return factor * share * (float(params["size.pixels"]) / 128) ** 2


def make_trials(space: SearchSpace, count: int) -> list[Observed]:
    """Return finished trials with curves."""
    rng = np.random.default_rng(0)
    found: list[Observed] = []
    for number, params in enumerate(_pool(space, count, rng)):
        ms = latency_ms(params)
        final = 0.2 + 0.1 * np.log(ms) - 0.05 * abs(np.log(float(params["train.lr0"]) / 3e-3)) + rng.normal(0, 0.02)
        curve = tuple(float(final * (1 - 0.8 ** (k + 2)) + rng.normal(0, 0.01)) for k in range(len(LADDER)))
        seconds = tuple(float(epoch * (1 + ms)) for epoch in LADDER)
        found.append(Observed(number, params, ms, LADDER, curve, seconds, float(final), Phase.FINISHED, 5.0))
    return found


def _pool(space: SearchSpace, count: int, rng: np.random.Generator) -> list[Params]:
    source, found = SpaceCandidates(space), {}
    while len(found) < count:
        for params in source.pool([], [], rng):
            found[tuple(sorted(params.items()))] = params
    return list(found.values())[:count]


def fit_scikit_learn(space: SearchSpace, trials: Sequence[Observed], seed: int) -> None:
    """Fit a process of one length scale a dimension to log latency and parameters, and foretell candidates."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    encoder = Encoder(SpaceCandidates(space).distributions)
    rows = np.nan_to_num(encoder.encode([t.params for t in trials]), nan=-1.0)
    there = np.nan_to_num(encoder.encode(_pool(space, CANDIDATES, np.random.default_rng(seed))), nan=-1.0)
    kernel = ConstantKernel() * Matern(np.ones(rows.shape[1]), nu=2.5) + WhiteKernel()
    model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, np.array([t.final for t in trials]))
        model.predict(there, return_std=True)


if __name__ == "__main__":
    main()
