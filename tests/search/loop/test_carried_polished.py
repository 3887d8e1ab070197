"""What is carried may be polished: by the seconds that an epoch of it took elsewhere."""

import math
from dataclasses import replace

import pytest
from small_jobs import TINY

from objectives.records.records import Resources
from objectives.records.study_parts.carried import CarriedRecord
from objectives.records.trial_record import Phase, TrialRecord
from search.engine.observed import observed
from search.loop.polishing import is_whole_carried, polishable
from search.study.queued.carried import said_of
from search.study.queued.first import first_in_queue

RECORD = CarriedRecord(
    "old", "old:3", "a" * 64, "b" * 64, ["red"], dict(TINY), "old", 3, "trained", {}, epochs=8, epoch_s=3.0, map=0.5
)
CARRIED = TrialRecord(
    0, Phase.FINISHED, has_begun=True, candidate=TINY, map=0.4, objective_ms=2.0, carried=RECORD,
    resources=Resources(seconds={"latency": 4.0, "score": 1.0}),
)  # fmt: skip


def test_its_epochs_cost_what_they_cost_elsewhere() -> None:
    one = polishable(CARRIED, {0: CARRIED})
    assert one is not None
    assert (one.number, one.map, one.latency_ms, one.parent_ms) == (0, 0.4, 2.0, 2.0)
    assert one.seconds(10) == pytest.approx(10 * 3.0 + 5.0)


def test_a_child_of_it_costs_a_share_of_that() -> None:
    child = TrialRecord(1, Phase.FINISHED, parent=0, map=0.3, objective_ms=1.0)
    one = polishable(child, {0: CARRIED})
    assert one is not None
    assert one.seconds(10) == pytest.approx(10 * 3.0 * (0.4 + 0.6 / 2) + 5.0)


def test_it_lies_below_what_it_had_on_its_own_images() -> None:
    child = TrialRecord(1, Phase.FINISHED, parent=0, map=0.3, objective_ms=1.0)
    for trial in (CARRIED, child):  # of the child nothing was known there
        one = polishable(trial, {0: CARRIED})
        assert one is not None
        assert one.lost == pytest.approx(math.log(0.5 / 0.4))
    for found in (replace(CARRIED, map=0.6), replace(CARRIED, carried=replace(RECORD, map=None))):
        same = polishable(found, {0: found})
        assert same is not None
        assert same.lost == 0.0


def test_what_nobody_has_timed_and_what_is_pruned_is_not_polished() -> None:
    untimed = replace(CARRIED, carried=replace(RECORD, epoch_s=None))
    assert polishable(untimed, {0: untimed}) is None
    assert is_whole_carried(CARRIED)
    assert not is_whole_carried(replace(CARRIED, candidate={**TINY, "prune.importance": "lamp"}))
    assert not is_whole_carried(replace(CARRIED, phase=Phase.RUNNING))


def test_the_engine_learns_no_accuracy_from_it_and_nothing_where_it_lies_outside() -> None:
    inside, outside = observed(replace(CARRIED, params={"neck.width": 16})), observed(CARRIED)
    assert (inside.is_polish, inside.is_baseline, inside.shows_curve) == (True, False, False)
    assert (outside.is_polish, outside.is_baseline, outside.shows_curve) == (False, True, False)
    assert inside.final == outside.final == 0.4  # its place on the front


def test_it_comes_behind_the_baseline_and_before_what_was_asked_for() -> None:
    waiting = replace(CARRIED, number=1, phase=Phase.WAITING)
    baseline = TrialRecord(2, Phase.WAITING, baseline="yolo26n")
    for trials, number in (([baseline, waiting], 2), ([waiting], 1)):
        step = first_in_queue(trials)
        assert step is not None
        assert step.number == number


def test_it_is_said_where_it_comes_from() -> None:
    why = said_of(RECORD).why
    assert why == "asked for in `carry`: old:3 (trained, mAP 0.500 there), scored here and not trained"
