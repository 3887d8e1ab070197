"""Parameters as rows: each kind of distribution, conditions, single values, the rule of the logarithm."""

import math

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from search.engine.encoding import Encoder


def encoded(distribution: BaseDistribution, *values: object) -> list[float]:
    rows = Encoder({"x": distribution}).encode([{"x": value} for value in values])
    assert rows.shape == (len(values), 1)
    return [float(value) for value in rows[:, 0]]


@pytest.mark.parametrize(
    ("distribution", "values", "expected"),
    [
        (FloatDistribution(-1.0, 3.0), [-1.0, 1.0, 3.0], [0.0, 0.5, 1.0]),
        (FloatDistribution(1e-4, 1e-2, log=True), [1e-4, 1e-3, 1e-2], [0.0, 0.5, 1.0]),
        (FloatDistribution(0.0, 1.0, step=0.25), [0.0, 0.25, 1.0], [0.0, 0.25, 1.0]),
        (IntDistribution(10, 30, step=10), [10, 20, 30], [0.0, 0.5, 1.0]),
        (IntDistribution(1, 100, log=True), [1, 10, 100], [0.0, 0.5, 1.0]),
        (CategoricalDistribution([10, 20, 30]), [10, 20, 30], [0.0, 0.5, 1.0]),  # an order, and a ratio below 4
        (CategoricalDistribution([8, 128, 32]), [8, 32, 128], [0.0, 0.5, 1.0]),  # a ratio of 16: on a log scale
        (CategoricalDistribution([0, 5, 50]), [0, 5, 50], [0.0, 0.1, 1.0]),  # no logarithm of 0
        (CategoricalDistribution([-8, 2, 12]), [-8, 2, 12], [0.0, 0.5, 1.0]),
        (CategoricalDistribution([1.0, 4.0]), [2.0], [0.5]),  # exactly 4 is enough
        (CategoricalDistribution(["b", "a"]), ["b", "a"], [0.0, 1.0]),
        (CategoricalDistribution([False, True]), [False, True], [0.0, 1.0]),
        (CategoricalDistribution(["none", 1, 2.5, True]), ["none", 1, 2.5, True], [0.0, 1.0, 2.0, 3.0]),
    ],
)
def test_each_kind(distribution: BaseDistribution, values: list[object], expected: list[float]) -> None:
    assert encoded(distribution, *values) == pytest.approx(expected)


def test_what_has_no_order_is_marked() -> None:
    encoder = Encoder(
        {
            "number": CategoricalDistribution([1, 2]),
            "flag": CategoricalDistribution([True, False]),
            "kind": CategoricalDistribution(["a", "b"]),
            "rate": FloatDistribution(0.0, 1.0),
        }
    )
    assert [column.name for column in encoder.columns] == ["flag", "kind", "number", "rate"]
    assert encoder.categorical.tolist() == [True, True, False, False]


def test_a_dimension_that_does_not_exist_is_nan() -> None:
    encoder = Encoder({"a": CategoricalDistribution(["x", "y"]), "b": FloatDistribution(0.0, 2.0)})
    rows = encoder.encode([{"a": "x"}, {"a": "y", "b": 1.0}, {}])
    assert np.array_equal(rows, [[0.0, math.nan], [1.0, 0.5], [math.nan, math.nan]], equal_nan=True)


def test_single_values_are_left_out() -> None:
    encoder = Encoder(
        {
            "one": CategoricalDistribution(["only"]),
            "number": CategoricalDistribution([3]),
            "float": FloatDistribution(0.5, 0.5),
            "int": IntDistribution(7, 7),
            "free": IntDistribution(1, 2),
        }
    )
    assert [column.name for column in encoder.columns] == ["free"]
    assert encoder.encode([{"one": "only", "number": 3, "float": 0.5, "int": 7, "free": 2}]).tolist() == [[1.0]]


def test_an_unseen_category_is_like_no_other() -> None:
    found = encoded(CategoricalDistribution(["a", "b"]), "a", "b", "c")
    assert len(set(found)) == 3


def test_nothing_to_encode() -> None:
    empty = Encoder({})
    assert empty.encode([{}, {"x": 1}]).shape == (2, 0)
    assert empty.categorical.dtype == bool
    assert Encoder({"x": FloatDistribution(0, 1)}).encode([]).shape == (0, 1)


def test_another_kind_of_distribution_is_refused() -> None:
    with pytest.raises(TypeError, match="x: unknown kind"):
        Encoder({"x": object()})  # type: ignore[dict-item]  # no distribution: refused


def test_a_detector_that_says_nothing_of_its_neck_has_the_default_one() -> None:
    encoder = Encoder({"neck.kind": CategoricalDistribution(["pan", "own"])})
    silent, pan, own = encoder.encode([{}, {"neck.kind": "pan"}, {"neck.kind": "own"}])[:, 0]
    assert silent == pan != own
