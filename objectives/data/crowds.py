"""Crowded scenes: how many detections of an image are kept, so that no perfect detector is capped."""

import math

from objectives.data.dataset import Dataset
from objectives.data.findings import Finding, Findings

USUAL_MAX = 300  # detections of an image that are kept where no image holds nearly as many objects
SPARE = 1.5  # times the objects of the fullest image: what finds all of them finds some things twice
STEP = 100
QUERIES = 100  # of an RT-DETR head, as `spaces.network.description` builds it


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


def crowd_findings(dataset: Dataset, wanted: int | None = None) -> tuple[Finding, ...]:
    """Return what is to be said of crowded images: that many detections are kept, or that some objects are lost.

    Args:
        dataset: as it is trained on.
        wanted: the setting; None follows the data.
    """
    findings, kept = Findings(), detections_max(dataset, wanted)
    for images in dataset.splits.values():
        for image in images:
            code = "labels.over_cap" if len(image.classes) > kept else "labels.dense"
            if len(image.classes) > min(QUERIES, kept):
                findings.add(code, f"{image.path.name}: {len(image.classes)} boxes, {kept} detections kept")
    return findings.made()
