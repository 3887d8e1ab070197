"""Importances find the dimension that was planted, conditional ones included."""

from collections.abc import Callable
from dataclasses import replace

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, create_trial
from timing import cpu_s

from objectives.records import attributes
from reports.analysis.importance import importances
from reports.table.table import StudyTable, read_study, read_trials

NOISE = FloatDistribution(0, 1)


def trial(number: int, *, conditional: bool) -> FrozenTrial:
    """mAP follows `strong`, latency follows `prune.ratio` where something is pruned."""
    strong, weak, ratio = (number * 0.618) % 1, (number * 0.414) % 1, (number * 0.732) % 1
    pruned = number % 2 == 0
    params = {"strong": strong, "weak": weak, "prune.importance": "l1" if pruned else "none"}
    distributions = {
        "strong": NOISE,
        "weak": NOISE,
        "prune.importance": CategoricalDistribution(["none", "l1"]),
    }
    if pruned or not conditional:
        params["prune.ratio"], distributions["prune.ratio"] = ratio, NOISE
    latency_ms = 10 - 8 * ratio if pruned else 11.0 + weak
    made = create_trial(values=[0.2 + 0.6 * strong, latency_ms], params=params, distributions=distributions)
    made.number = number
    return made


def test_planted_dimensions_come_first_for_each_objective() -> None:
    for_map, for_latency = importances(read_trials("s", [trial(n, conditional=True) for n in range(80)], {}))
    assert (for_map.objective, for_map.shares[0][0]) == ("mAP", "strong")
    assert (for_latency.objective, for_latency.shares[0][0]) == ("latency", "prune.ratio")
    for found in (for_map, for_latency):
        assert abs(sum(share for _, share in found.shares) - 1) < 1e-9
        assert {name for name, _ in found.shares} == {"strong", "weak", "prune.importance", "prune.ratio"}


def test_the_same_study_gives_the_same_shares(report_study: Callable[..., optuna.Study]) -> None:
    assert importances(read_study(report_study(60))) == importances(read_study(report_study(60)))


def test_latency_rests_on_trials_that_never_trained_too(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(140))
    for_map, for_latency = importances(table)
    assert for_map.trials == len(table.finished)
    assert for_latency.trials > for_map.trials
    assert {"size.pixels", "backbone.name"} & {name for name, _ in for_latency.shares[:2]}


def test_what_cannot_be_known_is_said() -> None:
    few = importances(read_trials("s", [trial(n, conditional=True) for n in range(3)], {}))
    assert [found.reason for found in few] == ["needs 4 measured trials, has 3"] * 2
    same = [create_trial(values=[0.5, 3.0], params={"x": n / 9}, distributions={"x": NOISE}) for n in range(9)]
    assert importances(read_trials("s", same, {}))[0].reason == "all 9 trials have the same mAP"
    bare = [create_trial(values=[0.1 * n, 3.0 + n]) for n in range(9)]
    assert importances(read_trials("s", bare, {}))[0].reason == "no dimension sets the best trials apart yet"


def test_a_dimension_with_one_value_gets_no_share() -> None:
    fixed = CategoricalDistribution(["a"])
    trials = [
        create_trial(values=[n / 50, 3.0 + n], params={"x": n / 50, "y": "a"}, distributions={"x": NOISE, "y": fixed})
        for n in range(50)
    ]
    assert importances(read_trials("s", trials, {}))[0].shares == (("x", 1.0),)


def test_children_do_not_outvote_trainings(report_study: Callable[..., optuna.Study]) -> None:
    """Hundreds of children repeat the choices of their parents."""
    table = read_study(report_study(60, families=3, children=60))
    for found, alone in zip(importances(table), importances(trainings_of(table)), strict=True):
        assert found == alone
        assert not found.of_children


def test_where_trainings_are_few_children_say_what_they_differ_in(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(3, families=2, children=40))
    assert len(table.trainings) < 4
    elastic = {name for family in table.families if family.parent for name in family.parent.family}
    measured = [len(table.finished), sum(row.p50_ms is not None for row in table.rows)]
    assert [found.trials for found in importances(table)] == measured
    for found in importances(table):
        assert found.of_children
        assert {name for name, _ in found.shares} <= elastic
        assert found.shares
    assert importances(table)[1].shares[0][0] == "size.pixels"
    assert importances(trainings_of(table))[0].reason.startswith("needs 4 measured trials, has ")


def trainings_of(table: StudyTable) -> StudyTable:
    return replace(table, rows=tuple(row for row in table.rows if not row.is_child))


def test_optuna_stays_as_talkative_as_it_was(report_study: Callable[..., optuna.Study]) -> None:
    before = optuna.logging.get_verbosity()
    importances(read_study(report_study(20)))
    assert optuna.logging.get_verbosity() == before


@pytest.mark.seconds
@pytest.mark.slow
def test_the_time_hardly_grows_with_the_study(report_table: Callable[..., StudyTable]) -> None:
    """Of very many trials an even sample is looked at."""
    thousand, many = report_table(1000), report_table(4000)
    importances(thousand)  # what it imports
    assert cpu_s(lambda: importances(many), 1) < 3 * cpu_s(lambda: importances(thousand), 1)


def test_attributes_name_no_parameter() -> None:
    """A candidate holds fixed dimensions too; only what the sampler chose can matter."""
    trials = [
        create_trial(
            values=[n / 20, 3.0 + n],
            params={"x": n / 20},
            distributions={"x": NOISE},
            user_attrs={attributes.CANDIDATE: {"x": n / 20, "head.kind": "nms"}},
        )
        for n in range(20)
    ]
    assert [name for name, _ in importances(read_trials("s", trials, {}))[0].shares] == ["x"]
