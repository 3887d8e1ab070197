"""The replay of recorded tables: shares, curves, workers and broken tables, run as a script on small files."""

import csv
import importlib
import json
import math
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial

from search.engine.schedulers.scheduler import Full

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "replay.py"
sys.path.insert(0, str(SCRIPT.parent))  # the script's modules import each other by plain name
replay: ModuleType = importlib.import_module("replay")
replay_run: ModuleType = importlib.import_module("replay_run")
replay_rows: ModuleType = importlib.import_module("replay_rows")
replay_score: ModuleType = importlib.import_module("replay_score")
replay_table: ModuleType = importlib.import_module("replay_table")
replay_engines: ModuleType = importlib.import_module("replay_engines")
sys.path.remove(str(SCRIPT.parent))

EPOCHS = 9


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_rows(count: int) -> list[dict[str, Any]]:
    """Rows with a blank text, a blank number, a constant, a failed row and two rows alike in their features."""
    rng = random.Random(0)
    rows = []
    for _ in range(count):
        kind, width = rng.choice(["a", "b", ""]), 2 ** rng.randrange(6)
        rate = "" if kind == "a" else 10 ** rng.uniform(-4, -1)
        top = 0.2 + 0.1 * math.log2(width) + rng.gauss(0, 0.02)
        row: dict[str, Any] = {"kind": kind, "width": width, "rate": rate, "same": 3}
        row |= {"map": top, "ms": 2.0 + width + 0.1 * rng.random(), "s": 1 + width / 8}
        rows.append(row | {f"map_e{e}": top * (1 - 0.8 / (e + 1)) for e in range(1, EPOCHS + 1)})
    rows[1] |= {"map": "nan"} | {f"map_e{e}": "" for e in range(1, EPOCHS + 1)}
    rows[3] |= {name: rows[2][name] for name in ("kind", "width", "rate")}
    return rows


