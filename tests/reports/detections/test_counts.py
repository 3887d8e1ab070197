"""Right, wrong and missed at any confidence: the matching of `automl data errors` at that confidence is the oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_errors import CLASSES, Row, detected, labelled

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import score
from objectives.deploy.detector import Detections
from objectives.deploy.errors.matching import OF_DETECTIONS, Kind, above, match
from objectives.deploy.kept_detections import keep_detections
from reports.detections.counts import (
    best_first,
    confidence_grid,
    confusions,
    count_over,
    counts_of_images,
    steps_above,
    worst_first,
)
from reports.detections.matched import BOX_SIZES, MatchedSplit, match_split, sizes_of

SIDES = st.sampled_from([10.0, 25.0, 40.0, 60.0, 90.0, 110.0])
PLACES = st.sampled_from([0.0, 5.0, 12.0, 20.0, 50.0, 55.0])
SCORES = st.sampled_from([0.02, 0.1, 0.25, 0.2501, 0.3, 0.5, 0.7, 0.9])
LABELS = st.lists(st.tuples(PLACES, PLACES, SIDES, SIDES, st.integers(0, 2)), max_size=4)
ROWS = st.lists(st.tuples(PLACES, PLACES, SIDES, SIDES, SCORES, st.integers(0, 2)), max_size=7)
IMAGES = st.lists(st.tuples(LABELS, ROWS), min_size=1, max_size=3)
Drawn = list[tuple[list[tuple[float, ...]], list[Row]]]


def made(drawn: Drawn) -> tuple[list[LabelledImage], list[Detections], MatchedSplit]:
    images = [
        labelled([label[:4] for label in labels], [int(label[4]) for label in labels], f"{i}.jpg")
        for i, (labels, _) in enumerate(drawn)
    ]
    found = [detected(sorted(rows, key=lambda row: -row[4])) for _, rows in drawn]
    return images, found, match_split(keep_detections(found, images, "val", 0.25), images, CLASSES)


@settings(max_examples=80, deadline=None)
@given(IMAGES, SCORES | st.sampled_from([0.0101, 0.95]))
def test_counts_and_kinds_are_those_of_matching_anew_above_each_confidence(drawn: Drawn, confidence: float) -> None:
    images, found, split = made(drawn)
    pairs: dict[tuple[int, int], int] = {}
    for one, counts, image, all_found in zip(
        split.images, counts_of_images(split, confidence), images, found, strict=True
    ):
        oracle = match(above(all_found, confidence), image)
        shown = one.scores > confidence
        assert sorted(OF_DETECTIONS[kind] for kind in one.kinds[shown]) == sorted(oracle.kinds)
        correct = sum(fate is Kind.CORRECT for fate in oracle.fates)
        assert (counts.right, counts.missed) == (correct, len(image.classes) - correct)
        assert counts.wrong == len(oracle.kinds) - correct
        assert (one.found_from > confidence).tolist() == [fate is Kind.CORRECT for fate in oracle.fates]
        taken = [
            int(oracle.found.classes[taker]) if fate is Kind.CONFUSED else -1
            for fate, taker in zip(oracle.fates, oracle.takers, strict=True)
        ]
        assert one.confused_with(confidence).tolist() == taken
        for label, other in zip(image.classes.tolist(), taken, strict=True):
            if other >= 0:
                pairs[label, other] = pairs.get((label, other), 0) + 1
    assert {(label, other): count for label, other, count in confusions(split, confidence)} == pairs


@settings(max_examples=20, deadline=None)
@given(IMAGES)
def test_curves_are_exact_on_their_grid_and_fall(drawn: Drawn) -> None:
    images, found, split = made(drawn)
    grid = confidence_grid(split)
    assert list(grid) == sorted(set(grid))
    assert 0.25 in grid
    over = count_over(split, grid)
    assert (np.diff(over.right) <= 0).all()
    assert (np.diff(over.wrong) <= 0).all()
    for i in (0, len(grid) // 3, grid.index(0.25), len(grid) - 1):
        at = over.at(i)
        if any(len(image.classes) for image in images):
            scored = score(found, images, CLASSES, "val", grid[i])
            assert (at.precision, at.recall, at.f1) == (scored.precision, scored.recall, scored.f1)
    parts = [count_over(split, grid, class_index=k) for k in range(len(CLASSES))]
    sizes = [count_over(split, grid, size=k) for k in range(len(BOX_SIZES))]
    for some in (parts, sizes):
        assert sum(part.labels for part in some) == over.labels
        assert sum(part.right for part in some).tolist() == over.right.tolist()  # type: ignore[union-attr]  # arrays
        assert sum(part.wrong for part in some).tolist() == over.wrong.tolist()  # type: ignore[union-attr]  # likewise


@given(st.lists(st.floats(0, 1), max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20, unique=True))
def test_a_score_counts_at_the_confidences_that_it_is_above(scores: list[float], confidences: list[float]) -> None:
    grid = sorted(confidences)
    steps = steps_above(np.array(scores), grid)
    for value, step in zip(scores, steps.tolist(), strict=True):
        assert [value > confidence for confidence in grid] == [step > i for i in range(len(grid))]


def test_sizes_are_coco_s() -> None:
    assert [BOX_SIZES[i] for i in sizes_of(np.array([31.9**2, 32.0**2, 95.9**2, 96.0**2, 0.0]))] == [
        "small", "medium", "medium", "large", "small",
    ]  # fmt: skip


def test_the_worst_come_first_and_the_best_have_few_errors() -> None:
    can = (100, 100, 100, 100)
    rows = [
        [(*can, 0.9, 0)],  # right
        [],  # missed
        [(*can, 0.9, 1), (500, 500, 50, 50, 0.8, 2)],  # confused, and one from nowhere: 3 errors
        [(*can, 0.9, 0), (500, 500, 50, 50, 0.8, 2)],  # right, and one from nowhere
    ]
    _, _, split = made([([(*can, 0)], of_image) for of_image in rows])
    counts = counts_of_images(split, 0.25)
    assert [one.key for one in worst_first(counts)] == [2, 1, 3, 0]
    assert [one.key for one in best_first(counts)] == [0, 3, 1, 2]
    assert confusions(split, 0.25) == [(0, 1, 1)]
    assert confusions(split, 0.95) == []


def test_images_that_the_data_set_has_no_longer_are_counted_as_lost() -> None:
    images = [labelled([(10, 10, 50, 50)], [0], "a.jpg"), labelled([(20, 10, 50, 50)], [1], "b.jpg")]
    found = [detected([(10, 10, 50, 50, 0.9, 0)]), detected([(20, 10, 50, 50, 0.9, 1)])]
    kept = keep_detections(found, images, "val", 0.25)
    split = match_split(kept, [labelled([(0, 0, 5, 5)], [0], "new.jpg"), images[1]], CLASSES)
    assert (split.lost, [one.key for one in split.images]) == (1, [1])
    assert split.images[0].image.path == Path("b.jpg")


@pytest.mark.parametrize(("floor", "first", "deployed"), [(0.01, 0.01, 0.25), (0.4, 0.4, 0.4)])
def test_the_grid_begins_where_everything_is_kept(floor: float, first: float, deployed: float) -> None:
    split = MatchedSplit(CLASSES, "val", 0.25, floor, (), 0)
    grid = confidence_grid(split)
    assert (grid[0], split.from_confidence) == (first, deployed)
    assert grid[-1] == 0.99
