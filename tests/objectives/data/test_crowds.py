"""Crowded scenes are not capped in silence: what is kept follows the data, and a cap is said."""

from pathlib import Path

import numpy as np
import pytest

from objectives.data.crowds import USUAL_MAX, boxes_most, crowd_findings, detections_max
from objectives.data.dataset import Dataset, make_image
from objectives.deploy.accuracy import score
from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import read_output


def crowded(objects: int) -> Dataset:
    """Return a set of one image a split, the second with so many objects side by side."""
    boxes = [(12.0 * (i % 40), 12.0 * (i // 40), 10.0, 10.0) for i in range(objects)]
    few, _ = make_image(Path("few.png"), (480, 480), boxes[:3], [0] * 3)
    many, _ = make_image(Path("many.png"), (480, 480), boxes, [0] * objects)
    return Dataset("crowd", Path("crowd"), ("tin",), {"train": (few,), "val": (many,)})


@pytest.mark.parametrize(("objects", "kept"), [(3, 300), (200, 300), (201, 400), (400, 600), (1000, 1500)])
def test_what_is_kept_follows_the_fullest_image(objects: int, kept: int) -> None:
    dataset = crowded(objects)
    assert boxes_most(dataset) == objects
    assert detections_max(dataset) == kept
    assert detections_max(dataset, 50) == 50


@pytest.mark.slow
def test_a_perfect_detector_of_a_crowd_is_perfect() -> None:
    """With the usual cap it would be scored .752 on four hundred objects."""
    dataset = crowded(400)
    (image,) = dataset.splits["val"]
    x, y, w, h = image.boxes_xywh.T
    output = np.vstack([x + w / 2, y + h / 2, w, h, np.full(400, 0.9)])[None].astype(np.float32)
    figures = {}
    for most in (USUAL_MAX, detections_max(dataset)):
        meta = ArtifactMeta(480, "nms", ("tin",), max_detections=most)
        figures[most] = score([read_output(output, meta, 0.001, (1.0, 1.0), (0, 0))], [image], ("tin",), "val").map
    assert figures[USUAL_MAX] == pytest.approx(0.752, abs=0.01)
    assert figures[600] == pytest.approx(1.0)


def test_a_cap_and_what_was_raised_are_said() -> None:
    assert crowd_findings(crowded(100)) == ()
    (raised,) = crowd_findings(crowded(400))
    assert (raised.code, raised.count) == ("labels.dense", 1)
    assert raised.examples == ("many.png: 400 boxes, 600 detections kept",)
    (capped,) = crowd_findings(crowded(400), 300)
    assert (capped.code, capped.count) == ("labels.over_cap", 1)
