"""Seconds per epoch foretold in a study of two kinds of machine: with what is learnt of the kinds, and without.

    PYTHONPATH=tests:tests/benchmarks python tests/benchmarks/machine_kinds.py [--factor 3] [--noise 0.1] [--repeats 10]

The trainings are those of `recorded_embedded.csv`: real candidates with their real seconds. In a study of so many of
them, each ran on one of two machines by chance, one of which takes `--factor` times as long (and each a little more or
less, `--noise`, the standard deviation of the logarithm); the others are foretold for either machine. Prints how far a
prediction is off, usually: root mean square of its logarithm, as a factor, the median over the repeats. The first line
is what the same model does where there is one machine: what is left there is no machine's fault.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from objectives.records.trial_record import Phase
from search.engine.digest import Digest
from search.engine.encoding import Encoder
from search.engine.models.costs import Costs
from search.engine.observed import Observed

COUNTS = (4, 8, 16, 32)  # trials of the study
RECORDED = Path(__file__).with_name("recorded_embedded.csv")
SPACE: dict[str, type] = {"backbone.name": str, "head.kind": str, "neck.width": int, "size.pixels": int}
KINDS = ("fast", "slow")


def recorded() -> list[Observed]:
    """Return the recorded trainings as finished trials, each architecture once or more."""
    with RECORDED.open() as file:
        rows = [row for row in csv.DictReader(file) if row["p50_ms"] and row["epoch_s"]]
    found = []
    for number, row in enumerate(rows):
        params = {name: kind(row[name]) for name, kind in SPACE.items() if row[name]}
        seconds = 10 * float(row["epoch_s"])
        found.append(Observed(number, params, float(row["p50_ms"]), (10,), (0.1,), (seconds,), 0.1, Phase.FINISHED))
    return found


def encoder(trials: list[Observed]) -> Encoder:
    """Return the encoder of the recorded dimensions."""
    found: dict[str, BaseDistribution] = {}
    for name, kind in SPACE.items():
        values = sorted({trial.params[name] for trial in trials if name in trial.params})
        if kind is str:
            found[name] = CategoricalDistribution(values)
        else:
            found[name] = (IntDistribution if kind is int else FloatDistribution)(values[0], values[-1])
    return Encoder(found)


def timed(trial: Observed, number: int, kind: str, factor: float) -> Observed:
    """Return a trial as it would have been timed on a machine."""
    return replace(trial, number=number, seconds=(trial.seconds[0] * factor,), machine=kind)


def error(known: list[Observed], new: list[Observed], of: Encoder, machine: str, factor: float) -> float:
    """Return how far predictions for new trials on a machine are off, usually: a factor of 1 or more."""
    rows, logs = of.encode([trial.params for trial in new]), np.array([trial.log_latency for trial in new])
    foretold = np.log(Costs(Digest(known), of, machine).of_candidates(rows, logs))
    truth = np.log([factor * trial.seconds[0] / trial.epochs[0] for trial in new])
    return float(np.exp(np.sqrt(np.mean((foretold - truth) ** 2))))


def errors(trials: list[Observed], count: int, seed: int, factor: float, noise: float) -> tuple[float, float, float]:
    """Return the error with one machine, with two and what is learnt of them, and with two and nothing learnt."""
    rng, of = np.random.default_rng(seed), encoder(trials)
    order = rng.permutation(len(trials))
    chosen, new = [trials[i] for i in order[:count]], [trials[i] for i in order[count:]]
    factors = dict(zip(KINDS, (1.0, factor), strict=True))
    known = []
    for number, trial in enumerate(chosen):
        kind = KINDS[number] if number < len(KINDS) else str(rng.choice(KINDS))  # each has one at least
        known.append(timed(trial, number, kind, factors[kind] * float(np.exp(rng.normal(0.0, noise)))))
    one = [timed(trial, number, "fast", 1.0) for number, trial in enumerate(chosen)]
    unlearnt = [replace(trial, machine="") for trial in known]
    both = [
        (error(known, new, of, kind, times), error(unlearnt, new, of, kind, times)) for kind, times in factors.items()
    ]
    with_it, without = (float(np.exp(np.mean(np.log(each)))) for each in zip(*both, strict=True))
    return error(one, new, of, "fast", 1.0), with_it, without


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factor", type=float, default=3.0)
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    trials = recorded()
    print(f"{len(trials)} recorded trainings; a prediction is off by a factor of, usually:")
    print(f"{'trials':>8} {'one machine':>12} {'two, learnt':>12} {'two, not':>12}")
    for count in COUNTS:
        found = [errors(trials, count, seed, given.factor, given.noise) for seed in range(given.repeats)]
        print(f"{count:>8} " + " ".join(f"{value:>12.2f}" for value in np.median(found, axis=0)))


if __name__ == "__main__":
    main()
