"""Suspects and detections as COCO JSON, which labelling tools load; images to label next as JSON.

Images go by their original names, relative to the folder that the JSON names.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from objectives.data.dataset import LabelledImage
from objectives.deploy.errors.analysis import Analysis
from objectives.deploy.errors.looking import Unlabelled
from objectives.deploy.errors.next_images import NextImage


def suspects_coco(analysis: Analysis) -> dict[str, Any]:
    """Return the suspects as a COCO data set: the images that have any, and what is proposed for each.

    An annotation holds, beside COCO's fields, `score`, `kind`, `why`, `trained_on` (whether the detector was trained on
    the image; null if that is not known) and `label`: the class and the box that are labelled now, null where none is.
    """
    annotations = [
        _annotation(suspect.image, suspect.box_xywh, suspect.class_index)
        | {
            "score": suspect.score,
            "kind": str(suspect.kind),
            "why": suspect.why,
            "trained_on": analysis.of.seen.to_json(),
            "label": _label(analysis, suspect.image, suspect.label),
        }
        for suspect in analysis.suspects
    ]
    concerned = {suspect.image.path for suspect in analysis.suspects}
    return _document(analysis, [i for i in analysis.images if i.path in concerned], annotations)


def predictions_coco(analysis: Analysis) -> dict[str, Any]:
    """Return what the detector finds on the split, at its deployed confidence, as a COCO data set.

    An annotation holds, beside COCO's fields, `score` and `kind`: what the detection is, held against the labels.
    """
    annotations = []
    for one in analysis.matched:
        rows = zip(one.found.boxes_xyxy, one.found.classes.tolist(), one.found.scores.tolist(), one.kinds, strict=True)
        for box, label, confidence, kind in rows:
            inside = np.clip(box, 0, np.array([one.image.width_px, one.image.height_px] * 2))
            xywh = [*inside[:2].tolist(), *(inside[2:] - inside[:2]).tolist()]
            annotations.append(_annotation(one.image, xywh, label) | {"score": confidence, "kind": str(kind)})
    return _document(analysis, analysis.images, annotations)


def next_json(images: Sequence[NextImage], found: Unlabelled, detector: str) -> dict[str, Any]:
    """Return images to label, the most useful first, and what was left out."""
    return {
        "detector": detector,
        "folder": str(found.folder),
        "images": [
            {
                "rank": i,
                "file_name": image.looked.path.relative_to(found.folder).as_posix(),
                "uncertainty": round(image.looked.uncertainty, 4),
                "novelty": round(image.novelty, 4),
                "worth": round(image.worth, 4),
                "detections": len(image.looked.found.scores),
            }
            for i, image in enumerate(images, 1)
        ],
        "left_out": {
            "labelled_already": found.labelled,
            "unreadable": [path.relative_to(found.folder).as_posix() for path in found.unreadable],
        },
    }


def common_folder(paths: Iterable[Path]) -> Path:
    """Return the deepest folder that all files lie in."""
    folders = {str(path.parent) for path in paths}
    return Path(os.path.commonpath(folders)) if folders else Path()


def _document(
    analysis: Analysis, images: Sequence[LabelledImage], annotations: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return a COCO data set; file names are relative to the folder of the images, which `info` names."""
    folder = common_folder(image.path for image in analysis.images)
    ids = {image.path: i for i, image in enumerate(images, 1)}
    return {
        "info": {
            "description": f"{analysis.of.detector} on {analysis.of.split} of {analysis.of.data}",
            "images": str(folder),
            "confidence": analysis.of.confidence,
            "caveat": analysis.of.seen.caveat,
        },
        "images": [
            {
                "id": ids[image.path],
                "file_name": image.path.relative_to(folder).as_posix(),
                "width": image.width_px,
                "height": image.height_px,
            }
            for image in images
        ],
        "categories": [{"id": k, "name": name} for k, name in enumerate(analysis.of.classes, 1)],
        "annotations": [
            {"id": i, "image_id": ids[annotation.pop("path")], **annotation}
            for i, annotation in enumerate(annotations, 1)
        ],
    }


def _annotation(image: LabelledImage, box_xywh: Sequence[float], class_index: int) -> dict[str, Any]:
    x, y, w, h = (round(float(value), 2) for value in box_xywh)
    return {
        "path": image.path,
        "category_id": class_index + 1,
        "bbox": [x, y, w, h],
        "area": round(w * h, 2),
        "iscrowd": 0,
    }


def _label(analysis: Analysis, image: LabelledImage, label: int | None) -> dict[str, Any] | None:
    if label is None:
        return None
    name = analysis.of.classes[int(image.classes[label])]
    return {"class": name, "bbox": [round(float(value), 2) for value in image.boxes_xywh[label]]}
