"""What experience is worth on a data set that did not make it: area of the front after few trainings, from tables.

    python tests/benchmarks/experience.py --seeds 20
    python tests/benchmarks/experience.py --table yolobench.csv --accuracy map_sku110k,map_voc,map_voc_scratch100 \\
        --latency a40_tensorrt_ms --features family,depth,width,resolution

Every column of accuracy of every table is a data set. Each is searched by `known_latency`, full trainings, with the
others' trainings as experience. `without` has none; `shuffled` has their accuracies dealt out anew among each one's
trainings; `reversed` has the worst for the best, a prior that is sure and wrong. Cells are the share of the table's
hypervolume (accuracy up, log latency down), in per cent, mean over seeds; behind them the mean difference to `without`
on the same seeds and its standard error. For each seed two thirds of the rows are drawn, of the table that is searched
and of those that experience comes from: else every seed would be the same search. Without `--table`: the recorded
trainings of this repository.
"""

import argparse
import csv
import random
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

import optuna
from replay_engines import Engine, known_latency_sampler
from replay_run import Replay
from replay_score import Goal
from replay_table import Columns, read_table

from search.engine.models.experience.recorded import Training
from search.engine.schedulers.scheduler import Full
from spaces.errors import AutomlError

HERE = Path(__file__).parent
RECORDED = (HERE / "recorded_embedded.csv", HERE / "recorded_rbc.csv")
VARIANTS = ("without", "with", "shuffled", "reversed")
AFTER = (1, 3, 5, 10, 20)
DRAWN = 2 / 3  # of a table's rows, for each seed


@dataclass(frozen=True)
class DataSet:
    """One column of accuracy of a table."""

    name: str
    goal: Goal

    def drawn(self, seed: int) -> Goal:
        """Return what is searched with a seed: a part of the table."""
        table = self.goal.table
        rows = random.Random(seed).sample(table.rows, round(DRAWN * len(table.rows)))
        return Goal.of(replace(table, rows=tuple(rows)), self.goal.reference)

    def trainings(self, variant: str, most: int, rng: random.Random) -> list[Training]:
        """Return what the data set leaves behind as experience."""
        known = [row for row in self.goal.table.rows if not row.failed]
        rows = rng.sample(known, min(most, round(DRAWN * len(known))))
        maps = [row.best_until(self.goal.table.epochs) for row in rows]
        if variant == "shuffled":
            rng.shuffle(maps)
        elif variant == "reversed":
            maps = [max(maps) + min(maps) - accuracy for accuracy in maps]
        return [Training(self.name, row.features, 1, a) for row, a in zip(rows, maps, strict=True)]


def main() -> None:
    """Search and print; exit with 2 on a user's mistake."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    try:
        sets = list(_data_sets(options))
    except AutomlError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    head = " | ".join(f"{variant}" for variant in VARIANTS)
    sys.stdout.write(f"| data set | trainings | {head} |\n|---|---|{'---|' * len(VARIANTS)}\n")
    for one in sets:
        others = [other for other in sets if other is not one]
        shares = {
            variant: [_shares(one, others, variant, seed, options.rows) for seed in seeds] for variant in VARIANTS
        }
        for line in lines(one.name, shares):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, nargs="+", default=RECORDED, help="CSV, all of the same features")
    parser.add_argument("--accuracy", default="map", help="columns, by commas; each is a data set")
    parser.add_argument("--latency", default="p50_ms", help="column, ms")
    parser.add_argument("--features", help="columns, by commas; of recorded trainings those between seed and p50_ms")
    parser.add_argument(
        "--rows",
        type=int,
        default=150,
        help="trainings that each data set leaves behind at most",
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    return parser.parse_args()


def _data_sets(options: argparse.Namespace) -> Iterator[DataSet]:
    for path in options.table:
        features = options.features.split(",") if options.features else _recorded_features(path)
        for accuracy in options.accuracy.split(","):
            table = read_table(path, Columns(accuracy, options.latency, tuple(features)))
            yield DataSet(path.stem if "," not in options.accuracy else accuracy, Goal.of(table))


def _recorded_features(path: Path) -> list[str]:
    with path.open(newline="") as file:
        header = next(csv.reader(file))
    return header[header.index("seed") + 1 : header.index("p50_ms")]


def _shares(one: DataSet, others: Sequence[DataSet], variant: str, seed: int, most: int) -> list[float]:
    """Return the share of the hypervolume after each training of one search."""
    rng, goal = random.Random(seed), one.drawn(seed)
    experience = [] if variant == "without" else [t for other in others for t in other.trainings(variant, most, rng)]
    sampler = known_latency_sampler(seed, goal.table, experience=experience)
    replay = Replay(goal.table, Engine(sampler, Full(), exact=True), seed, 2.0)
    return goal.shares(list(replay.run(max(AFTER) * goal.table.epochs)))


def lines(name: str, shares: Mapping[str, Sequence[Sequence[float]]]) -> Iterator[str]:
    """Yield a line of the table for each number of trainings."""
    for count in AFTER:
        reached = {variant: [100 * found[count - 1] for found in runs] for variant, runs in shares.items()}
        cells = [f"{fmean(values):.1f}{_gap(values, reached['without'])}" for values in reached.values()]
        yield f"| {name} | {count} | {' | '.join(cells)} |"


def _gap(values: Sequence[float], base: Sequence[float]) -> str:
    if values is base or values == base:
        return ""
    gaps = [one - other for one, other in zip(values, base, strict=True)]
    error = stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    return f" ({fmean(gaps):+.1f} ± {error:.1f})"


if __name__ == "__main__":
    main()
