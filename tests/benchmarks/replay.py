"""Measure a search engine on a recorded table, without training: which share of the true front is found, how soon.

    python tests/benchmarks/replay.py --table lemur_seg.csv --curves iou_e --latency lat_ms \
        --features model,size,lr --engine tpe,mo_asha --seeds 5 --trials 50

Prints a JSON line per engine. A trial is a full training's worth of epochs (for tables without curves: a row). `share`
is that of the table's hypervolume, accuracy up and log latency down. `trials_to` are medians over seeds. `saving_*`
is the training that 100 full trainings take over the training needed to the share that they reach on average with
TPE, at the median over seeds, the mean and the worst; null where seeds that count did not get there. `over_tpe` is
TPE's own median over the engine's. Training is what all workers spent, steps under way included.
"""

import argparse
import json
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean, median, median_high, median_low, stdev
from typing import Any

import optuna
from replay_engines import ENGINES, check_engine
from replay_run import Replay
from replay_score import Goal, History
from replay_table import Columns, read_table

from spaces.errors import AutomlError

SHARE_AT = (5, 10, 11, 15, 16, 20, 30, 50)
LEVELS = (0.90, 0.95, 0.98)


@dataclass(frozen=True)
class Plan:
    """What is replayed."""

    goal: Goal
    seeds: tuple[int, ...]
    trials: int
    workers: int
    eta: float
    mark_trials: int


def main() -> None:
    """Replay the engines and print; exit with 2 on a user's mistake."""
    options = _options()
    try:
        for name in options.engine:
            check_engine(name)
        columns = Columns(options.accuracy, options.latency, tuple(options.features), options.curves, options.seconds)
        goal = Goal.of(read_table(options.table, columns), options.reference)
    except AutomlError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    seeds = tuple(range(options.first_seed, options.first_seed + options.seeds))
    plan = Plan(goal, seeds, options.trials, options.workers, options.eta, options.mark_trials)
    for name in options.engine:
        line = {"engine": name, "table": goal.table.name, "accuracy": options.accuracy or options.curves}
        sys.stdout.write(json.dumps(line | {"latency": options.latency} | report(plan, name)) + "\n")
        sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="CSV")
    parser.add_argument("--accuracy", help="column; not needed with --curves")
    parser.add_argument("--latency", required=True, help="column, ms")
    parser.add_argument("--features", required=True, type=_names, help="columns, by commas")
    parser.add_argument("--curves", help="prefix of the columns of accuracy over epochs; the epoch follows it")
    parser.add_argument("--seconds", help="column, seconds an epoch")
    parser.add_argument("--engine", required=True, type=_names, help=f"by commas: {', '.join(ENGINES)}")
    parser.add_argument("--seeds", type=_above(int, 1), default=5)
    parser.add_argument("--first-seed", type=_above(int, 0), default=0)
    parser.add_argument("--trials", type=_above(int, 1), default=50, help="budget, in full trainings")
    parser.add_argument("--workers", type=_above(int, 1), default=1)
    parser.add_argument("--eta", type=_above(float, 1.01), default=2.0, help="ratio of rungs, if the engine names none")
    parser.add_argument(
        "--mark-trials", type=_above(int, 1), default=100, help="full trainings of TPE that set the mark of `saving_*`"
    )
    parser.add_argument("--reference", type=float, help="accuracy from which hypervolume counts")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _above(kind: type, least: float) -> Callable[[str], Any]:
    def number(text: str) -> Any:
        if not (value := kind(text)) >= least:
            raise argparse.ArgumentTypeError(f"at least {least}, got {text}")
        return value

    return number


@cache
def replayed(plan: Plan, engine: str) -> tuple[History, ...]:
    """Return the searches of an engine, one a seed."""
    return tuple(_replay(plan, engine, seed) for seed in plan.seeds)


def _replay(plan: Plan, engine: str, seed: int) -> History:
    table = plan.goal.table
    replay = Replay(table, ENGINES[engine](seed, table), seed, plan.eta, plan.workers)
    events = list(replay.run(plan.trials * table.epochs))
    shares = plan.goal.shares(events)
    sys.stderr.write(f"{engine}, seed {seed}: {len(replay.trials)} rows begun, share {shares[-1]:.3f}\n")
    return History(events, shares, replay.ask_seconds, replay.step_seconds)


