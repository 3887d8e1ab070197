"""Crowded scenes: how many detections of an image are kept, so that no perfect detector is capped."""

import math

from objectives.data.dataset import Dataset

USUAL_MAX = 300  # detections of an image that are kept where no image holds nearly as many objects
SPARE = 1.5  # times the objects of the fullest image: what finds all of them finds some things twice
STEP = 100
QUERIES = 300  # of an RT-DETR, as Ultralytics builds it


def boxes_most(dataset: Dataset) -> int:
    """Return the number of boxes of the fullest image of any split."""
    return max((len(image.classes) for images in dataset.splits.values() for image in images), default=0)


def detections_max(dataset: Dataset, wanted: int | None = None) -> int:
    """Return how many detections of an image are kept, in validation and as deployed.

    Args:
        dataset: what is trained on.
        wanted: the setting; None follows the data.
    """
    if wanted is not None:
        return wanted
    return max(USUAL_MAX, STEP * math.ceil(SPARE * boxes_most(dataset) / STEP))


def crowd_notes(dataset: Dataset, wanted: int | None = None) -> tuple[str, ...]:
    """Return what is to be said of crowded images: how many detections are kept, or that some objects are lost."""
    most, kept = boxes_most(dataset), detections_max(dataset, wanted)
    if most > kept:
        return (f"images hold up to {most} boxes, and data.detections_max={kept} caps what can be found of them",)
    if kept > USUAL_MAX and wanted is None:
        return (
            f"images hold up to {most} boxes: {kept} detections of an image are kept (data.detections_max); an rtdetr "
            f"head finds {QUERIES} at most",
        )
    return ()
