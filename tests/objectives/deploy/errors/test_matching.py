"""Detections held against labels: each kind by hand, and the sums and COCO's own matching as oracles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_errors import CLASSES, Row, detected, labelled

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import score
from objectives.deploy.errors.counts import count
from objectives.deploy.errors.matching import OF_DETECTIONS, OF_LABELS, Kind, Matched, above, match

CAN = (100, 100, 100, 100)
C, X, L, D, B, M = Kind.CORRECT, Kind.CONFUSED, Kind.LOCALISATION, Kind.DUPLICATE, Kind.BACKGROUND, Kind.MISSED


@pytest.mark.parametrize(
    ("rows", "kinds", "fate"),
    [
        ([(100, 100, 100, 100, 0.9, 0)], [C], C),
        ([], [], M),
        ([(100, 100, 100, 51, 0.9, 0)], [C], C),  # IoU 0.51
        ([(100, 100, 100, 49, 0.9, 0)], [L], L),  # 0.49
        ([(100, 100, 100, 11, 0.9, 0)], [L], L),  # 0.11
        ([(100, 100, 100, 9, 0.9, 0)], [B], M),  # 0.09
        ([(100, 100, 100, 100, 0.9, 1)], [X], X),
        ([(100, 100, 100, 49, 0.9, 1)], [B], M),  # TIDE's "both"
        ([(500, 500, 100, 100, 0.9, 0)], [B], M),
        ([(100, 100, 100, 90, 0.9, 0), (100, 100, 100, 100, 0.5, 0)], [C, D], C),  # the surer, though it fits less
        ([(100, 100, 100, 90, 0.5, 0), (100, 100, 100, 100, 0.9, 0)], [D, C], C),  # in whatever order
        ([(100, 100, 100, 100, 0.5, 0), (100, 100, 100, 100, 0.9, 1)], [C, X], C),  # found, and as another class, too
        ([(100, 100, 100, 100, 0.9, 1), (100, 100, 100, 100, 0.8, 2)], [X, X], X),
        ([(100, 100, 100, 49, 0.9, 0), (100, 100, 100, 100, 0.8, 1)], [L, X], X),
        ([(100, 100, 100, 49, 0.9, 0), (100, 100, 100, 100, 0.3, 0)], [L, C], C),
    ],
)
def test_each_kind(rows: list[Row], kinds: list[Kind], fate: Kind) -> None:
    matched = match(detected(rows), labelled([CAN], [0]))
    assert list(matched.kinds) == kinds
    assert matched.fates == (fate,)


def test_the_greater_overlap_decides_between_a_label_of_its_own_and_of_another_class() -> None:
    image = labelled([(100, 100, 100, 100), (100, 130, 100, 100)], [0, 1])  # they overlap each other by 0.54
    on_the_can = detected([(100, 100, 100, 100, 0.9, 0), (100, 100, 100, 98, 0.5, 0)])
    matched = match(on_the_can, image)
    assert matched.kinds == (C, D)  # the second is no jar, though it overlaps the free jar by half
    assert matched.fates == (C, M)
    as_jar = match(detected([(100, 100, 100, 100, 0.9, 1)]), image)
    assert as_jar.kinds == (C,)  # COCO's matching: a jar that overlaps a jar by 0.54 is found
    assert as_jar.fates == (M, C)


def test_a_poorly_placed_detection_is_meant_for_a_label_that_has_none() -> None:
    image = labelled([(100, 100, 100, 100), (180, 100, 100, 100)], [0, 0])
    matched = match(detected([(100, 100, 100, 100, 0.9, 0), (145, 100, 90, 100, 0.8, 0)]), image)
    assert matched.kinds == (C, L)
    assert matched.labels.tolist() == [0, 1]
    assert matched.fates == (C, L)


def test_only_what_is_scored_above_the_confidence_counts() -> None:
    found = detected([(0, 0, 9, 9, 0.9, 0), (0, 0, 9, 9, 0.25, 1), (0, 0, 9, 9, 0.1, 2)])
    assert above(found, 0.25).classes.tolist() == [0]  # as the deployed program: at the confidence it is dropped


# Oracles

box = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(10, 60), st.integers(10, 60))
label = st.tuples(box, st.integers(0, 2))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[LabelledImage, Matched]:
    labels = draw(st.lists(label, max_size=6))
    found = draw(st.lists(label, max_size=8))
    scores = draw(st.permutations([0.3 + 0.05 * i for i in range(len(found))]))
    rows = sorted(((*b, s, k) for (b, k), s in zip(found, scores, strict=True)), key=lambda row: -row[4])
    image = labelled([b for b, _ in labels], [k for _, k in labels])
    return image, match(detected(rows), image)


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_each_label_and_each_detection_is_one_thing(scene: tuple[LabelledImage, Matched]) -> None:
    image, one = scene
    assert len(one.kinds) == len(one.found.scores)
    assert len(one.fates) == len(image.classes)
    assert set(one.kinds) <= set(OF_DETECTIONS)
    assert set(one.fates) <= set(OF_LABELS)
    assert one.kinds.count(C) == one.fates.count(C)
    taken = one.takers[one.takers >= 0]
    assert len(set(taken.tolist())) == len(taken)  # no detection stands for two labels
    for j, fate in enumerate(one.fates):
        stands = int(one.takers[j])
        assert (stands >= 0) == (fate in (C, X))
        if stands >= 0:
            assert one.overlaps[stands, j] >= 0.5
            assert (one.found.classes[stands] == image.classes[j]) == (fate is C)
    for d, kind in enumerate(one.kinds):
        assert (one.labels[d] < 0) == (kind is B)
        if kind in (L, D):
            assert one.found.classes[d] == image.classes[one.labels[d]]


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_sums_of_the_matrix_and_of_the_classes(scene: tuple[LabelledImage, Matched]) -> None:
    image, one = scene
    counts = count([one], CLASSES)
    labels = np.bincount(image.classes, minlength=3)
    detections = np.bincount(one.found.classes, minlength=3)
    assert counts.matrix[:-1].sum(axis=1).tolist() == labels.tolist()
    assert counts.matrix[:, :-1].sum(axis=0).tolist() == detections.tolist()
    assert counts.matrix[-1, -1] == 0
    assert [of_class.labelled for of_class in counts.classes] == labels.tolist()
    assert [of_class.detected for of_class in counts.classes] == detections.tolist()
    assert int(np.trace(counts.matrix)) == counts.labels[C] == counts.detections[C]
    assert counts.labels[X] == sum(pair.count for pair in counts.confusions)
    assert sum(counts.labels.values()) == len(image.classes)
    assert sum(counts.detections.values()) == len(one.found.classes)


@settings(max_examples=150, deadline=None)
@given(scenes())
def test_correct_is_what_coco_matches(scene: tuple[LabelledImage, Matched]) -> None:
    """mAP50 by pycocotools follows from which detections are correct, in the order of their scores."""
    image, one = scene
    if not len(image.classes):
        return
    scored = score([one.found], [image], CLASSES, "val")
    for k, name in enumerate(CLASSES):
        if (image.classes == k).any():
            assert scored.per_class[name].map50 == pytest.approx(interpolated(one, k), abs=1e-6)


def interpolated(one: Matched, k: int) -> float:
    """Return the average precision of a class at IoU 0.5 as COCO interpolates it, from the kinds alone."""
    of_class = np.flatnonzero(one.found.classes == k)
    order = of_class[np.argsort(-one.found.scores[of_class], kind="stable")]
    right = np.cumsum([one.kinds[d] is C for d in order])
    recalls = right / (one.image.classes == k).sum()
    precisions = right / np.arange(1, len(right) + 1)
    best = [max(precisions[recalls >= at - 1e-12], default=0.0) for at in np.linspace(0, 1, 101)]
    return float(np.mean(best))


def test_counts_of_several_images_add_up() -> None:
    one = match(detected([(100, 100, 100, 100, 0.9, 1)]), labelled([CAN, (500, 500, 50, 50)], [0, 1]))
    two = match(detected([(100, 100, 100, 100, 0.9, 1), (700, 700, 50, 50, 0.6, 2)]), labelled([CAN], [0]))
    counts = count([one, two, match(detected([]), labelled([], []))], CLASSES)
    assert counts.matrix.tolist() == [[0, 2, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert [(pair.label, pair.detected, pair.count) for pair in counts.confusions] == [("can", "jar", 2)]
    can, jar, box_ = counts.classes
    assert (can.recall, jar.recall, box_.recall) == (0.0, 0.0, None)
    assert (can.precision, jar.precision, box_.precision) == (None, 0.0, 0.0)
    assert counts.to_json()["labels"] == {"correct": 0, "confused": 2, "localisation": 0, "missed": 1}
