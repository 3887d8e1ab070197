"""A trial's detections as the page reads them: whole for a served page, a few images with pictures for a static one.

An image is a list: key, file name, width, height, labels, detections, what detections are about, and in a static page
its picture. Labels and detections are flat lists of whole numbers, boxes in ten-thousandths of the image's sides; in
place of a score stands how many confidences of the grid it is above, so that the page only counts.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.errors.matching import OF_DETECTIONS
from reports.detections.counts import (
    CountsOver,
    best_first,
    confidence_grid,
    count_over,
    counts_of_images,
    steps_above,
    worst_first,
)
from reports.detections.matched import BOX_SIZES, MatchedImage, MatchedSplit
from reports.detections.thumbnail import thumbnail_jpeg
from spaces.errors import DataError

SIDE_PARTS = 10_000
WORST, BEST = 4, 2  # images of a static page
STATIC_SIDE_PX = 400
STATIC_BYTES_MAX = 180_000  # of their JPEGs, before Base64 makes a third more of them
STATIC_CLASSES_MAX = 12  # that have curves of their own in a static page


def detections_payload(split: MatchedSplit, number: int) -> dict[str, Any]:
    """Return all of a trial's detections as JSON values."""
    grid = confidence_grid(split)
    images = [_image(one, grid) for one in split.images]
    return {**_head(split, number, grid), "whole": True, "images": images, "curves": _curves(split, grid, ())}


def few_payload(split: MatchedSplit, number: int) -> dict[str, Any]:
    """Return the worst images and the best ones with their pictures, and the counts of all images.

    Pictures beyond STATIC_BYTES_MAX, and images that cannot be read any more, are left out.
    """
    grid = confidence_grid(split)
    classes = range(len(split.classes)) if len(split.classes) <= STATIC_CLASSES_MAX else ()
    images, left = [], STATIC_BYTES_MAX
    for one in few_images(split):
        try:
            jpeg = thumbnail_jpeg(one.image.path, STATIC_SIDE_PX)
        except DataError:
            continue
        if len(jpeg) <= left:
            left -= len(jpeg)
            images.append([*_image(one, grid), f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"])
    return {
        **_head(split, number, grid),
        "whole": False,
        "images": images,
        "curves": _curves(split, grid, classes),
    }


def few_images(split: MatchedSplit) -> list[MatchedImage]:
    """Return the images of a static page, at the deployed confidence: the worst first, then the best."""
    counts = counts_of_images(split, split.from_confidence)
    worst = worst_first(counts)[:WORST]
    keys = {one.key for one in worst}
    best = [one for one in best_first(counts) if one.key not in keys][:BEST]
    of_key = {one.key: one for one in split.images}
    return [of_key[one.key] for one in (*worst, *best)]


def _head(split: MatchedSplit, number: int, grid: Sequence[float]) -> dict[str, Any]:
    return {
        "number": number,
        "classes": list(split.classes),
        "kinds": [str(kind) for kind in OF_DETECTIONS],
        "sizes": list(BOX_SIZES),
        "split": split.split,
        "confidence": split.confidence,
        "floor": split.floor,
        "grid": list(grid),
        "start": grid.index(split.from_confidence),
        "total": len(split.images),
        "lost": split.lost,
    }


def _curves(split: MatchedSplit, grid: Sequence[float], classes: Iterable[int]) -> dict[str, Any]:
    return {
        "all": _curve(count_over(split, grid)),
        "sizes": [_curve(count_over(split, grid, size=size)) for size in range(len(BOX_SIZES))],
        "classes": [_curve(count_over(split, grid, class_index=index)) for index in classes],
    }


def _curve(counts: CountsOver) -> dict[str, Any]:
    return {"labels": counts.labels, "right": counts.right.tolist(), "wrong": counts.wrong.tolist()}


def _image(one: MatchedImage, grid: Sequence[float]) -> list[Any]:
    """Return an image without its picture.

    A label is x, y, width, height, class, size, and above how many confidences of the grid it is found; a detection the
    same with its own score, then its kind and its score in thousandths.
    """
    sides = np.array([one.image.width_px, one.image.height_px] * 2, dtype=np.float64)
    boxes = np.hstack([one.boxes_xyxy[:, :2], one.boxes_xyxy[:, 2:] - one.boxes_xyxy[:, :2]])
    labels = [one.image.classes, one.label_sizes, steps_above(one.found_from, grid)]
    found = [one.classes, one.sizes, steps_above(one.scores, grid), one.kinds, (one.scores * 1000).round()]
    return [
        one.key,
        one.image.path.name,
        one.image.width_px,
        one.image.height_px,
        _flat(one.image.boxes_xywh / sides, labels),
        _flat(boxes / sides, found),
        [list(places) for places in one.about],
    ]


def _flat(boxes: NDArray[np.float64], columns: Sequence[NDArray[Any]]) -> list[int]:
    parts = (boxes * SIDE_PARTS).round()
    table = np.hstack([parts, *(column.reshape(-1, 1) for column in columns)])
    return [int(value) for value in table.astype(np.int64).ravel()]