def call(table: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--table", str(table), "--latency", "ms", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def told(table: Path, *options: str) -> list[dict[str, Any]]:
    done = call(table, "--features", "kind,width,rate,same", *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.seconds
@pytest.mark.slow
def test_a_plain_table_is_told_engine_by_engine(tmp_path: Path) -> None:
    table = write(tmp_path / "plain.csv", make_rows(30))
    lines = told(table, "--accuracy", "map", "--engine", "random,tpe,mo_asha", "--seeds", "2", "--trials", "30")
    assert [line["engine"] for line in lines] == ["random", "tpe", "mo_asha"]
    for line in lines:
        assert (line["table"], line["rows"], line["seeds"], line["trials"]) == ("plain", 30, 2, 30)
        assert list(line["share"]) == ["5", "10", "11", "15", "16", "20", "30"]
        for now, later in pairwise(line["share"].values()):
            assert now["mean"] <= later["mean"]
            assert now["min"] <= later["min"]
        assert line["share"]["30"] == {"mean": 1.0, "sd": 0.0, "min": 1.0}  # every row was tried
        assert line["mark"] == {"share": 1.0, "trials": 30}
        assert line["saving_trials"]["reached"] == line["trials_to"]["0.98"]["reached"] == 2
        assert 1 <= line["saving_trials"]["worst"] <= line["saving_trials"]["median"]
        assert line["saving_seconds"] is None
        assert line["slowest_third"] == line["fastest_third"] == 1.0
        assert line["ask_seconds"]["max"] >= line["ask_seconds"]["mean"] > 0
    assert lines[1]["saving_trials"]["over_tpe"] == 1.0


@pytest.mark.seconds
@pytest.mark.slow
def test_curves_seconds_and_workers(tmp_path: Path) -> None:
    table = write(tmp_path / "curves.csv", make_rows(24))
    options = ("--curves", "map_e", "--seconds", "s", "--seeds", "2", "--trials", "8")
    random_, mo_asha = told(table, *options, "--engine", "random,mo_asha")
    assert random_["share"]["8"]["mean"] < 1.0
    assert random_["mark"] == {"share": 1.0, "trials": 24}
    assert set(mo_asha["saving_epochs"]) == set(mo_asha["saving_seconds"])
    (two,) = told(table, *options, "--engine", "mo_asha", "--workers", "2")
    assert two["workers"] == 2
    assert two["mark"] == mo_asha["mark"]
    assert 0 < two["share"]["8"]["mean"] <= 1.0


@pytest.mark.seconds
def test_two_rows_are_a_table(tmp_path: Path) -> None:
    table = write(tmp_path / "two.csv", [{"x": 1, "map": 0.5, "ms": 2}, {"x": 1, "map": 0.5, "ms": 4}])
    done = call(table, "--accuracy", "map", "--features", "x", "--engine", "random", "--seeds", "1", "--trials", "5")
    assert json.loads(done.stdout)["share"]["5"]["mean"] == 1.0, done.stderr


MISTAKES = [
    ("--accuracy mapp --features x --engine tpe", "no column 'mapp'; nearest: map"),
    ("--accuracy map --features x,y --engine tpe", "no column 'y'"),
    ("--curves map_f --features x --engine tpe", "no columns 'map_f' + epoch; nearest: map_e"),
    ("--accuracy map --features x --engine tqe", "'tqe' is no engine; nearest: tpe"),
    ("--features x --engine tpe", "--accuracy or --curves"),
    ("--accuracy x --features x --engine tpe", "line 3: latency must be above 0"),
]


@pytest.mark.seconds
def test_a_mistake_ends_the_script_with_2_and_one_line(tmp_path: Path) -> None:
    done = call(write(tmp_path / "table.csv", broken_rows()), *MISTAKES[0][0].split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: table.csv: {MISTAKES[0][1]}, map_e1\n"


@pytest.mark.parametrize(("options", "error"), MISTAKES)
def test_mistakes_are_told(
    tmp_path: Path, options: str, error: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(tmp_path / "table.csv", broken_rows())
    monkeypatch.setattr(sys, "argv", ["replay.py", "--table", str(table), "--latency", "ms", *options.split()])
    with pytest.raises(SystemExit, match=r"^2$"):
        replay.main()
    told_ = capsys.readouterr()
    assert told_.out == ""
    assert error in told_.err
    assert told_.err.count("\n") == 1


def broken_rows() -> list[dict[str, Any]]:
    return [{"x": 1, "map": 0.5, "map_e1": 0.5, "ms": 2}, {"x": 2, "map": 0.6, "map_e1": 0.5, "ms": 0}]


def made_table(points: list[tuple[float, float]]) -> Any:
    rows = tuple(replay_table.Row({"x": n}, ms, {1: gain}, 1.0) for n, (gain, ms) in enumerate(points))
    return replay_table.Table("made", rows, ("x",), 1, False, False)


def naive_volume(points: list[tuple[float, float]], most_ms: float) -> float:
    edges = sorted({ms for _, ms in points} | {most_ms})
    best = [max(gain for gain, ms in points if ms <= left) for left in edges[:-1]]
    return sum(gain * math.log(b / a) for gain, (a, b) in zip(best, pairwise(edges), strict=True))


@given(st.lists(st.tuples(st.integers(1, 9).map(lambda n: n / 9), st.integers(1, 9).map(float)), min_size=2))
def test_shares_are_the_naive_hypervolume(points: list[tuple[float, float]]) -> None:
    most_ms = max(ms for _, ms in points)
    if min(ms for _, ms in points) == most_ms:
        return
    goal = replay_score.Goal.of(made_table(points))
    shares = goal.shares([replay_run.Event(n + 1.0, n + 1.0, n, gain) for n, (gain, _) in enumerate(points)])
    whole = naive_volume(points, most_ms)
    naive = [naive_volume(points[: n + 1], most_ms) / whole for n in range(len(points))]
    assert shares == pytest.approx(naive)
    assert shares[-1] == 1.0


def test_the_training_of_all_workers_adds_up() -> None:
    curve = {e: e / 100 for e in range(1, 5)}
    rows = tuple(replay_table.Row({"x": n}, 1.0 + n, curve, 1.0 + n) for n in range(2))
    table = replay_table.Table("made", rows, ("x",), 4, True, True)
    engine = replay_engines.ENGINES["random"](0, table)
    events = list(replay_run.Replay(table, engine, 0, 2.0, workers=2).run(8))
    assert [event.row for event in events] == [0, 1]
    assert [event.epochs for event in events] == [6, 8]  # the slower one is half done after 4 of its 8 seconds
    assert [event.seconds for event in events] == [8, 12]


class InOrder(optuna.samplers.BaseSampler):
    """Proposes the rows of a table in their order, as a sampler does that is given candidates."""

    def __init__(self, table: Any) -> None:
        self.space = replay_table.distributions(table, exact=True)
        self.rows = [replay_rows.candidate(row, self.space) for row in table.rows]

    def infer_relative_search_space(self, study: Any, trial: FrozenTrial) -> dict[str, Any]:
        return {name: self.space[name] for name in self.rows[trial.number]}

    def sample_relative(self, study: Any, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
        return self.rows[trial.number]

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        raise AssertionError(f"{param_name} was asked for, but the candidate lacks it")


def test_proposed_rows_are_found_again_duplicates_in_order(tmp_path: Path) -> None:
    rows = make_rows(60)  # more than 50 learning rates: a float dimension
    features = ("kind", "width", "rate", "same")
    table = replay_table.read_table(write(tmp_path / "plain.csv", rows), replay_table.Columns("map", "ms", features))
    engine = replay_engines.Engine(InOrder(table), Full(), exact=True)
    events = list(replay_run.Replay(table, engine, 0, 2.0).run(60))
    assert [table.rows[event.row].features for event in events] == [row.features for row in table.rows]
    assert sorted(event.row for event in events) == list(range(60))


def test_columns_become_dimensions(tmp_path: Path) -> None:
    table = replay_table.read_table(
        write(tmp_path / "plain.csv", make_rows(120)),
        replay_table.Columns("map", "ms", ("kind", "width", "rate", "same")),
    )
    assert table.values["kind"] == ["a", "b", "none"]
    assert all(("rate" in row.features) == (row.features["kind"] != "a") for row in table.rows[4:])
    spaces = replay_table.distributions(table)
    assert (spaces["width"].low, spaces["width"].high, spaces["width"].log) == (1, 32, True)
    assert spaces["rate"].log
    assert spaces["same"].single()
    exact = replay_table.distributions(table, exact=True)
    assert exact["width"].choices == (1, 2, 4, 8, 16, 32)
    assert isinstance(exact["rate"], FloatDistribution)


def test_a_curve_with_holes_ends_at_the_rung() -> None:
    row = replay_table.Row({}, 1.0, {2: 0.3, 5: 0.2}, 2.0)
    assert [(rung["epoch"], rung["map"]) for rung in replay_run.reveal(row, 4)] == [(2, 0.3), (4, 0.3)]
    assert [rung["seconds"] for rung in replay_run.reveal(row, 5)] == [4.0, 10.0]
    (first,) = replay_run.reveal(row, 1)
    assert first["epoch"] == 1
    assert math.isnan(first["map"])


def test_ladders() -> None:
    assert replay_run.make_ladder(1, 2.0) == [1]
    assert replay_run.make_ladder(50, 3.0) == [1, 2, 6, 17, 50]
    assert replay_run.make_ladder(16, 2.0) == [1, 2, 4, 8, 16]
