"""mAP by pycocotools: cases that can be counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import score
from objectives.deploy.detector import Detections

CLASSES = ("can", "jar", "box")


def image(boxes: list[tuple[float, ...]], classes: list[int]) -> LabelledImage:
    return LabelledImage(Path("a.jpg"), 1000, 1000, np.array(boxes, float).reshape(-1, 4), np.array(classes, np.int64))


def found(rows: list[tuple[float, float, float, float, float, int]]) -> Detections:
    """Rows of left, top, width, height, score, class."""
    table = np.array(rows, float).reshape(-1, 6)
    boxes = np.hstack([table[:, :2], table[:, :2] + table[:, 2:4]])
    return Detections(boxes, table[:, 4], table[:, 5].astype(np.int64))


TRUTH = [image([(10, 10, 100, 100), (300, 300, 50, 80)], [0, 1]), image([(10, 10, 40, 40)], [0]), image([], [])]


def test_perfect_is_one() -> None:
    result = score(
        [found([(10, 10, 100, 100, 0.9, 0), (300, 300, 50, 80, 0.8, 1)]), found([(10, 10, 40, 40, 0.7, 0)]), found([])],
        TRUTH,
        CLASSES,
        "val",
    )
    assert (result.map, result.map50) == pytest.approx((1, 1))
    assert (result.split, result.images) == ("val", 3)
    assert {name: c.boxes for name, c in result.per_class.items()} == {"can": 2, "jar": 1, "box": 0}


def test_nothing_is_nought() -> None:
    result = score([found([])] * 3, TRUTH, CLASSES, "val")
    assert (result.map, result.map50) == (0, 0)
    assert [c.map for c in result.per_class.values()] == [0, 0, -1]
    assert [c.map50 for c in result.per_class.values()] == [0, 0, -1]


def test_half_is_what_the_hand_counts() -> None:
    """One of two cans: precision 1 up to recall 0.5, that is 51 of 101 points. The jar is missed."""
    result = score([found([(10, 10, 100, 100, 0.9, 0)]), found([]), found([])], TRUTH, CLASSES, "val")
    assert result.per_class["can"].map == pytest.approx(51 / 101)
    assert result.per_class["jar"].map == 0
    assert result.map == pytest.approx(51 / 101 / 2)  # over classes that have boxes; `box` counts for nothing


def test_a_surer_false_alarm_halves_the_precision() -> None:
    rows = [(600, 600, 50, 50, 0.95, 1), (300, 300, 50, 80, 0.8, 1)]
    result = score([found(rows), found([]), found([])], TRUTH, CLASSES, "val")
    assert result.per_class["jar"].map50 == pytest.approx(0.5)


def test_loose_boxes_count_at_loose_thresholds_only() -> None:
    """IoU of 0.72 passes 0.5, 0.55, 0.6, 0.65 and 0.7: five of ten."""
    result = score([found([(300, 300, 50, 57.6, 0.9, 1)]), found([]), found([])], TRUTH, CLASSES, "val")
    assert result.per_class["jar"].map50 == pytest.approx(1)
    assert result.per_class["jar"].map == pytest.approx(0.5)


def test_false_alarms_of_a_class_without_boxes_are_left_aside() -> None:
    perfect = [(10, 10, 100, 100, 0.9, 0), (300, 300, 50, 80, 0.8, 1)]
    alarm = (500, 500, 20, 20, 0.99, 2)
    result = score([found([*perfect, alarm]), found([(10, 10, 40, 40, 0.7, 0)]), found([])], TRUTH, CLASSES, "val")
    assert result.map == pytest.approx(1)
    assert (result.per_class["box"].map, result.per_class["box"].boxes) == (-1, 0)


def test_more_than_a_hundred_boxes_an_image_count() -> None:
    """COCO's own limit of 100 would leave a shelf of 150 products at two thirds."""
    boxes = [(60.0 * (i % 15), 60.0 * (i // 15), 40.0, 40.0) for i in range(150)]
    rows = [(*box, 0.9 - 0.001 * i, 0) for i, box in enumerate(boxes)]
    result = score([found(rows)], [image(boxes, [0] * 150)], CLASSES, "val")
    assert result.map == pytest.approx(1)
    assert result.per_class["can"].boxes == 150
