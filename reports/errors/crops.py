"""Pictures of doubtful labels and of images to label next: crops with boxes, as `data:` addresses."""

from base64 import b64encode
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.data.pictures.decode import read_image
from objectives.deploy.detector import Image
from objectives.deploy.errors.next_images import Looked
from objectives.deploy.errors.suspects import Doubt, Suspect

SUSPECT_PX = 420  # of a crop's longer side
AROUND = 1.2  # surroundings on each side, in sides of what is shown
OUTSET_PX = 5  # of a label around a proposal, which may lie at the same place
LEAST_PX = 96  # least side of what is shown, in pixels of the image
ASPECT = 1.2  # width by height of what is shown, where the image is large enough
CROP_QUALITY = 84
# Okabe and Ito's palette, BGR: told apart by colour-blind people. The page's legend has the same.
LABEL, PROPOSED, OTHER, RIM = (0, 159, 230), (233, 180, 86), (255, 255, 255), (30, 30, 30)

Box = tuple[float, float, float, float]  # left, top, right, bottom


def suspect_crop(suspect: Suspect) -> str:
    """Return the surroundings of a suspect: all labels thin and white, the doubted one and the proposal thick.

    Raises:
        DataError: the image cannot be decoded.
    """
    image = suspect.image
    corners = [_corners(box) for box in image.boxes_xywh.tolist()]
    label = None if suspect.label is None else corners[suspect.label]
    proposed = None if suspect.kind is Doubt.SPURIOUS else _corners(suspect.box_xywh)
    window = _window([box for box in (label, proposed) if box is not None], (image.width_px, image.height_px))
    shown, ratio = _cut(read_image(image.path), window)
    for j, box in enumerate(corners):
        if j != suspect.label:
            _draw(shown, box, window, ratio, OTHER, 1)
    if label is not None:
        _draw(shown, label, window, ratio, LABEL, 2, OUTSET_PX)
    if proposed is not None:
        _draw(shown, proposed, window, ratio, PROPOSED, 2)
    return _address(shown)


def image_crop(looked: Looked) -> str:
    """Return a whole image, small, with what is found on it.

    Raises:
        DataError: the image cannot be decoded.
    """
    window = (0, 0, *looked.size_px)
    shown, ratio = _cut(read_image(looked.path), window)
    for box in looked.found.boxes_xyxy.tolist():
        _draw(shown, tuple(box), window, ratio, PROPOSED, 1)
    return _address(shown)


def _corners(box_xywh: Sequence[float]) -> Box:
    x, y, w, h = box_xywh
    return x, y, x + w, y + h


def _window(boxes: Sequence[Box], size_px: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is shown: the boxes and their surroundings, inside the image."""
    table = np.array(boxes)
    low, high = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    sides = np.maximum((high - low) * (1 + 2 * AROUND), LEAST_PX)
    sides = np.maximum(sides, sides[::-1] * (ASPECT, 1 / ASPECT)).clip(max=size_px)
    start = np.clip((low + high - sides) / 2, 0, np.array(size_px) - sides)
    left, top = np.floor(start).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(start + sides), size_px).astype(int).tolist()
    return left, top, right, bottom


def _cut(image: Image, window: tuple[int, int, int, int]) -> tuple[Image, float]:
    left, top, right, bottom = window
    ratio = SUSPECT_PX / max(right - left, bottom - top)
    size = max(1, round((right - left) * ratio)), max(1, round((bottom - top) * ratio))
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    cut = np.ascontiguousarray(image[top:bottom, left:right])
    return cv2.resize(cut, size, interpolation=method), ratio  # type: ignore[return-value]  # 8-bit stays 8-bit


def _draw(
    shown: Image,
    box: Sequence[float],
    window: Sequence[int],
    ratio: float,
    colour: Sequence[int],
    thickness: int,
    outset_px: int = 0,
) -> None:
    """Draw a box with a dark rim, so that it is seen on any ground; `outset_px` larger, so that two are seen."""
    shifted: NDArray[np.float64] = (np.array(box) - np.array([window[0], window[1]] * 2)) * ratio
    shifted += (-outset_px, -outset_px, outset_px, outset_px)
    left, top, right, bottom = np.clip(shifted, -4 * SUSPECT_PX, 5 * SUSPECT_PX).round().astype(int).tolist()
    cv2.rectangle(shown, (left, top), (right, bottom), RIM, thickness + 2)
    cv2.rectangle(shown, (left, top), (right, bottom), colour, thickness)


def _address(shown: Image) -> str:
    _, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])
    return f"data:image/jpeg;base64,{b64encode(encoded.tobytes()).decode()}"
