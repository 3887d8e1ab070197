"""Boxes as labels give them, brought into the frame of the image that is kept, and clipped to it."""

from collections.abc import Mapping

import numpy as np

from objectives.data.dataset import make_noted_image
from objectives.data.findings import Findings
from objectives.data.frame import Boxes, Claim, Header, settle
from objectives.data.mend import FILE_EACH
from objectives.data.raw import RawImage, RawSet
from search.operate.journal.kept_labels import KeptBox
from spaces.errors import DataError


def kept_boxes(
    raw: RawSet, headers: Mapping[RawImage, Header], findings: Findings
) -> tuple[dict[RawImage, tuple[KeptBox, ...]], list[str]]:
    """Return the boxes of each entry in pixels of its picture as decoded, and why some could not be had.

    Args:
        raw: what was read.
        headers: of the entries that are wanted.
        findings: takes what is clipped, dropped or assumed.
    """
    by_export: dict[object, list[RawImage]] = {}
    for image in headers:
        own = None if raw.format in FILE_EACH or image.relative else image.source
        by_export.setdefault(own, []).append(image)
    found: dict[RawImage, tuple[KeptBox, ...]] = {}
    problems = []
    for images in by_export.values():
        claims = [_claim(image, headers[image]) for image in images]
        try:
            settled = settle(claims, images[0].source or raw.root, findings, file_each=raw.format in FILE_EACH)
        except DataError as error:
            problems.append(str(error).replace("data.root:", "stream.labels:"))
            continue
        for image, boxes in zip(images, settled, strict=True):
            if boxes is not None:
                found[image] = _clipped(image, boxes, headers[image], raw.classes, findings)
    return found, problems


def _claim(image: RawImage, header: Header) -> Claim:
    if image.relative:
        return Claim(image.path, header, None, image.boxes * (*header.shown_px, *header.shown_px))
    return Claim(image.path, header, image.claimed_px, image.boxes)


def _clipped(
    image: RawImage, boxes: Boxes, header: Header, classes: tuple[str, ...], findings: Findings
) -> tuple[KeptBox, ...]:
    made = make_noted_image(image.path, header.shown_px, boxes, image.classes.tolist(), findings)
    rows = np.asarray(made.boxes_xywh).tolist()
    return tuple((classes[i], x, y, w, h) for i, (x, y, w, h) in zip(made.classes.tolist(), rows, strict=True))
