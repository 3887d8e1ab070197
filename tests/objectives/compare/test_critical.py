"""Critical classes: recalls with intervals that stay honest for few objects, and rules that nothing outweighs."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.compare.bootstrap import PairedDifference, Resampling
from objectives.compare.critical import CriticalRule, judge_critical
from objectives.compare.recalls import ClassRecall, recalls
from objectives.compare.verdict import Ruling
from objectives.deploy.matches import IOUS, Matches
from spaces.errors import SettingsError

DRAWN = Resampling(resamples=200)


def matches(found: Sequence[int], objects: Sequence[int], score: float = 0.9) -> Matches:
    """Return what is found in each image, each a hit, beside a hit in the first image that is not sure enough."""
    images = np.concatenate([np.repeat(np.arange(len(found)), found), [0]]).astype(np.int64)
    hit = np.ones((len(IOUS), len(images)), dtype=bool)
    scores = np.array([*[score] * (len(images) - 1), 0.1])
    return Matches(images, scores, hit, hit, np.array(objects, dtype=np.int64))


def recall_of(champion: Sequence[int], challenger: Sequence[int], objects: Sequence[int]) -> ClassRecall:
    both = [{("jar", "all"): matches(found, objects)} for found in (champion, challenger)]
    (one,) = recalls(both, ["jar"], [0.25, 0.25], DRAWN)
    return one


def ruling(rule: CriticalRule, found: ClassRecall | None, known: Sequence[str] = ("jar",)) -> Ruling:
    (one,) = judge_critical({"jar": rule}, [found] if found else [], known)
    return one.ruling


def test_recall_counts_what_is_sure_enough() -> None:
    one = recall_of([1, 0, 1, 1], [1, 1, 1, 1], [1, 1, 2, 1])
    assert (one.objects, one.recall.champion, one.recall.challenger) == (5, 0.6, 0.8)


def test_few_objects_cannot_tell_though_every_resample_says_the_same() -> None:
    few, many = (recall_of([1] * count, [1] * count, [1] * count) for count in (4, 400))
    for rule in (CriticalRule(recall_min=0.94), CriticalRule(drop_max=0.02)):
        assert ruling(rule, few) is Ruling.CANNOT_TELL
        assert ruling(rule, many) is Ruling.PROMOTE


def test_a_clear_drop_is_refused() -> None:
    worse = recall_of([1] * 100, [1] * 60 + [0] * 40, [1] * 100)
    assert ruling(CriticalRule(drop_max=0.05), worse) is Ruling.KEEP
    assert ruling(CriticalRule(recall_min=0.9), worse) is Ruling.KEEP
    assert ruling(CriticalRule(drop_max=0.8), worse) is Ruling.PROMOTE


def test_a_class_without_objects_and_one_that_the_challenger_does_not_know() -> None:
    rule = CriticalRule(drop_max=0.5)
    assert ruling(rule, None) is Ruling.CANNOT_TELL
    assert ruling(rule, recall_of([1] * 9, [0] * 9, [1] * 9), known=["can"]) is Ruling.KEEP
    alone = ClassRecall("jar", 1, PairedDifference(1.0, 1.0, math.nan, math.nan), math.nan, math.nan)
    assert ruling(rule, alone) is Ruling.CANNOT_TELL


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=30), st.floats(0, 0.5))
def test_a_milder_rule_never_hurts_and_the_figures_lie_in_their_intervals(
    found: list[tuple[int, int]], most: float
) -> None:
    one = recall_of([a for a, _ in found], [b for _, b in found], [2] * len(found))
    assert one.recall.low <= one.recall.value <= one.recall.high
    assert 0 <= one.low <= one.recall.challenger <= one.high <= 1 + 1e-9
    order = [Ruling.KEEP, Ruling.CANNOT_TELL, Ruling.PROMOTE]
    strict, mild = (order.index(ruling(CriticalRule(drop_max=d), one)) for d in (most, most + 0.2))
    assert strict <= mild


def test_rules_without_a_bound_or_beyond_a_share_are_refused() -> None:
    with pytest.raises(SettingsError, match="needs recall_min, drop_max or both"):
        CriticalRule()
    with pytest.raises(SettingsError, match="recall_min must lie in"):
        CriticalRule(recall_min=94)
