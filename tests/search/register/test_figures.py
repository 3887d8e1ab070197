"""Figures of a lineage as MLflow's metrics: names, intervals, what is left out, and names that MLflow would refuse."""

import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.register.figures import NAME_MOST, figures, metric_name

ACCURACY = {
    "map": 0.5,
    "map50": 0.75,
    "per_class": {"cola": {"map": 0.5, "map50": 0.75, "boxes": 3}, "jar": {"map": -1, "map50": -1, "boxes": 0}},
    "split": "val",
    "images": 32,
}
LATENCY = {"p50_ms": 4.0, "p50_low_ms": 3.9, "p50_high_ms": 4.1, "stable": True, "note": "", "raw_p50_ms": float("nan")}


def test_records_are_flat_metrics() -> None:
    resources = {"parameters": 7, "seconds": {"train": 1.5}}
    found = figures({"automl.accuracy": ACCURACY, "automl.latency": LATENCY, "automl.resources": resources})
    assert found == {
        "map": 0.5,
        "map50": 0.75,
        "images": 32.0,
        "map/cola": 0.5,
        "map50/cola": 0.75,
        "boxes/cola": 3.0,
        "boxes/jar": 0.0,
        "p50_ms": 4.0,
        "p50_low_ms": 3.9,
        "p50_high_ms": 4.1,
        "parameters": 7.0,
        "seconds/train": 1.5,
    }


def test_a_proof_has_ends_and_leaves_the_figure_of_the_file() -> None:
    end = {"mean": 0.45, "low": 0.4, "high": 0.5, "level": 0.95, "n": 3}
    found = figures({"automl.accuracy": {"map": 0.5}, "proof": {"map": end, "recalls": {"cola": end}}})
    ends = {"mean": 0.45, "low": 0.4, "high": 0.5, "level": 0.95, "n": 3.0}
    assert found == {
        "map": 0.5,
        **{f"map_{name}": value for name, value in ends.items()},
        **{f"recalls/cola_{name}": value for name, value in ends.items()},
    }


def test_the_full_latency_stands_for_a_quick_one_and_other_parts_have_prefixes() -> None:
    lineage = {
        "automl.latency": LATENCY,
        "latency_full": {"p50_ms": 5.0},
        "test": {"map": 0.25},
        "baseline": {"map": 0},
    }
    assert figures(lineage) == {"p50_ms": 5.0, "test/map": 0.25, "baseline/map": 0.0}


@pytest.mark.parametrize("lineage", [{}, {"automl.accuracy": None, "proof": "none", "test": [], "baseline": {}}])
def test_what_is_missing_gives_no_figure(lineage: dict[str, object]) -> None:
    assert figures(lineage) == {}


def test_class_names_that_mlflow_cannot_distinguish_get_numbers() -> None:
    classes = {
        name: {"map": value} for name, value in (("50%", 0.1), ("50?", 0.2), ("a/b", 0.3), ("..", 0.4), ("ü", 0.5))
    }
    assert figures({"automl.accuracy": {"per_class": classes}}) == {
        "map/50_": 0.1,
        "map/50__2": 0.2,
        "map/a_b": 0.3,
        "map/__": 0.4,
        "map/ü": 0.5,
    }


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_mlflow_takes(name: str) -> None:
    found = metric_name(name)
    assert re.fullmatch(r"[/\w.\- ]+", found)
    assert posixpath.normpath(found) == found
    assert not found.startswith(("/", ".."))
    assert found != "."
    assert len(found) <= NAME_MOST
