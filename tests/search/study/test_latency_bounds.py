"""Latencies of a study and the gate: its p95 bound as one of p50, and the trained figure before the untrained one."""

from collections.abc import Mapping
from typing import Any

import optuna
import pytest

from objectives.records import attributes as keys
from objectives.records.gate import Gate
from objectives.records.records import Latency
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
    assert untrained.p50_ms == 1.0
