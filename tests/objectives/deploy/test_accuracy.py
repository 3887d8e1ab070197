"""mAP by pycocotools: cases that can be counted by hand."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import look, score
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


RNG = np.random.default_rng(11)


def random_split(images: int) -> tuple[list[Detections], list[LabelledImage]]:
    """Boxes of all sizes, and detections near most of them."""
    all_found, truth = [], []
    for _ in range(images):
        count = int(RNG.integers(1, 9))
        sides = np.exp(RNG.uniform(np.log(8), np.log(300), (count, 2)))
        boxes = np.hstack([RNG.uniform(0, 600, (count, 2)), sides])
        classes = RNG.integers(0, 2, count)
        truth.append(LabelledImage(Path("a.jpg"), 1000, 1000, boxes, classes))
        moved = boxes + np.hstack([RNG.normal(0, 0.12, (count, 2)) * sides, np.zeros((count, 2))])
        rows = [(*box, RNG.uniform(0.1, 1), k) for box, k in zip(moved.tolist(), classes.tolist(), strict=True)]
        rows += [(*RNG.uniform(5, 200, 4).tolist(), RNG.uniform(0, 0.7), int(RNG.integers(0, 3)))]
        all_found.append(found(rows[: int(RNG.integers(1, len(rows) + 1))]))
    return all_found, truth


def test_every_size_is_what_pycocotools_says() -> None:
    """A plain call of pycocotools, with its own area ranges; mAP over all sizes is the same to the digit."""
    detections, truth = random_split(30)
    boxes = [
        {
            "id": 1 + i,
            "image_id": n,
            "category_id": int(k),
            "bbox": b.tolist(),
            "area": float(b[2] * b[3]),
            "iscrowd": 0,
        }
        for i, (n, b, k) in enumerate(
            (n, b, k) for n, one in enumerate(truth) for b, k in zip(one.boxes_xywh, one.classes, strict=True)
        )
    ]
    rows = [
        {"image_id": n, "category_id": int(k), "score": float(s), "bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]]}
        for n, one in enumerate(detections)
        for b, s, k in zip(one.boxes_xyxy.tolist(), one.scores, one.classes, strict=True)
    ]
    with redirect_stdout(StringIO()):
        reference = COCO()
        pictures = [{"id": n, "width": 1000, "height": 1000} for n in range(len(truth))]
        categories = [{"id": k, "name": name} for k, name in enumerate(CLASSES)]
        reference.dataset = {"info": {}, "images": pictures, "categories": categories, "annotations": boxes}
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    result = score(detections, truth, CLASSES, "val")
    wanted = evaluation.stats  # mAP, mAP50, mAP75, small, medium, large, ...
    assert (result.map, result.map50) == (wanted[0], wanted[1])
    assert (result.map_small, result.map_medium, result.map_large) == tuple(wanted[3:6])
    assert min(wanted[3:6]) > 0
    assert look(detections, truth, CLASSES, "val").map == result.map


def test_a_size_without_an_object_has_no_figure() -> None:
    result = score([found([]), found([]), found([])], TRUTH, CLASSES, "val", confidence=0.25)
    assert (result.map_small, result.map_medium, result.map_large) == (-1, 0, 0)
    assert (result.precision, result.recall, result.f1) == (0, 0, 0)
    assert [c.recall for c in result.per_class.values()] == [0, 0, None]


def test_without_a_confidence_nothing_is_said_of_the_deployed_detector() -> None:
    result = score([found([])] * 3, TRUTH, CLASSES, "val")
    assert (result.confidence, result.precision, result.recall, result.f1, result.own) == (None,) * 5
