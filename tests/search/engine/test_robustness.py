"""The engine on tables that teach nothing or break: no worse than random where there is nothing to learn, no crash."""

import importlib
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pytest

from search.engine.known_latency import KnownLatencySampler
from search.engine.schedulers.gain_per_second import GainPerSecond
from search.engine.schedulers.scheduler import Full, Scheduler

FOLDER = str(Path(__file__).parents[2] / "benchmarks")
sys.path.insert(0, FOLDER)  # the benchmark's modules import each other by plain name
replay_run: ModuleType = importlib.import_module("replay_run")
replay_score: ModuleType = importlib.import_module("replay_score")
replay_table: ModuleType = importlib.import_module("replay_table")
replay_engines: ModuleType = importlib.import_module("replay_engines")
sys.path.remove(FOLDER)

EPOCHS = 16
NAMES = ("kind", "width", "rate", "tail")

Accuracy = Callable[[random.Random, dict[str, Any]], float]


def true_accuracy(rng: random.Random, row: dict[str, Any]) -> float:
    strength = {"a": 0.1, "b": 0.2, "c": 0.25}[row["kind"]]
    return max(
        0.0, strength + 0.08 * math.log2(row["width"]) - 0.1 * abs(math.log10(row["rate"]) + 2.5) + rng.gauss(0, 0.01)
    )


