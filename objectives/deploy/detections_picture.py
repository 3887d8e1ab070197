"""A picture of what a detector finds: a few images side by side, labels thin, detections thick."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import LabelledImage
from objectives.data.pictures.decode import read_image
from objectives.deploy.detector import Detections
from objectives.machine.files import whole

TILE_PX = 440
# Okabe and Ito's palette, BGR: told apart by colour-blind people.
COLOURS = (
    (0, 159, 230),
    (233, 180, 86),
    (115, 158, 0),
    (66, 228, 240),
    (178, 114, 0),
    (0, 94, 213),
    (167, 121, 204),
)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def draw_detections(
    path: Path,
    images: Sequence[LabelledImage],
    detections: Sequence[Detections],
    classes: Sequence[str],
    confidence: float,
) -> None:
    """Write a JPEG of the images side by side: boxes of the labels thin and white, of the detector coloured.

    Args:
        path: the file.
        images: a few images.
        detections: one per image; those scored below `confidence` are not drawn.
        classes: class names by index.
        confidence: least score that is drawn.
    """
    tiles = [draw_tile(image, found, classes, confidence) for image, found in zip(images, detections, strict=True)]
    height = max(tile.shape[0] for tile in tiles)
    padded = [cv2.copyMakeBorder(t, 0, height - t.shape[0], 0, 4, cv2.BORDER_CONSTANT, value=WHITE) for t in tiles]
    _, encoded = cv2.imencode(".jpg", np.hstack(padded), [cv2.IMWRITE_JPEG_QUALITY, 82])
    with whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def draw_tile(image: LabelledImage, found: Detections, classes: Sequence[str], confidence: float) -> NDArray[np.uint8]:
    """Return an image, TILE_PX wide, with the boxes of its labels and of a detector drawn on it."""
    picture = read_image(image.path)
    ratio = TILE_PX / picture.shape[1]
    picture = cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # 8-bit stays
    for x, y, w, h in image.boxes_xywh * ratio:
        cv2.rectangle(picture, (round(x), round(y)), (round(x + w), round(y + h)), WHITE, 1)
    shown = [i for i, score in enumerate(found.scores) if score >= confidence]
    for i in reversed(shown):  # the surest on top
        left, top, right, bottom = (round(v) for v in found.boxes_xyxy[i] * ratio)
        colour = COLOURS[int(found.classes[i]) % len(COLOURS)]
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 2)
        _label(picture, f"{classes[int(found.classes[i])]} {found.scores[i]:.0%}", (left, top), colour)
    return picture


def _label(picture: NDArray[np.uint8], text: str, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.3, 1)
    left, top = corner[0], max(corner[1], height + 3)
    cv2.rectangle(picture, (left, top - height - 3), (left + width + 2, top), colour, -1)
    cv2.putText(picture, text, (left + 1, top - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.3, BLACK, 1, cv2.LINE_AA)
