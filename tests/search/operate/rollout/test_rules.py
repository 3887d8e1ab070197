"""Intervals, samples of a log and rules: against plain formulas and simulations."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rolled_out import BASE, answers

from objectives.predictions.record import LoggedBox
from search.operate.rollout.answers import Answers, ImageSample, Reservoir
from search.operate.rollout.contract import RuleFigure, Standing
from search.operate.rollout.intervals import Estimate, quantile_of, ratio_of, share_of, share_over_images
from search.operate.rollout.matched import count_boxes
from search.operate.rollout.rules import Compared, hold, left_out
from search.settings.pipeline.parts import RolloutRules
from search.settings.pipeline.pipeline_settings import load_pipeline

RED = LoggedBox("red", 0.9, (10.0, 10.0, 50.0, 50.0))
NEAR_RED = LoggedBox("red", 0.8, (12.0, 10.0, 52.0, 50.0))
BLUE = LoggedBox("blue", 0.7, (100.0, 100.0, 140.0, 140.0))


def rules(**more: Any) -> RolloutRules:
    plain = load_pipeline([f"pipeline={BASE}", "name=x", "data.root=x"]).rollout.rules
    none = dict.fromkeys(("p95_ms_max", "p95_share_max", "p95_measured_share_max", "failed_share_max"))
    return replace(plain, **{**none, "labelled_min": 2, **more})


def gathered(*args: Any, labelled: Sequence[str] = (), **more: Any) -> Answers:
    found = Answers(labelled)
    for record in answers(*args, **more):
        found.add(record)
    return found


def compared(challenger: Answers, champion: Answers | None = None, **more: Any) -> Compared:
    values = {"truth": {}, "measured_ratio": None, "paired": False, **more}
    return Compared(challenger, champion or Answers(()), **values)


def only(found: list[RuleFigure]) -> RuleFigure:
    (one,) = found
    return one


def test_shares_have_wilsons_interval() -> None:
    found, z = share_of(3, 40, 0.95), 1.959964
    middle, spread = (3 + z * z / 2) / (40 + z * z), z / (40 + z * z) * math.sqrt(3 * 37 / 40 + z * z / 4)
    assert (found.value, found.low, found.high) == pytest.approx((3 / 40, middle - spread, middle + spread), rel=1e-5)


def test_the_interval_of_a_p95_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        found = quantile_of(rng.lognormal(size=200), 0.95, 0.95)
        held += found.low <= math.exp(1.6448536) <= found.high
    assert 0.93 <= held / 400 <= 0.995
    assert quantile_of([5.0] * 20, 0.95, 0.95).high == math.inf  # of so few the highest may lie under it
    assert quantile_of([5.0] * 200, 0.95, 0.95) == Estimate(5.0, 5.0, 5.0)


@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=300))
def test_a_quantile_lies_in_its_interval(values: list[float]) -> None:
    found = quantile_of(values, 0.95, 0.9)
    assert found.low <= found.value * (1 + 1e-9)
    assert found.high >= found.value * (1 - 1e-9)


def test_a_ratio_holds_what_both_intervals_hold() -> None:
    assert ratio_of(Estimate(4, 2, 8), Estimate(2, 1, 4)) == Estimate(2, 0.5, 8)
    assert ratio_of(Estimate(4, 2, 8), Estimate(0, 0, 1)) == Estimate(math.inf, 0, math.inf)


def test_boxes_of_few_images_are_no_independent_sample() -> None:
    alike = share_over_images(np.array([10, 10, 0, 0]), np.array([10, 10, 10, 10]), 0.95)
    spread = share_over_images(np.array([5] * 4), np.array([10] * 4), 0.95)
    assert alike.low < 0.05 < spread.low
    assert (spread.low, spread.high) == pytest.approx((share_of(20, 40, 0.95).low, share_of(20, 40, 0.95).high))
    assert share_over_images(np.zeros(3, int), np.array([1, 1, 1]), 0.95).high > 0.5  # none missed of three


def test_a_reservoir_is_a_sample_of_all() -> None:
    found = Reservoir(1000)
    for i in range(50_000):
        found.add(i)
    assert (found.seen, len(found.values)) == (50_000, 1000)
    assert abs(np.mean(found.values) - 25_000) < 4 * 50_000 / math.sqrt(12 * 1000)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 400), st.integers(0, 20), st.integers(5, 50))
def test_samples_of_two_logs_hold_the_same_images(both: int, alone: int, most: int) -> None:
    one, other = ImageSample(most), ImageSample(most)
    for i in range(both):
        one.add(f"{i}.jpg", (RED,))
    for i in reversed(range(both)):
        other.add(f"{i}.jpg", (BLUE,))
    for i in range(alone):
        other.add(f"alone/{i}.jpg", (RED,))
    pairs = one.with_other(other)
    assert len(pairs) >= min(both, most - alone)
    assert set(pairs) == {((RED,), (BLUE,))}


def test_boxes_are_matched_by_class_and_overlap() -> None:
    far = LoggedBox("red", 0.9, (200.0, 200.0, 240.0, 240.0))
    counts = count_boxes([([RED, BLUE], [NEAR_RED]), ([], [BLUE]), ([RED, NEAR_RED, far], [RED]), ([], [])])
    assert counts.found.tolist() == [2, 0, 3, 0]
    assert counts.labels.tolist() == [1, 1, 1, 0]
    assert counts.hits.tolist() == [1, 0, 1, 0]
    red = count_boxes([([RED, BLUE], [NEAR_RED, BLUE])], ["red"])
    assert (red.found.tolist(), red.labels.tolist(), red.hits.tolist()) == ([1], [1], [1])
    assert count_boxes([([RED], [RED])], ["green"]).hits.tolist() == [0]
    assert count_boxes([]).hits.tolist() == []


@pytest.mark.parametrize(
    ("bound", "count", "standing"),
    [(12.0, 400, Standing.KEPT), (8.0, 400, Standing.BROKEN), (8.0, 29, Standing.UNKNOWN)],
)
def test_latencies_are_held_to_their_bound(bound: float, count: int, standing: Standing) -> None:
    found = only(hold(rules(p95_ms_max=bound), compared(gathered("v2", count))))
    assert found.standing is standing
    if standing is not Standing.UNKNOWN:
        assert found.value == pytest.approx(11.0, abs=0.1)
        assert "against" in found.words


def test_latencies_are_held_to_the_champions() -> None:
    slow, fast = gathered("v2", 400, latency_ms=15.0), gathered("v1", 400, latency_ms=10.0)
    assert only(hold(rules(p95_share_max=0.2), compared(slow, fast))).standing is Standing.BROKEN
    assert only(hold(rules(p95_share_max=0.6), compared(slow, fast))).standing is Standing.KEPT
    few = only(hold(rules(p95_share_max=0.2), compared(slow, gathered("v1", 3))))
    assert (few.standing, few.why) == (Standing.UNKNOWN, "3 logged latencies of the champion, of 30")
    some = only(hold(rules(p95_share_max=0.2), compared(slow, gathered("v1", 60, latency_ms=10.0))))
    assert some.standing is Standing.OPEN
    assert some.words.endswith("(60 logged latencies of the champion, 86 are needed to tell)")
    enough = only(hold(rules(p95_share_max=0.2), compared(slow, gathered("v1", 86, latency_ms=10.0))))
    assert enough.standing is Standing.BROKEN
    unlogged = only(hold(rules(p95_share_max=0.2), compared(gathered("v2", 50, latency_ms=None), fast)))
    assert "the log has no latency_ms of the challenger" in unlogged.why


def test_a_challenger_that_was_measured_slower_may_be_slower() -> None:
    slow, fast = gathered("v2", 400, latency_ms=15.0), gathered("v1", 400, latency_ms=10.0)
    held = rules(p95_measured_share_max=0.1)
    assert only(hold(held, compared(slow, fast, measured_ratio=1.5))).standing is Standing.KEPT
    broken = only(hold(held, compared(slow, fast, measured_ratio=1.1)))
    assert (broken.standing, broken.value) == (Standing.BROKEN, pytest.approx(15 / 11 - 1, abs=0.01))
    assert hold(held, compared(slow, fast)) == []
    assert left_out(held, compared(slow, fast))[0].startswith("p95_measured_share_max: left out")


@pytest.mark.parametrize(("failed", "standing"), [(0, Standing.KEPT), (4, Standing.OPEN), (30, Standing.BROKEN)])
def test_failed_answers_are_held_to_their_share(failed: int, standing: Standing) -> None:
    found = only(hold(rules(failed_share_max=0.01), compared(gathered("v2", 200, failed=failed))))
    assert (found.standing, found.value) == (standing, failed / 200)


def test_a_shadow_is_held_to_disagreement_on_the_same_images() -> None:
    champion, same = gathered("v1", 50, [RED, BLUE]), gathered("v2", 50, [NEAR_RED, BLUE])
    held, other = rules(disagree_share_max=0.2), gathered("v2", 50, [RED], names="elsewhere")
    agreed = only(hold(held, compared(same, champion, paired=True)))
    assert (agreed.standing, agreed.value, agreed.of) == (Standing.KEPT, 0.0, 50)
    half = only(hold(held, compared(gathered("v2", 50, [RED]), champion, paired=True)))
    assert (half.standing, half.value) == (Standing.BROKEN, 0.5)
    assert "no image was answered by both" in only(hold(held, compared(other, champion, paired=True))).why
    assert only(hold(held, compared(gathered("v2", 9), gathered("v1", 9), paired=True))).standing is Standing.KEPT
    assert hold(held, compared(same, champion)) == []
    assert left_out(held, compared(same, champion))[0].startswith("disagree_share_max: left out")


def test_rules_of_labels() -> None:
    names = [f"img/{i}.jpg" for i in range(40)]
    truth = {name: [RED, BLUE] if i < 20 else [RED] for i, name in enumerate(names)}
    finds_red = compared(gathered("v2", 40, [NEAR_RED], labelled=names), truth=truth)
    recall = only(hold(rules(recall_min=0.9), finds_red))
    assert (recall.standing, recall.value, recall.of) == (Standing.BROKEN, pytest.approx(40 / 60), 40)
    assert only(hold(rules(precision_min=0.9), finds_red)).value == 1.0
    assert only(hold(rules(recall_min=0.9, classes=["red"]), finds_red)).standing is Standing.KEPT
    missed = only(hold(rules(false_negative_rate_max=0.06, classes=["blue"]), finds_red))
    assert (missed.standing, missed.value) == (Standing.BROKEN, 1.0)
    nothing = only(hold(rules(precision_min=0.9, classes=["blue"]), finds_red))
    assert nothing.why == "no boxes found of blue on 40 labelled images"
    few = only(hold(rules(recall_min=0.9, labelled_min=41), finds_red))
    assert few.why == "40 images that it answered have labels, of 41 (labelled_min)"
    assert len(hold(rules(precision_min=0.9, recall_min=0.9), finds_red)) == 2
