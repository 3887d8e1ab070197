"""The gate: bounds that are checked, and admit up to what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.records.gate import Gate
from spaces.errors import SettingsError

number = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"map50_min": 62.0}, r"gate.map50_min: must lie in \[0, 1\], got 62.0; mAP is a share"),
        ({"map_min": -0.1}, r"gate.map_min: must lie in \[0, 1\]"),
        ({"map_min": float("nan")}, r"gate.map_min: must lie in \[0, 1\]"),
        ({"p95_ms_max": 0}, "gate.p95_ms_max: must be a positive number of milliseconds, got 0"),
        ({"p50_ms_max": -3}, "gate.p50_ms_max: must be a positive number"),
        ({"p50_ms_max": float("nan")}, "gate.p50_ms_max: must be a positive number"),
    ],
)
def test_bounds_are_checked(bounds: dict[str, float], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Gate(**bounds)


def test_the_gate_admits_up_to_its_bounds() -> None:
    gate = Gate(map50_min=0.6, map_min=0.3, p95_ms_max=10, p50_ms_max=8)
    assert gate.admits_latency(8, 10)
    assert not gate.admits_latency(8.01, 10)
    assert not gate.admits_latency(8, 10.01)
    assert gate.admits_accuracy(map_=0.3, map50=0.6)
    assert not gate.admits_accuracy(map_=0.29, map50=0.6)
    assert not gate.admits_accuracy(map_=0.3, map50=0.59)
    assert str(gate) == "mAP50 >= 0.6 and mAP >= 0.3 and p95 <= 10 ms and p50 <= 8 ms"


@given(number, number)
def test_no_gate_admits_everything(one: float, other: float) -> None:
    assert Gate().admits_latency(one, other)
    assert Gate().admits_accuracy(one, other)
    assert str(Gate()) == "no gate"


def test_a_bound_of_zero_is_a_bound() -> None:
    assert str(Gate(map50_min=0)) == "mAP50 >= 0"
    assert Gate(map50_min=0).admits_accuracy(0, 0)
