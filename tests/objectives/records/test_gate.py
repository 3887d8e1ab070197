"""The gate: bounds that are checked, and admit up to what they say."""

import math
from dataclasses import asdict, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.records.bounds.figures import Figures
from objectives.records.bounds.quantities import QUANTITIES, said
from objectives.records.gate import Gate
from objectives.records.records import Accuracy, ClassAccuracy, Latency
from spaces.errors import SettingsError

number = st.floats(0, 1e6)
LATENCY = Latency(
    8.0, 10.0, 8.0, 8.0, 7.0, 60, 1.0, True, "", "d3vice", 300_000_000, file_bytes=20_000_000, images_per_s=500.0
)
OWN = {"_target_": "m.wobble", "min": 0.5}
ACCURACY = Accuracy(
    0.3,
    0.6,
    {"can": ClassAccuracy(0.3, 0.6, 9, 0.7, 0.8), "jar": ClassAccuracy(-1, -1, 0, 0.0, None)},
    "val",
    10,
    map_small=0.1,
    confidence=0.25,
    precision=0.7,
    recall=0.8,
    f1=0.75,
    own={"wobble": 0.6, "sway": None},
)
MEASURED = Figures.of(LATENCY, ACCURACY)


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"map50_min": 62.0}, r"gate.map50_min: must lie in \[0, 1\], got 62.0; mAP is a share"),
        ({"map_min": -0.1}, r"gate.map_min: must lie in \[0, 1\]"),
        ({"map_min": float("nan")}, r"gate.map_min: must lie in \[0, 1\]"),
        ({"p95_ms_max": 0}, "gate.p95_ms_max: must be a positive number of milliseconds, got 0"),
        ({"p50_ms_max": -3}, "gate.p50_ms_max: must be a positive number"),
        ({"p50_ms_max": float("nan")}, "gate.p50_ms_max: must be a positive number"),
        ({"f1_min": 90}, r"gate.f1_min: must lie in \[0, 1\], got 90; it is a share"),
        ({"recall_of": {"can": 1.1}}, r"gate.recall_of.can: must lie in \[0, 1\]"),
        ({"misses_of": {"can": -1}}, r"gate.misses_of.can: must lie in \[0, 1\]"),
        ({"memory_mb_max": 0}, "gate.memory_mb_max: must be a positive number of megabytes"),
        ({"throughput_min": -1}, "gate.throughput_min: must be a positive number of images per second"),
        ({"own": [{"name": "x", "min": 1}]}, "gate.own: needs the function"),
        ({"own": [{"_target_": "m.x"}]}, "gate.own: 'x' has no bound; give min, max or both"),
        ({"own": [{"_target_": "m.x", "min": "high"}]}, "gate.own: min of 'x' must be a number, got 'high'"),
        ({"own": [{"_target_": "m.x", "max": float("nan")}]}, "gate.own: max of 'x' must be a number, got nan"),
        ({"own": [OWN, OWN]}, "gate.own: two metrics have the name 'wobble'"),
    ],
)
def test_bounds_are_checked(bounds: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Gate(**bounds)


def test_the_gate_admits_up_to_its_bounds() -> None:
    gate = Gate(map50_min=0.6, map_min=0.3, p95_ms_max=10, p50_ms_max=8)
    assert gate.missed(MEASURED) == ()
    assert str(gate) == "mAP50 >= 0.6 and mAP >= 0.3 and p95 <= 10 ms and p50 <= 8 ms"


@pytest.mark.parametrize(
    ("bounds", "text", "value"),
    [
        ({"map50_min": 0.61}, "mAP50 >= 0.61", 0.6),
        ({"map_min": 0.31}, "mAP >= 0.31", 0.3),
        ({"p95_ms_max": 9.9}, "p95 <= 9.9 ms", 10.0),
        ({"p50_ms_max": 7.9}, "p50 <= 7.9 ms", 8.0),
        ({"f1_min": 0.76}, "F1 >= 0.76", 0.75),
        ({"precision_min": 0.71}, "precision >= 0.71", 0.7),
        ({"recall_min": 0.81}, "recall >= 0.81", 0.8),
        ({"recall_of": {"can": 0.81}}, "recall of can >= 0.81", 0.8),
        ({"misses_of": {"can": 0.19}}, "misses of can <= 0.19", 0.2),
        ({"map_small_min": 0.11}, "mAP of small objects >= 0.11", 0.1),
        ({"throughput_min": 126}, "throughput >= 126 images/s", 125.0),
        ({"images_per_s_min": 501}, "rate at the best batch >= 501 images/s", 500.0),
        ({"memory_mb_max": 299}, "memory <= 299 MB", 300.0),
        ({"file_mb_max": 19.9}, "file <= 19.9 MB", 20.0),
        ({"own": [{**OWN, "min": 0.61}]}, "wobble >= 0.61", 0.6),
        ({"own": [{"_target_": "m.wobble", "max": 0.59}]}, "wobble <= 0.59", 0.6),
    ],
)
def test_each_bound_is_judged_by_its_own_figure(bounds: dict[str, Any], text: str, value: float) -> None:
    (missed,) = Gate(**bounds).missed(MEASURED)
    assert str(missed.bound) == str(Gate(**bounds)) == text
    assert missed.value == pytest.approx(value)
    assert missed.relative > 0
    looser = msgspec.convert(asdict(Gate(**bounds)), Gate)  # as a store keeps it
    assert looser == Gate(**bounds)


@pytest.mark.parametrize(
    ("bounds", "figures"),
    [
        ({"f1_min": 0}, replace(MEASURED, accuracy=replace(ACCURACY, f1=None))),  # of an older automl
        ({"recall_of": {"jar": 0}}, MEASURED),  # no jar in the split
        ({"recall_of": {"lid": 0}}, MEASURED),
        ({"map_small_min": 0}, replace(MEASURED, accuracy=replace(ACCURACY, map_small=-1.0))),
        ({"memory_mb_max": 1e9}, replace(MEASURED, memory_bytes=0)),
        ({"images_per_s_min": 1}, replace(MEASURED, images_per_s=None)),
        ({"file_mb_max": 1e9}, replace(MEASURED, file_bytes=0)),
        ({"own": [{"_target_": "m.sway", "max": 9}]}, MEASURED),  # it gave no number
        ({"map_min": 0}, replace(MEASURED, map=math.nan)),
    ],
)
def test_what_was_not_measured_misses_its_bound(bounds: dict[str, Any], figures: Figures) -> None:
    (missed,) = Gate(**bounds).missed(figures)
    assert (missed.value, missed.is_kept, missed.relative) == (None, False, 1.0)


def test_bounds_that_need_no_training_stop_a_detector_before_it() -> None:
    untrained = Figures.of(replace(LATENCY, peak_bytes=0))
    gate = Gate(f1_min=1, own=[OWN], p95_ms_max=9, file_mb_max=19, memory_mb_max=1, throughput_min=10)
    broken = gate.broken_untrained(untrained)
    assert [judged.bound.setting for judged in broken] == ["p95_ms_max", "file_mb_max"]  # memory is not known yet
    assert said(broken) == "p95 <= 9 ms and file <= 19 MB (20 MB)"
    assert gate.trained_only() == Gate(f1_min=1, own=[OWN])


def test_the_median_latency_is_bounded_by_throughput_too() -> None:
    assert Gate().p50_ms_most() is None
    assert Gate(p50_ms_max=30, throughput_min=50).p50_ms_most() == 20
    assert Gate(p50_ms_max=10, throughput_min=50).p50_ms_most() == 10


def test_bounds_over_nothing_are_none() -> None:
    assert Gate(recall_of={}, misses_of={}, own=[]) == Gate()


@given(st.builds(Figures, map=number, map50=number, p50_ms=number, p95_ms=number))
def test_no_gate_admits_everything(figures: Figures) -> None:
    assert Gate().missed(figures) == ()
    assert str(Gate()) == "no gate"


def test_a_bound_of_zero_is_a_bound() -> None:
    assert str(Gate(map50_min=0)) == "mAP50 >= 0"
    assert Gate(map50_min=0).missed(Figures(map50=0.0)) == ()


@given(st.sampled_from(sorted(QUANTITIES)), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_farther_a_figure_lies_beyond_a_bound_the_more_it_counts(setting: str, one: float, other: float) -> None:
    near, far = sorted((one, other)) if setting.endswith("_max") else sorted((one, other), reverse=True)
    limit = 0.005 if setting.endswith("_max") else 1.0
    (bound,) = Gate(**{setting: limit}).bounds
    judged = [replace(bound.judge(Figures()), value=value) for value in (near, far)]
    assert 0 < judged[0].relative <= judged[1].relative


OF_TWO = Gate(map50_min=0.5, p95_ms_max=25, file_mb_max=12, devices={"orin": {"p95_ms_max": 8}})


def test_each_device_has_bounds_of_its_own_and_those_of_accuracy_and_file() -> None:
    assert OF_TWO.of_first == Gate(map50_min=0.5, p95_ms_max=25, file_mb_max=12)
    assert OF_TWO.on("orin") == Gate(map50_min=0.5, p95_ms_max=8, file_mb_max=12)
    assert OF_TWO.on("nano") == Gate(map50_min=0.5, file_mb_max=12)
    assert Gate(file_mb_max=12, devices={"orin": {"file_mb_max": 9}}).on("orin") == Gate(file_mb_max=9)
    assert str(OF_TWO) == "mAP50 >= 0.5 and p95 <= 25 ms and file <= 12 MB; on orin: p95 <= 8 ms"
    assert OF_TWO.trained_only() == Gate(map50_min=0.5)


def test_a_gate_of_one_device_is_stored_as_ever() -> None:
    assert "devices" not in Gate(p95_ms_max=9).to_json()
    assert Gate(devices={}) == Gate()
    assert msgspec.convert(OF_TWO.to_json(), Gate) == OF_TWO


@pytest.mark.parametrize(
    ("first_ms", "other_ms", "by_any", "by_all"),
    [(20, 7, [], []), (30, 7, [""], []), (20, 9, ["orin"], []), (30, 9, ["", "orin"], ["", "orin"])],
)
def test_what_stops_a_detector_of_several_devices(first_ms: int, other_ms: int, by_any: list, by_all: list) -> None:
    first, others = Figures(p95_ms=first_ms), {"orin": Figures(p95_ms=other_ms)}
    assert list(OF_TWO.stopped_by(first, others, on_all=True)) == by_any
    assert list(OF_TWO.stopped_by(first, others, on_all=False)) == by_all


def test_of_one_device_any_bound_stops_a_detector() -> None:
    gate = Gate(p95_ms_max=25)
    for on_all in (False, True):
        assert [said(broken) for broken in gate.stopped_by(Figures(p95_ms=30.0), {}, on_all=on_all).values()] == [
            "p95 <= 25 ms"
        ]
        assert not gate.stopped_by(Figures(p95_ms=20.0), {}, on_all=on_all)
