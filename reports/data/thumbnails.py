"""Thumbnails of findings: the image with its boxes, those that a finding is about thick and named."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject
from objectives.data.pictures.decode import read_image
from spaces.errors import DataError

Pixels = NDArray[np.uint8]

SIDE_PX = 460  # of a thumbnail's longer side
CROP_PX = 24  # a marked box that would be smaller in the thumbnail is shown with its surroundings alone
CROP_TIMES = 8.0  # the surroundings, in sides of the box
CROP_LEAST_PX = 64
MARKS_NAMED = 8
QUALITY = 80
SHOWN_BYTES_MAX = 20_000_000  # of all thumbnails of a page
OTHERS_BGR, MARKED_BGR, RIM_BGR = (
    (255, 255, 255),
    (12, 59, 191),
    (30, 30, 30),
)  # BGR; thick is `failed` of the light palette


@dataclass(frozen=True)
class Thumbnail:
    """A picture of a page.

    Attributes:
        source: `data:` address of a JPEG; empty if the image cannot be shown.
        name: the file, relative to the data set's folder, and its split.
    """

    source: str
    name: str


def thumbnails(spots: Mapping[str, Sequence[Spot]], subject: Subject) -> dict[str, list[list[Thumbnail]]]:
    """Return for each code the pictures of its spots; beyond SHOWN_BYTES_MAX, names without pictures."""
    entries = {(entry.path, entry.split): entry for entry in subject.entries}
    found: dict[str, list[list[Thumbnail]]] = {}
    left = SHOWN_BYTES_MAX
    for code, of_code in spots.items():
        found[code] = []
        for spot in of_code:
            row = []
            for mark in spot.marks:
                source = _drawn(mark, entries.get((mark.path, mark.split)), subject) if left > 0 else ""
                left -= len(source)
                split = f" ({mark.split})" if mark.split else ""
                row.append(Thumbnail(source, f"{subject.place(mark.path)}{split}"))
            found[code].append(row)
    return found


def _drawn(mark: Mark, entry: CheckedImage | None, subject: Subject) -> str:
    if entry is not None and entry.picture is not None and entry.picture.problem is not None:
        return ""  # broken, or hostile: the index has opened it in a process of its own
    try:
        pixels = read_image(mark.path)
    except DataError:
        return ""
    boxes = entry.boxes if entry is not None else np.zeros((0, 4))
    window = _window(pixels.shape[1], pixels.shape[0], boxes[list(mark.boxes)])
    left, top, width, height = window
    ratio = SIDE_PX / max(width, height)
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_NEAREST
    shown = cv2.resize(
        np.ascontiguousarray(pixels[top : top + height, left : left + width]), size, interpolation=method
    )
    if entry is not None:
        _draw(shown, (entry.boxes - (left, top, 0, 0)) * ratio, mark, entry, subject.classes)  # type: ignore[arg-type]  # 8-bit stays
    _, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return f"data:image/jpeg;base64,{b64encode(encoded.tobytes()).decode()}"


def _window(width: int, height: int, marked: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of what is shown: the image, or the surroundings of a very small box."""
    marked = marked[np.isfinite(marked).all(axis=1)]
    if len(marked) != 1 or max(marked[0, 2:]) * SIDE_PX / max(width, height) >= CROP_PX:
        return 0, 0, width, height
    side = max(CROP_LEAST_PX, CROP_TIMES * float(max(marked[0, 2:])))
    centre = marked[0, :2] + marked[0, 2:] / 2
    sides = [min(round(side), whole) for whole in (width, height)]
    starts = [
        int(np.clip(round(float(at) - part / 2), 0, whole - part))
        for at, part, whole in zip(centre, sides, (width, height), strict=True)
    ]
    return starts[0], starts[1], sides[0], sides[1]


def _draw(shown: Pixels, boxes: NDArray[np.float64], mark: Mark, entry: CheckedImage, classes: Sequence[str]) -> None:
    """Draw all boxes thin, those of the mark thick."""
    limit = 4 * SIDE_PX  # what lies farther out is drawn at the edge of what OpenCV can take
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    drawable: NDArray[np.bool_] = np.asarray(np.isfinite(corners).all(axis=1))
    points = np.clip(np.nan_to_num(corners), -limit, limit).round().astype(int)
    for i in np.flatnonzero(drawable).tolist():
        if i not in mark.boxes:
            _rectangle(shown, tuple(points[i]), OTHERS_BGR, 2)
    for i in reversed([i for i in mark.boxes if drawable[i]]):
        _rectangle(shown, tuple(points[i]), MARKED_BGR, 3)
        if len(mark.boxes) <= MARKS_NAMED:
            _name(shown, classes[entry.classes[i]], points[i].tolist())


def _rectangle(shown: Pixels, corners: tuple[int, ...], colour: tuple[int, int, int], thickness: int) -> None:
    left, top, right, bottom = (int(v) for v in corners)
    cv2.rectangle(shown, (left, top), (right, bottom), RIM_BGR, thickness + 2, cv2.LINE_AA)
    cv2.rectangle(shown, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)


def _name(shown: Pixels, text: str, corners: Sequence[int]) -> None:
    """Write a class name above its box, or below where there is no room; OpenCV's letters are ASCII, others `?`."""
    plain = text.encode("ascii", "replace").decode()
    (width, height), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    left = min(max(corners[0], 0), max(0, shown.shape[1] - width - 4))
    bottom = corners[1] if corners[1] >= height + 6 else min(corners[3] + height + 6, shown.shape[0])
    cv2.rectangle(shown, (left, bottom - height - 6), (left + width + 4, bottom), MARKED_BGR, -1)
    cv2.putText(shown, plain, (left + 2, bottom - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.45, OTHERS_BGR, 1, cv2.LINE_AA)
