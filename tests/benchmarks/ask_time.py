"""What a proposal costs: seconds of the engine's ask by the number of finished trials, one thread.

    python tests/benchmarks/ask_time.py [--sizes 50,100,200,300,600,1000] [--repeats 3]

The space is that of `conf=retail`, the results are made up. Beside it, what a Gaussian process of scikit-learn takes
to fit its length scales to as many trials and to foretell as many candidates: a library's instead of the engine's own.
It has neither categories nor conditions (absent values become -1 here), so that this is its cheapest case. BoTorch is
not compared and not installed: it would bring torch into the searching process, which the import contracts forbid.
Prints a JSON line: best and worst of the repeats of `engine`, which knows the latencies of trials alone, and of
`engine_curves`, which knows every latency, reads curves and counts seconds; of scikit-learn, one run. The claim: under
1 s up to 300 trials on one core.
"""

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before NumPy is imported

import numpy as np

from search.engine.candidates import Params, SpaceCandidates
from search.engine.encoding import Encoder
from search.engine.engine import Engine
from search.engine.latencies import FunctionBook
from search.engine.observed import Observed, Phase
from search.settings import load_settings
from spaces.space import SearchSpace

SIZES = "50,100,200,300,600,1000"
CANDIDATES = 1000  # that scikit-learn's process foretells: about the engine's pool
LADDER = (2, 4, 8, 16, 32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=SIZES)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    space = load_settings(["conf=retail"]).space
    trials = make_trials(space, max(options.sizes))
    dimensions = len(SpaceCandidates(space).domains)
    line: dict[str, Any] = {"space": "retail", "dimensions": dimensions, "repeats": options.repeats}
    for size in options.sizes:
        line[str(size)] = measure(space, trials[:size], options.repeats)
        sys.stderr.write(f"{size}: {line[str(size)]}\n")
    sys.stdout.write(json.dumps(line) + "\n")


def measure(space: SearchSpace, trials: Sequence[Observed], repeats: int) -> dict[str, dict[str, float]]:
    """Return the seconds of each way."""

    def plan(seed: int) -> None:
        Engine(SpaceCandidates(space), seed=seed).plan(trials, len(trials))

    def plan_with_curves(seed: int) -> None:
        book = FunctionBook(latency_ms)
        Engine(SpaceCandidates(space), book, seed, LADDER, per_second=True).plan(trials, len(trials))

    return {
        "engine": timed(plan, repeats),
        "engine_curves": timed(plan_with_curves, repeats),
        "scikit_learn": timed(lambda seed: fit_scikit_learn(space, trials, seed), 1),  # minutes at 1000
    }


def timed(way: Callable[[int], object], repeats: int) -> dict[str, float]:
    """Return seconds of a call: the best and the worst of some."""
    seconds = []
    for number in range(repeats):
        began = time.perf_counter()
        way(number)
        seconds.append(time.perf_counter() - began)
    return {"best": round(min(seconds), 3), "max": round(max(seconds), 3)}


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