def report(plan: Plan, engine: str) -> dict[str, Any]:
    """Return what is told of an engine."""
    budget = plan.trials * plan.goal.table.epochs
    # TPE's own searches go on to the mark's number of trainings, so that they are run once.
    own = replace(plan, trials=max(plan.trials, _mark_trials(plan))) if engine == "tpe" else plan
    histories = [history.until(budget) for history in replayed(own, engine)]
    return {
        "rows": len(plan.goal.table.rows),
        "seeds": len(plan.seeds),
        "first_seed": plan.seeds[0],
        "trials": plan.trials,
        "workers": plan.workers,
        "share": {str(n): _shares(plan, histories, n) for n in sorted({*SHARE_AT, plan.trials}) if n <= plan.trials},
        "trials_to": {f"{level:.2f}": _trials_to(plan, histories, level) for level in LEVELS},
        **_savings(plan, histories),
        "slowest_third": round(fmean(plan.goal.found(h.events, slow=True) for h in histories), 4),
        "fastest_third": round(fmean(plan.goal.found(h.events, slow=False) for h in histories), 4),
        "ask_seconds": _seconds([s for h in histories for s in h.ask_seconds]),
        "next_step_seconds": _seconds([s for h in histories for s in h.step_seconds]),
    }


def _shares(plan: Plan, histories: Sequence[History], trials: int) -> dict[str, float]:
    shares = [history.share(trials * plan.goal.table.epochs) for history in histories]
    sd = stdev(shares) if len(shares) > 1 else 0.0
    return {"mean": round(fmean(shares), 6), "sd": round(sd, 6), "min": round(min(shares), 6)}


def _trials_to(plan: Plan, histories: Sequence[History], level: float) -> dict[str, float | None]:
    """Return the median over seeds; where exactly half got there, the last of them."""
    trials = [history.first(level)[0] / plan.goal.table.epochs for history in histories]
    low, high = median_low(trials), median_high(trials)
    middle = low if math.isinf(high) else (low + high) / 2
    return {"median": _finite(middle), "reached": sum(map(math.isfinite, trials))}


def _mark_trials(plan: Plan) -> int:
    return min(plan.mark_trials, len(plan.goal.table.rows))


def _savings(plan: Plan, histories: Sequence[History]) -> dict[str, Any]:
    """Return the mark that TPE sets, one worker at a time, and what the engine saves on the way to it."""
    table, trials = plan.goal.table, _mark_trials(plan)
    run = replayed(replace(plan, trials=max(plan.trials, trials) if plan.workers == 1 else trials, workers=1), "tpe")
    tpe = [history.until(trials * table.epochs) for history in run]
    mark = fmean(history.shares[-1] for history in tpe)
    seconds = fmean(history.events[-1].seconds for history in tpe)
    ways = list(zip([h.first(mark) for h in histories], [h.first(mark) for h in tpe], strict=True))
    own, theirs = [way for way, _ in ways], [way for _, way in ways]
    epochs = _saving(trials * table.epochs, [e for e, _ in own], [e for e, _ in theirs])
    timed = _saving(seconds, [s for _, s in own], [s for _, s in theirs]) if table.has_seconds else None
    name = "saving_epochs" if table.has_curves else "saving_trials"
    return {"mark": {"share": round(mark, 6), "trials": trials}, name: epochs, "saving_seconds": timed}


def _saving(spent: float, own: Sequence[float], tpe: Sequence[float]) -> dict[str, float | None]:
    return {
        "median": _ratio(spent, median(own)),
        "mean": _ratio(spent, fmean(own)),
        "worst": _ratio(spent, max(own)),
        "reached": sum(map(math.isfinite, own)),
        "over_tpe": _ratio(median(tpe), median(own)),
    }


def _ratio(over: float, under: float) -> float | None:
    return round(over / under, 3) if math.isfinite(over) and math.isfinite(under) else None


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _seconds(values: Sequence[float]) -> dict[str, float]:
    return {"mean": round(fmean(values), 5), "max": round(max(values), 5)}


if __name__ == "__main__":
    main()
