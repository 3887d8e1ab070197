"""How often the live view's range of the time left holds the truth, in replayed searches of recorded trainings.

    python tests/benchmarks/time_left.py --seeds 8

Prints a JSON line for each engine, table, number of workers and quarter of a search, and one for all: `within` is the
share of moments (ends of trials, from the third on) whose range holds the seconds that the search really took from
there, `longer` and `shorter` how often it took more or less, `width` the median width over the truth.
"""

import argparse
import json
import math
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median

import optuna
from replay_engines import ENGINES
from replay_table import Columns, Table, read_table
from time_left_runs import CountedReplay

from search.settings.settings import BudgetSettings
from search.view.moment.time_left import time_left_of

HERE = Path(__file__).parent
FEATURES = ("augment.policy", "backbone.name", "backbone.width", "head.kind", "neck.width", "prune.ratio")
COLUMNS = Columns("map", "p50_ms", (*FEATURES, "size.pixels", "train.lr0"), "map_e", "epoch_s")
SEARCHES = ((12, 1), (30, 1), (40, 2))  # trials, workers
ROUND_S = 0.5  # what a span in seconds is rounded by


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--engines", default="automl,mo_asha,tpe")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")  # of Optuna's experimental samplers
    tables = [read_table(HERE / f"recorded_{name}.csv", COLUMNS) for name in ("rbc", "embedded")]
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for table in tables:
        for engine in options.engines.split(","):
            for seed in range(options.seeds):
                for trials, workers in SEARCHES:
                    for quarter, moment in judged(table, engine, seed, trials, workers):
                        for key in ("all", engine, table.name, f"{workers} workers", f"quarter {quarter}"):
                            found[key].append(moment)
    for key, moments in found.items():
        sys.stdout.write(json.dumps({"of": key, **summary(moments)}) + "\n")


def judged(
    table: Table, engine: str, seed: int, trials: int, workers: int
) -> Iterator[tuple[int, tuple[float, float, float]]]:
    """Yield the quarter of each moment of one search that has a range, with low end, high end and truth in seconds."""
    search = CountedReplay(trials, table, ENGINES[engine](seed, table), seed, 2.0, workers)
    moments = list(search.moments())
    budget = BudgetSettings(trials=trials, hours=None)
    for moment in moments:
        left = time_left_of(moment.used, budget, workers, moment.running_s)
        if left.low_s is not None and left.high_s is not None:
            quarter = min(4, 1 + 4 * moment.used.trials // trials)
            yield quarter, (left.low_s, left.high_s, search.now - moment.now_s)


def summary(moments: list[tuple[float, float, float]]) -> dict[str, float]:
    """Return how often the truth lay within, above and below, and how wide the ranges were."""
    longer = fmean(truth > high + ROUND_S for _, high, truth in moments)
    shorter = fmean(truth < low - ROUND_S for low, _, truth in moments)
    widths = [(high - low) / truth for low, high, truth in moments if truth > 0]
    within = round(1 - longer - shorter, 3)
    width = round(median(widths), 2) if widths else math.nan
    return {
        "moments": len(moments),
        "within": within,
        "longer": round(longer, 3),
        "shorter": round(shorter, 3),
        "width": width,
    }


if __name__ == "__main__":
    main()