def table_of(
    count: int = 150,
    accuracy: Accuracy = true_accuracy,
    latency: Callable[[dict[str, Any]], float | None] = lambda row: 1.0 + row["width"] ** 0.8 * (1 + len(row)),
    curve: Callable[[random.Random, float], dict[int, float]] | None = None,
    seed: int = 0,
) -> Any:
    """A table with a category, a conditional number, and curves if asked for."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        row: dict[str, Any] = {
            "kind": rng.choice("abc"),
            "width": 2 ** rng.randrange(6),
            "rate": 10 ** rng.uniform(-4, -1),
        }
        if row["kind"] == "c":
            row["tail"] = rng.random()
        top = accuracy(rng, row)
        points = {1: top} if curve is None else curve(rng, top)
        rows.append(replay_table.Row(row, latency(row), points, 1.0 + row["width"] / 8))
    epochs = 1 if curve is None else EPOCHS
    names = tuple(name for name in NAMES if any(name in row.features for row in rows))
    return replay_table.Table("made", tuple(rows), names, epochs, curve is not None, curve is not None)


def rising(rng: random.Random, top: float) -> dict[int, float]:
    half = EPOCHS * rng.uniform(0.1, 0.2)
    return {e: top * (1 - 0.5 ** (e / half)) + rng.gauss(0, 0.005) for e in range(1, EPOCHS)} | {EPOCHS: top}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(verbosity)


def replayed(table: Any, engine: str, trials: int, seed: int = 0, workers: int = 1) -> list[Any]:
    made = replay_engines.ENGINES[engine](seed, table)
    return list(replay_run.Replay(table, made, seed, 2.0, workers).run(trials * table.epochs))


def shares(table: Any, engine: str, seeds: int, trials: int = 20) -> np.ndarray[Any, np.dtype[np.float64]]:
    goal = replay_score.Goal.of(table)
    return np.array([goal.shares(replayed(table, engine, trials, seed))[-1] for seed in range(seeds)])


def gap(table: Any, engine: str, seeds: int, trials: int = 20) -> tuple[float, float]:
    """Return the engine's mean share less random's, and the standard error of the difference."""
    own, randoms = shares(table, engine, seeds, trials), shares(table, "random", 4 * seeds, trials)
    error = math.sqrt(own.var(ddof=1) / len(own) + randoms.var(ddof=1) / len(randoms))
    return float(own.mean() - randoms.mean()), error


def shuffled(rng: random.Random, row: dict[str, Any]) -> float:
    return rng.uniform(0.1, 0.7)


@pytest.mark.slow
@pytest.mark.seconds
def test_nothing_to_learn_costs_nothing() -> None:
    difference, error = gap(table_of(accuracy=shuffled), "known_latency", 12)
    assert difference > -2 * error


@pytest.mark.seconds
def test_what_can_be_learnt_is_learnt() -> None:
    difference, error = gap(table_of(), "known_latency", 5)
    assert difference > 2 * error


@pytest.mark.seconds
def test_curves_of_shuffled_accuracies_cost_nothing() -> None:
    table = table_of(accuracy=shuffled, curve=lambda rng, top: {**rising(rng, rng.uniform(0.1, 0.7)), EPOCHS: top})
    difference, error = gap(table, "automl", 5, trials=6)
    assert difference > -2 * error


@pytest.mark.seconds
@pytest.mark.slow
def test_curves_save_training() -> None:
    difference, error = gap(table_of(curve=rising), "automl", 4, trials=10)
    assert difference > 2 * error


def constant(value: float) -> Accuracy:
    return lambda rng, row: value


TABLES: dict[str, Callable[..., Any]] = {
    "constant accuracy": lambda curve: table_of(30, constant(0.4), curve=curve),
    "accuracy zero": lambda curve: table_of(30, constant(0.0), curve=curve),
    "constant latency": lambda curve: table_of(30, latency=lambda row: 5.0, curve=curve),
    "all constant": lambda curve: table_of(30, constant(0.4), lambda row: 5.0, curve=curve),
    "ties": lambda curve: table_of(
        30, lambda rng, row: rng.randrange(3) / 4, lambda row: float(row["width"] > 4) + 1, curve=curve
    ),
    "two candidates": lambda curve: table_of(2, curve=curve),
    "tiny latencies": lambda curve: table_of(30, latency=lambda row: 1e-6 * row["width"], curve=curve),
}


def flat(rng: random.Random, top: float) -> dict[int, float]:
    return dict.fromkeys(range(1, EPOCHS + 1), top)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(("engine", "curve"), [("known_latency", None), ("automl", flat), ("automl", rising)])
def test_degenerate_tables(name: str, engine: str, curve: Any) -> None:
    table = TABLES[name](curve)
    events = replayed(table, engine, 6)
    assert events
    assert events[-1].epochs <= 6 * table.epochs + EPOCHS
    assert len({event.row for event in events}) >= min(5, len(table.rows))


def with_holes(rng: random.Random, top: float) -> dict[int, float]:
    """Epochs that were not evaluated, first rungs without accuracy, and every fifth training a failure."""
    if rng.random() < 0.2:
        return {}
    first = rng.choice([1, 1, 3, 7, EPOCHS])
    return {e: a for e, a in rising(rng, top).items() if e >= first and (rng.random() < 0.7 or e == EPOCHS)}


@pytest.mark.seconds
@pytest.mark.parametrize("workers", [1, 3])
def test_curves_with_holes_and_failures(workers: int) -> None:
    table = table_of(40, curve=with_holes)
    events = replayed(table, "automl", 10, workers=workers)
    assert any(math.isnan(event.accuracy) for event in events)
    assert max(event.accuracy for event in events if not math.isnan(event.accuracy)) > 0.2


@pytest.mark.parametrize("engine", ["known_latency", "automl"])
def test_every_training_fails(engine: str) -> None:
    table = table_of(12, curve=lambda rng, top: {})
    events = replayed(table, engine, 8)
    assert len(events) == len({event.row for event in events}) > 5


def test_failures_and_missing_latencies_without_curves() -> None:
    table = table_of(
        40,
        lambda rng, row: math.nan if rng.random() < 0.4 else rng.random(),
        lambda row: 5.0 if row["width"] > 2 else None,
    )
    rows = tuple(
        replay_table.Row(r.features, r.latency_ms, {} if math.isnan(r.curve[1]) else r.curve, 1.0) for r in table.rows
    )
    broken = replay_table.Table("broken", rows, NAMES, 1, False, False)
    assert len(replayed(broken, "known_latency", 40)) == 40


@pytest.mark.parametrize("engine", ["known_latency", "automl"])
def test_a_table_is_tried_to_its_end(engine: str) -> None:
    table = table_of(10, curve=rising)
    events = replayed(table, engine, 30)
    assert {event.row for event in events} == set(range(10))


@pytest.mark.parametrize("per_second", [False, True])
def test_all_candidates_over_the_bound(per_second: bool) -> None:
    table = table_of(20, curve=rising)
    sampler: KnownLatencySampler = replay_engines.known_latency_sampler(
        0, table, bound_ms=0.1, ladder=(4, 16), per_second=per_second
    )
    scheduler: Scheduler = GainPerSecond(sampler) if per_second else Full()
    assert sampler.propose([], 0) is None
    assert (scheduler.next_step([], (4, 16), None) is None) == per_second
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    trial = study.ask()  # where a user asks all the same, a random candidate comes
    assert trial.suggest_categorical("kind", ["a", "b", "c"]) in "abc"


@pytest.mark.seconds
@pytest.mark.parametrize("engine", ["known_latency", "automl"])
def test_the_same_seed_gives_the_same_search(engine: str) -> None:
    table = table_of(40, curve=with_holes)
    one, other = (repr(replayed(table, engine, 4, seed=2)) for _ in range(2))
    assert one == other
    assert one != repr(replayed(table, engine, 4, seed=3))
