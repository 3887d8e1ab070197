"""The verdict: each rule by cases, and what holds for all of them."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.compare.bootstrap import PairedDifference
from objectives.compare.verdict import Rules, Ruling, judge
from objectives.records.records import Latency
from spaces.errors import SettingsError

CHAMPION = Latency(10.0, 11.0, 9.9, 10.1, 8.0, 100, 1.0, True, "", "device", 0)
FREE = Rules(slower_max=None)


def timed(p50_ms: float, spread: float = 0.01) -> Latency:
    return replace(CHAMPION, p50_ms=p50_ms, p50_low_ms=p50_ms * (1 - spread), p50_high_ms=p50_ms * (1 + spread))


def apart(low: float, high: float) -> PairedDifference:
    return PairedDifference(0.5, 0.5 + (low + high) / 2, low, high)


@pytest.mark.parametrize(
    ("low", "high", "rules", "ruling"),
    [
        (0.01, 0.05, FREE, Ruling.PROMOTE),
        (-0.01, 0.05, FREE, Ruling.CANNOT_TELL),
        (-0.05, -0.01, FREE, Ruling.KEEP),
        (0.0, 0.0, FREE, Ruling.KEEP),  # a file against itself
        (0.0, 0.0, Rules(-0.01, None), Ruling.PROMOTE),  # as good within the margin
        (0.01, 0.05, Rules(0.02, None), Ruling.CANNOT_TELL),
        (0.01, 0.05, Rules(0.06, None), Ruling.KEEP),
        (math.nan, math.nan, FREE, Ruling.CANNOT_TELL),
    ],
)
def test_accuracy_alone(low: float, high: float, rules: Rules, ruling: Ruling) -> None:
    assert judge(apart(low, high), CHAMPION, timed(100.0), rules).ruling is ruling


@pytest.mark.parametrize(
    ("low", "challenger", "ruling"),
    [
        (0.01, timed(10.5), Ruling.PROMOTE),
        (0.01, timed(11.0), Ruling.CANNOT_TELL),
        (0.01, timed(12.0), Ruling.KEEP),
        (-0.01, timed(5.0), Ruling.CANNOT_TELL),
        (-0.01, timed(12.0), Ruling.KEEP),
        (0.01, timed(9.0, spread=0.5), Ruling.CANNOT_TELL),  # nobody knows how fast it is
    ],
)
def test_accuracy_and_latency(low: float, challenger: Latency, ruling: Ruling) -> None:
    judged = judge(apart(low, 0.05), CHAMPION, challenger, Rules())
    assert judged.ruling is ruling
    assert len(judged.why) == 2


@given(st.floats(-0.5, 0.5), st.floats(0, 0.3), st.floats(-0.2, 0.2), st.floats(0, 0.2))
def test_a_larger_margin_never_helps_the_challenger(low: float, width: float, margin: float, more: float) -> None:
    order = [Ruling.KEEP, Ruling.CANNOT_TELL, Ruling.PROMOTE]
    strict, mild = (
        judge(apart(low, low + width), CHAMPION, CHAMPION, Rules(m, None)).ruling for m in (margin + more, margin)
    )
    assert order.index(strict) <= order.index(mild)


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"^margin: must be a difference of mAP"):
        Rules(margin=1.0)
    with pytest.raises(SettingsError, match=r"^slower_max: must be a share over -1, or null"):
        Rules(slower_max=-1.0)
