"""Doubtful labels: each kind by hand, and errors planted in the labels of rendered shelves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_errors import analysed, detected, labelled, truth_found, with_box, with_class, without

from objectives.data.dataset import LabelledImage
from objectives.data.readers import read_dataset
from objectives.deploy.detector import Detections
from objectives.deploy.errors.analysis import Seen
from objectives.deploy.errors.matching import Kind
from objectives.deploy.errors.suspects import Doubt, Suspect

GRID = [(100.0 * (i % 8), 100.0 * (i // 8), 60.0, 60.0) for i in range(40)]
SURE = [(*box, 0.9, 0) for box in GRID]  # forty cans, all found


def suspects(image: LabelledImage, found: Detections) -> list[Suspect]:
    """Return the suspects of an image beside one on which forty cans and forty jars are found."""
    cans, jars = labelled(GRID, [0] * 40, "cans.jpg"), labelled(GRID, [1] * 40, "jars.jpg")
    as_jars = detected([(*row[:5], 1) for row in SURE])
    return list(analysed([cans, jars, image], [detected(SURE), as_jars, found]).suspects)


def test_a_sure_detection_without_a_label_is_a_missing_label() -> None:
    (found,) = suspects(labelled([], []), detected([(10, 20, 50, 60, 0.8, 0)]))
    assert (found.kind, found.label, found.class_index) == (Doubt.MISSING, None, 0)
    assert found.box_xywh == (10, 20, 50, 60)
    assert found.score == pytest.approx(0.8 * 40 / 41)
    assert found.why == "can is found with 80%, no label is there; 40 of 40 other such detections lie on a label"


def test_a_surer_other_class_on_a_label_is_a_wrong_class() -> None:
    image = labelled([(100, 100, 100, 100)], [0])
    found = detected([(100, 100, 100, 100, 0.9, 1), (100, 100, 100, 100, 0.3, 0)])
    (suspect,) = suspects(image, found)
    assert (suspect.kind, suspect.label, suspect.class_index) == (Doubt.WRONG_CLASS, 0, 1)
    assert suspect.score == pytest.approx(0.6 * 40 / 41)
    assert suspect.why == "jar is found with 90%, labelled can, which is found there with 30%"


def test_the_labels_own_class_speaks_for_it_below_the_confidence_too() -> None:
    image = labelled([(100, 100, 100, 100)], [0])
    weak = suspects(image, detected([(100, 100, 100, 100, 0.9, 1)]))
    spoken_for = suspects(image, detected([(100, 100, 100, 100, 0.9, 1), (100, 100, 100, 100, 0.2, 0)]))
    assert spoken_for[0].score == pytest.approx(weak[0].score * 0.7 / 0.9)
    surer = detected([(100, 100, 100, 100, 0.9, 0), (100, 100, 100, 100, 0.8, 1)])
    assert suspects(image, surer) == []


def test_a_class_found_beside_its_label_is_a_misplaced_box() -> None:
    (suspect,) = suspects(labelled([(100, 100, 100, 100)], [0]), detected([(150, 100, 100, 100, 0.9, 0)]))
    assert (suspect.kind, suspect.label) == (Doubt.MISPLACED, 0)
    assert suspect.box_xywh == (150, 100, 100, 100)
    assert suspect.score == pytest.approx(0.9 * 40 / 41 * 2 / 3)


def test_a_label_that_nothing_is_near_is_spurious_where_its_like_is_found() -> None:
    (small,) = suspects(labelled([(900, 900, 60, 60)], [0]), detected([]))
    assert (small.kind, small.label, small.box_xywh) == (Doubt.SPURIOUS, 0, (900, 900, 60, 60))
    assert small.score == pytest.approx(40 / 41)
    assert small.why == "nothing is found near it; 40 of 40 other labels of can of its size are found"
    (large,) = suspects(labelled([(100, 100, 600, 600)], [0]), detected([]))
    assert large.score == 0.0  # no other of its size: nothing is known
    (seldom,) = suspects(labelled([(900, 900, 60, 60)], [2]), detected([]))
    assert seldom.score == 0.0


def test_what_is_found_there_below_the_confidence_speaks_for_a_label_and_a_neighbour_does_not() -> None:
    lone = (900, 900, 60, 60)
    (hinted,) = suspects(labelled([lone], [0]), detected([(*lone, 0.1, 0)]))
    assert hinted.score == pytest.approx(40 / 41 * (1 - 0.1 / 0.25))
    assert hinted.why.startswith("the surest detection near it has 10%; ")
    beside = (860, 900, 60, 60)  # overlaps it by 0.2
    (suspect,) = suspects(labelled([lone, beside], [0, 0]), detected([(*beside, 0.9, 0)]))
    assert suspect.label == 0
    assert suspect.score == pytest.approx(41 / 42)


def test_a_proposal_lies_inside_the_image() -> None:
    (suspect,) = suspects(labelled([], []), detected([(-20, 950, 60, 80, 0.8, 0)]))
    assert suspect.box_xywh == (0, 950, 40, 50)


def test_a_class_that_is_seldom_right_is_doubted_less_than_the_label() -> None:
    image = labelled([(100, 100, 60, 60)], [0])
    boxes = [(100.0 * i, 500, 60, 60) for i in range(9)]
    noise = detected([(*box, 0.8, 2) for box in boxes])  # nothing of this class is labelled anywhere
    found = suspects(image, noise)
    assert {s.kind for s in found if s.class_index == 2} == {Doubt.MISSING}
    assert all(s.score == 0.0 for s in found if s.class_index == 2)


def test_a_score_outside_its_range_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"score: must lie in 0\.\.1, got 1\.5"):
        Suspect(Doubt.MISSING, 1.5, labelled([], []), (0, 0, 1, 1), 0, None, "")


box = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(10, 60), st.integers(10, 60))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(box, st.integers(0, 2)), max_size=6),
    st.lists(st.tuples(box, st.floats(0.002, 1.0), st.integers(0, 2)), max_size=9),
)
def test_each_label_and_each_detection_is_doubted_once_at_most(
    labels: list[tuple[tuple[int, ...], int]], found: list[tuple[tuple[int, ...], float, int]]
) -> None:
    image = labelled([b for b, _ in labels], [k for _, k in labels])
    rows = sorted(((*b, s, k) for b, s, k in found), key=lambda row: -row[4])
    result = analysed([image, labelled([(0, 0, 9, 9)], [0])], [detected(rows), detected([])])
    of_image = [suspect for suspect in result.suspects if suspect.image is image]
    doubted = [suspect.label for suspect in of_image if suspect.label is not None]
    assert len(set(doubted)) == len(doubted)
    assert [s.score for s in result.suspects] == sorted((s.score for s in result.suspects), reverse=True)
    one = result.matched[0]
    kinds = [suspect.kind for suspect in of_image]
    assert kinds.count(Doubt.MISSING) == one.kinds.count(Kind.BACKGROUND)
    assert kinds.count(Doubt.SPURIOUS) == one.fates.count(Kind.MISSED)
    assert kinds.count(Doubt.MISPLACED) == one.fates.count(Kind.LOCALISATION)
    stood_for = one.fates.count(Kind.CONFUSED) + one.fates.count(Kind.CORRECT)
    assert kinds.count(Doubt.WRONG_CLASS) <= stood_for  # their own class may be found there as surely


# Planted errors

REMOVED, SWAPPED, MOVED, INVENTED = range(4)


@pytest.fixture(scope="module")
def shelf_images(shelves: Path) -> tuple[tuple[str, ...], list[LabelledImage]]:
    dataset = read_dataset(shelves, "coco")
    return dataset.classes, list(dataset.splits["train"])


@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_are_at_the_top(shelf_images: tuple[tuple[str, ...], list[LabelledImage]], seed: int) -> None:
    """The true boxes stand in for a good detector's; one label each of four images is spoilt in four ways."""
    classes, images = shelf_images
    rng = np.random.default_rng(seed)
    found = [truth_found(image, rng) for image in images]
    spoilt = list(images)
    removed, swapped, moved, invented = rng.choice(len(images), 4, replace=False).tolist()
    spoilt[removed] = without(images[removed], 0)
    spoilt[swapped] = with_class(images[swapped], 0, int((images[swapped].classes[0] + 1) % len(classes)))
    x, y, w, h = images[moved].boxes_xywh[0]
    spoilt[moved] = with_box(images[moved], 0, (x, y - 0.5 * h if y > 0.5 * h else y + 0.5 * h, w, h))
    extra = images[invented]
    spoilt[invented] = LabelledImage(
        extra.path,
        extra.width_px,
        extra.height_px,
        np.vstack([extra.boxes_xywh, (0, 0, *extra.boxes_xywh[0, 2:])]),
        np.append(extra.classes, extra.classes[0]),
    )
    result = analysed(spoilt, found, classes)
    top = {(suspect.kind, suspect.image.path) for suspect in result.suspects[:4]}
    assert top == {
        (Doubt.MISSING, images[removed].path),
        (Doubt.WRONG_CLASS, images[swapped].path),
        (Doubt.MISPLACED, images[moved].path),
        (Doubt.SPURIOUS, images[invented].path),
    }
    assert all(suspect.score > 0.3 for suspect in result.suspects[:4])


def test_true_labels_are_not_doubted(shelf_images: tuple[tuple[str, ...], list[LabelledImage]]) -> None:
    classes, images = shelf_images
    rng = np.random.default_rng(7)
    result = analysed(images, [truth_found(image, rng) for image in images], classes)
    assert not [suspect for suspect in result.suspects if suspect.score > 0.3]
    assert result.likely == {}
    assert result.accuracy.map50 > 0.97


def test_what_was_trained_on_is_said() -> None:
    image, found = labelled([], []), detected([(10, 20, 50, 60, 0.8, 0)])
    other = labelled(GRID, [0] * 40, "b.jpg")
    for seen, value in ((Seen.TRAINED_ON, True), (Seen.HELD_OUT, False), (Seen.UNKNOWN, None)):
        content = analysed([image, other], [found, detected(SURE)], seen=seen).to_json()
        assert content["trained_on"] is value
        assert content["caveat"] == seen.caveat
    assert "wrong ones too" in Seen.TRAINED_ON.caveat
