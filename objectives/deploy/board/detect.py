"""Detections by a board's own runtime: images that were fitted here in, boxes, scores and classes out, packed."""

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.detector import Detections, Detector, Image, fit, resized
from objectives.deploy.device import Device
from objectives.deploy.pixels.choose import pixel_work
from objectives.deploy.runtimes.open import open_artifact

SINGLE, INDEX = "<f4", "<i4"  # as numbers are packed: what scores are computed in, and enough for boxes and classes


def detect(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run a file over images; runs on the board.

    Args:
        job: `device`, `artifact`, `confidence` (the least score), `images`: files of arrays (size, size, 3) BGR, uint8,
            as `fitted` makes them.

    Returns:
        detections as of `pack`, boxes in pixels of the file's input.
    """
    device = Device(**job["device"])
    pixel_work().use_threads(device.threads)
    detector = Detector(open_artifact(Path(job["artifact"]), device), job["confidence"])
    return pack([detector(np.load(path, allow_pickle=False)) for path in job["images"]])


def fitted(image: Image, size_px: int, *, stretched: bool) -> tuple[Image, "FittedPlace"]:
    """Return an image as the network sees it, (size, size, 3), and where on it the original lies; runs here.

    A board then neither decodes nor resizes: what is scored is its network and its NMS, and its letterbox is ours.
    """
    square, scale, pad = (resized if stretched else fit)(image, size_px)
    return square, FittedPlace(scale, pad)


class FittedPlace:
    """Where an image lies in the square that the network sees."""

    def __init__(self, scale: tuple[float, float], pad: tuple[int, int]) -> None:
        """Take the scale by axis and the padding in pixels, left and top, of `objectives.deploy.detector.letterbox`."""
        self._scale, self._pad = scale, pad

    def back(self, found: Detections) -> Detections:
        """Return detections with boxes in pixels of the original image."""
        boxes = found.boxes_xyxy.copy()
        boxes[:, 0::2] = (boxes[:, 0::2] - self._pad[0]) / self._scale[0]
        boxes[:, 1::2] = (boxes[:, 1::2] - self._pad[1]) / self._scale[1]
        return Detections(boxes, found.scores, found.classes)


def pack(found: Sequence[Detections]) -> dict[str, Any]:
    """Return detections as JSON holds them: how many an image has, and three texts of packed numbers.

    Scores and classes come back as they were, boxes rounded to 32 bits: under a ten-thousandth of a pixel.
    """
    return {
        "counts": [len(one.scores) for one in found],
        "boxes": _text([one.boxes_xyxy for one in found], SINGLE),
        "scores": _text([one.scores for one in found], SINGLE),
        "classes": _text([one.classes for one in found], INDEX),
    }


def unpack(packed: Mapping[str, Any]) -> Iterator[Detections]:
    """Yield the detections that `pack` was given, image by image."""
    boxes = _numbers(packed["boxes"], SINGLE).reshape(-1, 4)
    scores, classes = _numbers(packed["scores"], SINGLE), _numbers(packed["classes"], INDEX)
    start = 0
    for count in packed["counts"]:
        own = slice(start, start + count)
        yield Detections(boxes[own].astype(np.float64), scores[own].astype(np.float64), classes[own].astype(np.int64))
        start += count


def _text(arrays: Sequence[NDArray[Any]], kind: str) -> str:
    data = b"".join(np.ascontiguousarray(array, dtype=kind).tobytes() for array in arrays)
    return base64.b64encode(zlib.compress(data)).decode()


def _numbers(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=kind)
