"""Average precision where images count so often: the same as pycocotools on a set that holds them so often."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.compare.precision import average_precisions, over_classes
from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import score
from objectives.deploy.detector import Detections
from objectives.deploy.matches import IOUS, SIDES_PX, match

CLASSES = ("can", "jar", "box")


def made(rng: np.random.Generator, images: int) -> tuple[list[LabelledImage], list[Detections]]:
    """Return images with objects of all sizes, and detections: shifted, missed, false, of another class."""
    truth, found = [], []
    for _ in range(images):
        count = int(rng.integers(0, 6))
        sides = np.exp(rng.uniform(np.log(8), np.log(200), (count, 2)))
        boxes = np.hstack([rng.uniform(0, 400, (count, 2)), sides])
        classes = rng.integers(0, 2, count)  # no box of the third class
        truth.append(LabelledImage(Path("a.jpg"), 640, 640, boxes, classes))
        kept = rng.random(count) < 0.8
        moved = boxes[kept] + rng.normal(0, 0.08, (int(kept.sum()), 4)) * np.tile(sides[kept], 2)
        false = np.hstack([rng.uniform(0, 400, (3, 2)), rng.uniform(10, 150, (3, 2))])
        rows = np.vstack([moved, false])
        labels = np.concatenate([classes[kept], rng.integers(0, 3, 3)])
        swapped = rng.random(len(labels)) < 0.1
        labels[swapped] = 1
        corners = np.hstack([rows[:, :2], rows[:, :2] + np.abs(rows[:, 2:])])
        found.append(Detections(corners, rng.random(len(labels)), labels.astype(np.int64)))
    return truth, found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_each_image_once_is_what_pycocotools_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = made(rng, 7)
    if not any(len(image.classes) for image in truth):
        return
    wanted = score(found, truth, CLASSES, "val")
    matched = match(found, truth, CLASSES)
    each = {name: average_precisions(matched[name, "all"], np.ones((7, 1)))[:, 0] for name in CLASSES}
    for name in CLASSES:
        if wanted.per_class[name].boxes:
            assert each[name].mean() == pytest.approx(wanted.per_class[name].map, abs=1e-9)
            assert each[name][IOUS.index(0.5)] == pytest.approx(wanted.per_class[name].map50, abs=1e-9)
        else:
            assert np.isnan(each[name]).all()
    assert over_classes([each[name] for name in CLASSES]).mean() == pytest.approx(wanted.map, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_an_image_that_counts_twice_is_there_twice(seed: int) -> None:
    """The oracle is a set in which each image is repeated, scored by the same pycocotools; sizes of objects too."""
    rng = np.random.default_rng(seed)
    truth, found = made(rng, 6)
    times = rng.integers(0, 4, 6)
    drawn = np.repeat(np.arange(6), times)
    if not sum(len(truth[i].classes) for i in drawn):
        return
    repeated = match([found[i] for i in drawn], [truth[i] for i in drawn], CLASSES)
    weighed = match(found, truth, CLASSES)
    for key in weighed:
        wanted = average_precisions(repeated[key], np.ones((len(drawn), 1)))
        assert average_precisions(weighed[key], times[:, None].astype(float)) == pytest.approx(
            wanted, abs=1e-9, nan_ok=True
        )


def test_weightings_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(3)
    truth, found = made(rng, 8)
    matched = match(found, truth, CLASSES)["can", "all"]
    weights = rng.integers(0, 3, (8, 20)).astype(float)
    at_once = average_precisions(matched, weights)
    one_by_one = np.hstack([average_precisions(matched, weights[:, [i]]) for i in range(20)])
    assert at_once == pytest.approx(one_by_one, nan_ok=True)
    assert np.nanstd(at_once) > 0.01


def test_sizes_are_those_of_coco() -> None:
    boxes = np.array([[0, 0, 31, 31], [100, 100, 33, 33], [200, 200, 97, 97]], float)
    image = LabelledImage(Path("a.jpg"), 640, 640, boxes, np.zeros(3, np.int64))
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    found = Detections(corners[1:], np.array([0.9, 0.8]), np.zeros(2, np.int64))
    matched = match([found], [image], ("can",))
    figures = {size: average_precisions(matched["can", size], np.ones((1, 1)))[:, 0].mean() for size in SIDES_PX}
    assert {size: matched["can", size].objects.tolist() for size in SIDES_PX} == {
        "all": [3],
        "small": [1],
        "medium": [1],
        "large": [1],
    }
    assert figures == pytest.approx({"all": 67 / 101, "small": 0, "medium": 1, "large": 1})


def test_nothing_found_is_nought_and_nothing_to_find_is_unknown() -> None:
    image = LabelledImage(Path("a.jpg"), 64, 64, np.array([[0, 0, 20, 20]], float), np.zeros(1, np.int64))
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    matched = match([nothing], [image], CLASSES)
    assert (average_precisions(matched["can", "all"], np.ones((1, 1))) == 0).all()
    assert np.isnan(average_precisions(matched["jar", "all"], np.ones((1, 1)))).all()
    assert np.isnan(average_precisions(matched["can", "all"], np.zeros((1, 1)))).all()
