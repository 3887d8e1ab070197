"""Latencies of a study and the gate: its p95 bound as one of p50, and the trained figure before the untrained one."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import optuna
import pytest

from objectives.records import attributes as keys
from objectives.records.gate import Gate
from objectives.records.records import Ending, Latency, Outcome
from objectives.records.trial_record import trial_records
from search.study.latencies import StudyLatencies


def latency_of(params: Mapping[str, Any]) -> Latency:
    """Return a figure whose p95 is 1.2 times its p50."""
    p50_ms = (params["size.pixels"] / 64) ** 2
    return Latency(p50_ms, 1.2 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 1.0, True, "", "", 0)


@pytest.mark.parametrize(
    ("gate", "bound_ms"),
    [
        (Gate(), None),
        (Gate(p50_ms_max=5.0), 5.0),
        (Gate(p95_ms_max=6.0), 5.0),
        (Gate(p50_ms_max=4.0, p95_ms_max=6.0), 4.0),
        (Gate(p50_ms_max=9.0, p95_ms_max=6.0), 5.0),
    ],
)
def test_the_bound_of_p95_becomes_one_of_p50(gate: Gate, bound_ms: float | None) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    book = StudyLatencies(study, gate, latency_of)
    if gate.p95_ms_max and not gate.p50_ms_max:
        assert book.bound_ms() == 6.0  # no ratio is known yet
    for pixels in (64, 96, 128):
        book.measure({"size.pixels": pixels, "backbone.name": "tinynet_e"})
    assert book.bound_ms() == (None if bound_ms is None else pytest.approx(bound_ms))


def test_the_trained_figure_replaces_the_untrained_one_in_the_book() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    trial = study.ask()
    trial.suggest_int("size.pixels", 64, 64)
    trial.set_user_attr(keys.LATENCY_UNTRAINED, latency_of({"size.pixels": 64}).to_json())
    trial.set_user_attr(keys.LATENCY, latency_of({"size.pixels": 128}).to_json())
    book = StudyLatencies(study, Gate(), latency_of)
    assert book.lookup()({"size.pixels": 64}) == 4.0
    assert book.figures() == []
    untrained = book.untrained({"size.pixels": 64}, trial_records(study))
    assert untrained is not None
    assert untrained.first.p50_ms == 1.0


def test_throughput_bounds_the_median() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    assert StudyLatencies(study, Gate(throughput_min=250), latency_of).bound_ms() == 4.0
    assert StudyLatencies(study, Gate(throughput_min=250, p50_ms_max=3), latency_of).bound_ms() == 3.0


@pytest.mark.parametrize(
    "gate",
    [
        Gate(file_mb_max=10),
        Gate(memory_mb_max=100),
        Gate(images_per_s_min=90, throughput_min=1),
        Gate(file_mb_max=10, f1_min=0.9),
    ],
)
def test_an_architecture_that_breaks_a_bound_of_size_is_barred_once_it_was_measured(gate: Gate) -> None:
    def heavy(params: Mapping[str, Any]) -> Latency:
        size = params["size.pixels"] / 64
        sizes = replace(latency_of(params), file_bytes=int(7e6 * size), peak_bytes=int(7e7 * size))
        return sizes.with_batches(100 / size, 4, "")

    study = optuna.create_study(directions=["maximize", "minimize"])
    book = StudyLatencies(study, gate, heavy)
    assert book.bound_ms() == (None if gate.throughput_min is None else 1e3)
    light, large = {"size.pixels": 64}, {"size.pixels": 128}
    assert (book.measure(light), book.measure(large)) == (1.0, math.inf)
    again = StudyLatencies(study, gate, heavy).lookup()  # of another process
    assert (again(light), again(large), again({"size.pixels": 96})) == (1.0, math.inf, None)
    assert again({**large, "train.lr0": 0.1}) == math.inf  # the same architecture
    assert again({**large, "train.elastic": True}) == 4.0  # a family may have lighter children
    free = StudyLatencies(study, Gate(f1_min=0.9, p50_ms_max=1e3), heavy).lookup()
    assert free(large) == 4.0  # bounds that need training bar nothing


def test_a_trial_that_was_stopped_by_its_size_is_not_tried_again() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for pixels in (64, 96):
        trial = study.ask()
        trial.suggest_int("size.pixels", pixels, pixels)
        trial.set_user_attr(keys.LATENCY_UNTRAINED, latency_of({"size.pixels": pixels}).to_json())
        trial.set_user_attr(keys.ENDING, Ending(Outcome.OVER_BOUND, "breaks file <= 1 MB (2 MB)").to_json())
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    known = StudyLatencies(study, Gate(file_mb_max=1, p50_ms_max=2), latency_of).lookup()
    assert known({"size.pixels": 64}) == math.inf
    assert known({"size.pixels": 96}) == 2.25  # its latency alone says that it is over


FILE = Gate(file_mb_max=10)


def ended(study: optuna.Study, pixels: int, p50_ms: float, ending: Ending) -> None:
    """Record a trial that ended untrained."""
    trial = study.ask()
    trial.suggest_int("size.pixels", pixels, pixels)
    trial.set_user_attr(keys.LATENCY_UNTRAINED, replace(latency_of({"size.pixels": 64}), p50_ms=p50_ms).to_json())
    trial.set_user_attr(keys.ENDING, ending.to_json())
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)


def test_where_all_trainings_are_elastic_one_whose_whole_is_too_large_is_not_barred() -> None:
    def heavy(params: Mapping[str, Any]) -> Latency:
        return replace(latency_of(params), file_bytes=int(7e6 * params["size.pixels"] / 64))

    large = {"size.pixels": 128}
    for fixed, expected in (({"train.elastic": True}, 4.0), ({"train.elastic": False}, math.inf), ({}, math.inf)):
        study = optuna.create_study(directions=["maximize", "minimize"])
        assert StudyLatencies(study, FILE, heavy, fixed).measure(large) == expected


@pytest.mark.parametrize("p50_ms", [1.0, 9.0])  # within the bound of latency, and beyond it
def test_a_family_is_barred_by_its_own_elastic_trial_alone(p50_ms: float) -> None:
    gate = Gate(file_mb_max=1, p50_ms_max=5)
    over = Ending(Outcome.OVER_BOUND, "breaks file <= 1 MB (2 MB)")
    study = optuna.create_study(directions=["maximize", "minimize"])
    ended(study, 64, p50_ms, over)
    ended(study, 96, p50_ms, Ending(Outcome.STOPPED, "for another reason"))
    of_families = StudyLatencies(study, gate, latency_of, {"train.elastic": True}).lookup()
    assert of_families({"size.pixels": 64}) == math.inf
    assert of_families({"size.pixels": 64, "train.lr0": 0.1}) == math.inf  # the same family
    assert of_families({"size.pixels": 96}) == p50_ms
    alone = StudyLatencies(study, gate, latency_of, {"train.elastic": False}).lookup()
    assert alone({"size.pixels": 64, "train.elastic": True}) == p50_ms  # of single trainings, no family's end
