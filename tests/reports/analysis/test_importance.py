"""What mattered: planted choices are found, chance is not, latency is explained by what is deployed alone."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, create_trial
from timing import cpu_s

from objectives.records import attributes
from objectives.records.records import Accuracy, Latency
from objectives.records.study_parts.parts import MeasuredRecord
from reports.analysis.importance import Importance, importances
from reports.analysis.importance_words import basis_words
from reports.analysis.shares.accuracy import find_parts
from reports.analysis.shares.choices import columns_of
from reports.analysis.shares.latency import measured_networks
from reports.analysis.shares.shapley import shapley, subsets
from reports.table.table import StudyTable, read_study, read_trials

NOISE = FloatDistribution(0, 1)
DOMAINS: dict[str, BaseDistribution] = {
    "backbone.name": CategoricalDistribution(["lcnet_050", "ghostnet_100", "regnetx_002"]),
    "neck.width": CategoricalDistribution([16, 24, 32]),
    "head.kind": CategoricalDistribution(["nms", "end2end"]),
    "size.pixels": IntDistribution(128, 256, step=32),
    "augment.policy": CategoricalDistribution(["none", "light", "shelf"]),
    "train.lr0": FloatDistribution(1e-4, 1e-2, log=True),
    "train.cls": FloatDistribution(0.5, 1.5),
    "train.box": FloatDistribution(5, 9),
    "train.cosine": CategoricalDistribution([True, False]),
}
FACTORS = {"lcnet_050": 1.0, "ghostnet_100": 2.1, "regnetx_002": 3.0}


def chosen(rng: random.Random, **fixed: Any) -> dict[str, Any]:
    """Return one candidate; what is fixed comes after what is drawn."""
    lots: dict[str, Any] = {
        name: rng.choice(domain.choices)
        for name, domain in DOMAINS.items()
        if isinstance(domain, CategoricalDistribution)
    }
    lots |= {"size.pixels": rng.randrange(128, 257, 32), "train.lr0": 10 ** rng.uniform(-4, -2)}
    return {**lots, "train.cls": rng.uniform(0.5, 1.5), "train.box": rng.uniform(5, 9), **fixed}


def made(
    number: int, params: dict[str, Any], map_: float, p50_ms: float, *, stable: bool = True, **attrs: Any
) -> FrozenTrial:
    trial = create_trial(
        values=[map_, p50_ms],
        params=params,
        distributions={name: DOMAINS[name] for name in params},
        user_attrs={
            attributes.CANDIDATE: {**params, "train.batch": 8},
            attributes.ACCURACY: Accuracy(map_, map_, {}, "val", 32).to_json(),
            attributes.LATENCY: figure(p50_ms, stable=stable).to_json(),
            **attrs,
        },
    )
    trial.number = number
    return trial


def figure(p50_ms: float, *, stable: bool = True) -> Latency:
    return Latency(p50_ms, 1.1 * p50_ms, p50_ms, p50_ms, p50_ms, 100, 2.0, stable, "" if stable else "uneven", "", 0)


def ms_of(params: dict[str, Any]) -> float:
    return 0.6 * FACTORS[params["backbone.name"]] * float((params["size.pixels"] / 128) ** 1.8)


def embedded(trials: int, seed: int = 0) -> list[FrozenTrial]:
    """The slow ones happen to have a high `train.cls`, as an engine makes it that goes on where it was lucky."""
    rng = random.Random(seed)
    found = []
    for number in range(trials):
        params = chosen(rng)
        slow = math.log(ms_of(params)) / math.log(7)
        params["train.cls"] = 0.5 + max(0.0, min(1.0, 0.7 * slow + 0.15 * rng.random()))
        found.append(made(number, params, rng.uniform(0.2, 0.4), ms_of(params) * rng.uniform(0.98, 1.02)))
    return found


def of(trials: Sequence[FrozenTrial], more: dict[str, Any] | None = None) -> tuple[Importance, Importance]:
    return importances(read_trials("s", trials, more or {}))


# Latency


def test_no_choice_of_the_training_makes_the_latency() -> None:
    """On the embedded set the page once said that `train.cls` makes 64 % of it."""
    found = of(embedded(30))[1]
    assert {name for name, _ in found.shares} <= {"backbone.name", "size.pixels"}
    assert {name for name, _ in found.shares[:2]} == {"backbone.name", "size.pixels"}
    assert found.explained is not None
    assert found.explained > 0.95
    assert sum(share for _, share in found.shares) <= found.explained + 1e-9
    assert "train" not in basis_words(found).replace("trials", "")
    assert "(Shapley values of a linear model)" in basis_words(found)


def test_networks_that_were_measured_ahead_count_and_each_counts_once() -> None:
    rng = random.Random(3)
    trials = embedded(6)
    assert of(trials)[1].reason == "needs 12 different networks measured, has 6"
    ahead = {}
    for index in range(20):
        params = chosen(rng)
        del params["train.cls"], params["train.lr0"]
        ahead[f"{attributes.MEASURED}{index}"] = MeasuredRecord(params, figure(ms_of(params))).to_json()
    table = read_trials("s", trials, ahead)
    networks = {
        (p["backbone.name"], p["neck.width"], p["head.kind"], p["size.pixels"]) for t in trials for p in [t.params]
    }
    networks |= {
        (p["backbone.name"], p["neck.width"], p["head.kind"], p["size.pixels"])
        for record in ahead.values()
        for p in [record["params"]]
    }
    found = importances(table)[1]
    assert found.trials == len(networks) == len(measured_networks(table).logs)
    assert {name for name, _ in found.shares} == {"backbone.name", "size.pixels"}


def test_unstable_figures_are_left_out_and_said_to_be() -> None:
    rng = random.Random(1)
    wild = [made(40 + i, chosen(rng, **{"neck.width": 32}), 0.3, 100.0 * (1 + i), stable=False) for i in range(3)]
    found = of([*embedded(40), *wild])[1]
    assert found.left_out == 3
    assert "3 unstable figures left out." in basis_words(found)
    assert {name for name, _ in found.shares} == {"backbone.name", "size.pixels"}


def test_where_the_network_explains_little_nothing_is_divided() -> None:
    rng = random.Random(2)
    found = of([made(n, chosen(rng), 0.3, math.exp(rng.gauss(0, 1))) for n in range(40)])[1]
    assert found.parts == ()
    assert found.reason.endswith("too little to divide among them")


def test_parts_that_changed_together_are_one() -> None:
    rng = random.Random(4)
    trials = []
    for number in range(40):
        params = chosen(rng)
        params["head.kind"] = "end2end" if params["backbone.name"] == "ghostnet_100" else "nms"
        params["backbone.name"] = "lcnet_050" if params["backbone.name"] == "regnetx_002" else params["backbone.name"]
        trials.append(made(number, params, 0.3, ms_of(params) * rng.uniform(0.98, 1.02)))
    found = of(trials)[1]
    assert "backbone.name + head.kind" in {name for name, _ in found.shares}
    assert "cannot be told apart" in basis_words(found)


def test_slim_parts_and_pruning_are_parts_of_the_network(report_study: Callable[..., optuna.Study]) -> None:
    shares = dict(importances(read_study(report_study(140)))[1].shares)
    assert set(list(shares)[:2]) == {"size.pixels", "backbone.name"}
    assert set(shares) <= {"size.pixels", "backbone.name", "prune (importance, ratio)"}


# Accuracy


def learnt(trials: int, seed: int, effect: float) -> list[FrozenTrial]:
    """mAP follows the backbone, and the learning rate, with noise of 0.02; `effect` 0: noise alone."""
    rng = random.Random(seed)
    found = []
    for number in range(trials):
        params = chosen(rng)
        strong = {"lcnet_050": -1, "ghostnet_100": 0, "regnetx_002": 1}[params["backbone.name"]]
        rate = -((math.log10(params["train.lr0"]) + 3) ** 2)
        map_ = 0.5 + effect * (0.05 * strong + 0.06 * rate) + rng.gauss(0, 0.02)
        found.append(made(number, params, map_, ms_of(params)))
    return found


def test_planted_choices_are_found_with_intervals_around_them() -> None:
    found = of(learnt(60, 0, 1.0))[0]
    assert {part.name for part in found.parts} == {"backbone.name", "train.lr0"}
    assert all(part.low is not None and part.high is not None for part in found.parts)
    assert all((part.low or 0) < part.share < (part.high or 0) for part in found.parts)
    assert found.explained is not None
    assert sum(part.share for part in found.parts) <= found.explained + 1e-9 <= 1 + 1e-9
    assert found.choices == 9
    assert "2 of 9 choices explain more of the mAP of 60 finished trainings than any choice explains in 95 of 100" in (
        basis_words(found)
    )


def test_few_trainings_say_nothing() -> None:
    found = of(learnt(10, 0, 1.0))[0]
    assert found.reason == "needs 18 finished trainings to tell 9 choices apart, has 10"
    assert found.parts == ()


def test_chance_is_seldom_taken_for_an_importance() -> None:
    """One study in twenty may."""
    false = sum(bool(of(learnt(30, seed, 0.0))[0].parts) for seed in range(40))
    assert false <= 5  # of 40 at 5 %: six or more in 1.4 % of such tests
    quiet = of(learnt(30, 1, 0.0))[0]
    assert quiet.reason == "over 30 finished trainings, none of 9 choices explains more than chance would"


def test_a_choice_that_goes_along_with_another_is_seldom_found_beside_it() -> None:
    named: list[set[str]] = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cause = rng.random(80)
        along = 0.9 * cause + 0.1 * rng.random(80)
        bases = {"along": columns_of(list(along)), "cause": columns_of(list(cause))}
        known = {name: columns for name, columns in bases.items() if columns is not None}
        named.append({part.name for part in find_parts(known, list(cause + rng.normal(0, 0.05, 80)))[0]})
    assert all("cause" in names for names in named)
    assert sum("along" in names for names in named) <= 3  # of 20 at 5 %: four or more in 1.6 % of such tests


def test_the_same_study_gives_the_same_shares(report_study: Callable[..., optuna.Study]) -> None:
    assert importances(read_study(report_study(60))) == importances(read_study(report_study(60)))


def test_equal_accuracies_say_nothing() -> None:
    rng = random.Random(0)
    assert of([made(n, chosen(rng), 0.5, 3.0) for n in range(30)])[0].reason == (
        "all 30 finished trainings have the same mAP"
    )
    bare = [create_trial(values=[0.1 * n, 3.0 + n]) for n in range(19)]
    assert of(bare)[0].reason == "over 19 finished trainings, none of 0 choices explains more than chance would"


def test_children_do_not_outvote_trainings(report_study: Callable[..., optuna.Study]) -> None:
    """Hundreds of children repeat the choices of their parents."""
    table = read_study(report_study(60, families=3, children=60))
    assert importances(table)[0] == importances(trainings_of(table))[0]
    assert not importances(table)[0].of_children


def test_where_trainings_are_few_children_say_what_they_differ_in(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(3, families=2, children=40))
    found = importances(table)[0]
    assert found.of_children
    elastic = {name for family in table.families if family.parent for name in family.parent.family}
    assert {name for name, _ in found.shares} <= elastic
    assert found.shares[0][0] == "size.pixels"
    assert "each beside those of its own family" in basis_words(found)
    assert importances(trainings_of(table))[0].reason.startswith("needs 20 finished trainings")


def test_what_families_differ_in_is_no_importance_of_children() -> None:
    """Two families, one better: within them the choices say nothing."""
    rng = np.random.default_rng(0)
    family = [0] * 20 + [1] * 20
    size = [160 + 32 * int(rng.integers(2)) + 64 * one for one in family]
    values = [0.3 + 0.3 * one + float(rng.normal(0, 0.01)) for one in family]
    columns = columns_of(size)
    assert columns is not None
    assert find_parts({"size.pixels": columns}, values)[0]
    assert find_parts({"size.pixels": columns}, values, family)[0] == ()


def trainings_of(table: StudyTable) -> StudyTable:
    return replace(table, rows=tuple(row for row in table.rows if not row.is_child))


def test_attributes_name_no_parameter() -> None:
    """A candidate holds fixed dimensions too; only what the sampler chose can matter."""
    assert of(learnt(30, 0, 1.0))[0].choices == len(DOMAINS)


# Columns and shares


def test_columns_of_choices() -> None:
    assert columns_of(["a", "a"]) is None
    assert columns_of([1.0, None, 1.0]) is None
    kinds = columns_of(["a", "b", "a", "c"])
    assert kinds is not None
    assert kinds.shape == (4, 2)
    rare = columns_of(["a", "b", "a", "c", "a"], members_min=2)
    assert rare is not None
    assert rare.shape == (5, 1)  # b and c share a column
    assert columns_of(["a", "b", "a", "a"], members_min=2) is None
    assert columns_of([0.0, 0.2, 0.0, 0.0], members_min=2) is None
    line, curve = columns_of([1, 2, 3]), columns_of([1, 2, 3, 4, None])
    assert line is not None
    assert curve is not None
    assert (line.shape, curve.shape) == ((3, 1), (5, 2))
    assert np.allclose(curve.mean(axis=0), 0)
    assert np.allclose(curve.std(axis=0), 1)
    logs = columns_of([0.01, 0.1, 1.0], log=True)
    assert logs is not None
    assert np.allclose(np.diff(logs[:, 0]), np.diff(logs[:, 0])[0])


def test_shapley_shares_add_up_and_split_what_two_share() -> None:
    """By hand: either of a and b brings 0.6, both 0.6; c brings 0.3 to whatever there is."""
    fits = {some: 0.6 * bool(some & {"a", "b"}) + 0.3 * ("c" in some) for some in subsets("abc")}
    assert shapley(fits) == pytest.approx({"a": 0.3, "b": 0.3, "c": 0.3})


@pytest.mark.seconds
@pytest.mark.slow
def test_the_time_hardly_grows_with_the_study(report_table: Callable[..., StudyTable]) -> None:
    """Of very many trials an even sample is looked at."""
    thousand, many = report_table(1000), report_table(4000)
    importances(thousand)  # what it imports
    assert cpu_s(lambda: importances(many), 1) < 3 * cpu_s(lambda: importances(thousand), 1)
