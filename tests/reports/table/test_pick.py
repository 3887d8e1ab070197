"""Picks from small studies whose answer is plain to see."""

from dataclasses import asdict

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes
from objectives.records.gate import Gate
from objectives.records.records import Accuracy, Ending, Latency, Outcome
from reports.table.pick import misses, nearest_miss, pick
from reports.table.table import StudyTable, read_trials
from reports.table.verdict import judge
from spaces.errors import AutomlError

# mAP, p50: number 3 is dominated; the knee is 1.
POINTS = [(0.30, 1.0), (0.55, 2.0), (0.60, 16.0), (0.50, 4.0), (0.58, 8.0)]


def trial(number: int, map_: float, p50_ms: float) -> FrozenTrial:
    latency = Latency(p50_ms, 1.2 * p50_ms, p50_ms, p50_ms, p50_ms, 100, 2.0, True, "", "", 0)
    attrs = {
        attributes.LATENCY: latency.to_json(),
        attributes.ACCURACY: Accuracy(map_, map_ + 0.2, {}, "val", 10).to_json(),
        attributes.CANDIDATE: {"backbone.name": "resnet18", "size.pixels": 256},
    }
    made = create_trial(values=[map_, p50_ms], user_attrs=attrs)
    made.number = number
    return made


def table_of(gate: Gate, *points: tuple[float, float]) -> StudyTable:
    trials = [trial(number, *point) for number, point in enumerate(points or POINTS)]
    ending = Ending(Outcome.FAILED, "loss became NaN", "diverged").to_json()
    failed = create_trial(state=TrialState.FAIL, user_attrs={attributes.ENDING: ending})
    failed.number = len(trials)
    return read_trials("retail", [*trials, failed], {attributes.GATE: asdict(gate)})


@pytest.mark.parametrize(
    ("gate", "how", "number"),
    [
        (Gate(), "gate", 2),
        (Gate(p50_ms_max=9), "gate", 4),
        (Gate(p95_ms_max=5, map50_min=0.7), "gate", 1),
        (Gate(), "knee", 1),
        (Gate(), "fastest", 0),
        (Gate(), "best", 2),
        (Gate(), "3", 3),
        (Gate(), 0, 0),
    ],
)
def test_picks(gate: Gate, how: str | int, number: int) -> None:
    assert pick(table_of(gate), how).number == number


def test_ties_go_to_the_faster_then_to_the_older() -> None:
    assert pick(table_of(Gate(p50_ms_max=9), (0.5, 4.0), (0.5, 3.0), (0.5, 3.0)), "gate").number == 1


@pytest.mark.parametrize("points", [[(0.5, 3.0)], [(0.5, 3.0), (0.6, 4.0)], [(0.5, 3.0), (0.5, 3.0)]])
def test_a_small_front_has_a_knee(points: list[tuple[float, float]]) -> None:
    assert pick(table_of(Gate(), *points), "knee").number == 0


def test_no_one_passes_and_the_nearest_is_named() -> None:
    table = table_of(Gate(map50_min=0.79, p95_ms_max=10))
    near = nearest_miss(table)
    assert near is not None
    assert near.number == 4  # 0.01 short, 0.4 ms... of 9.6 ms inside
    with pytest.raises(AutomlError, match=r"nearest: trial 4 \(mAP50 0\.010 short\); search on") as caught:
        pick(table, "gate")
    assert "\n" not in str(caught.value)


def test_misses_are_told_in_each_bound_s_own_unit() -> None:
    table = table_of(Gate(map50_min=0.9, map_min=0.7, p95_ms_max=1, p50_ms_max=1))
    assert list(misses(table.rows[1], table.gate)) == [
        "mAP50 0.150 short",
        "mAP 0.150 short",
        "p95 1.40 ms over",
        "p50 1.00 ms over",
    ]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("kne", "nearest: knee"),
        ("99", "no trial 99"),
        ("5", "trial 5 is not finished but failed: loss became NaN"),
    ],
)
def test_picks_that_cannot_be_had(how: str, message: str) -> None:
    with pytest.raises(AutomlError, match=message):
        pick(table_of(Gate()), how)


def test_an_empty_study_has_nothing_to_pick() -> None:
    with pytest.raises(AutomlError, match="no finished trial yet"):
        pick(read_trials("retail", [], {}), "gate")


def test_verdicts() -> None:
    met = judge(table_of(Gate(p50_ms_max=9)))
    assert met.kind == "meets"
    assert met.lead + met.figures == (
        "Trial 4 meets the gate, the best of 4: mAP50 0.780, mAP 0.580, p95 9.60 ms, p50 8.00 ms, "
        "with resnet18 · 256 px."
    )
    missed = judge(table_of(Gate(map50_min=0.79, p95_ms_max=10)))
    assert missed.kind == "misses"
    assert missed.lead.startswith("No trial meets the gate. Trial 4 comes nearest (mAP50 0.010 short): ")
    assert judge(table_of(Gate())).kind == "no gate"
    nothing = judge(read_trials("s", [], {}))
    assert nothing.lead + nothing.figures == "No trial has finished yet. The study holds no trial."
