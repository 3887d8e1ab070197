"""The detector as deployed: letterbox, one file in its runtime, NMS. No torch in here."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.confidence import confidence_of
from objectives.deploy.pixels.choose import pixel_work
from objectives.deploy.pixels.contract import Pixels
from objectives.deploy.runtimes.contract import Runtime

PAD_VALUE = 114  # grey of the letterbox, as in training
MAX_NMS = 5000  # scored boxes that enter NMS for an image, best first

Image = Pixels  # (H, W, 3), BGR


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes found in one image, best first.

    Attributes:
        boxes_xyxy: (n, 4) left, top, right, bottom in pixels of the original image. They may reach beyond its edges
            and are scored so, as Ultralytics' validator does; clipping would add up to 0.03 mAP on cut objects.
        scores: (n,) in [0, 1].
        classes: (n,) class indices.
    """

    boxes_xyxy: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]


class Detector:
    """Image in, detections out: the deployed program."""

    def __init__(self, runtime: Runtime, confidence: float | None = None) -> None:
        """Wrap an open file; boxes scored below `confidence` are dropped before NMS; None: as the file says."""
        self.runtime = runtime
        self.meta = runtime.meta
        self.confidence = confidence_of(runtime.meta) if confidence is None else confidence
        self.network_s = 0.0  # seconds of the network alone in the last call

    def __call__(self, image: Image) -> Detections:
        """Find the objects of one image (H, W, 3) BGR."""
        blob, scale, pad = (stretch if self.meta.stretched else letterbox)(image, self.meta.size_px)
        start = time.perf_counter()
        output = self.runtime.run(blob)
        self.network_s = time.perf_counter() - start
        return read_output(output, self.meta, self.confidence, scale, pad)


def read_output(
    output: NDArray[np.float32],
    meta: ArtifactMeta,
    confidence: float,
    scale: tuple[float, float],
    pad: tuple[int, int],
) -> Detections:
    """Read a network's output for one image.

    Args:
        output: of the network, (1, ...), as its head gives it.
        meta: what the network's file says of itself.
        confidence: least score.
        scale: of the image by axis, as of `letterbox`.
        pad: left and top padding in pixels, likewise.
    """
    boxes, scores, classes = _decode(output[0], meta, confidence)
    boxes[:, 0::2] = (boxes[:, 0::2] - pad[0]) / scale[0]
    boxes[:, 1::2] = (boxes[:, 1::2] - pad[1]) / scale[1]
    return Detections(boxes, scores, classes)


def _decode(rows: NDArray[np.float32], meta: ArtifactMeta, confidence: float) -> tuple[Any, Any, Any]:
    """Map a network's output for one image to boxes (xyxy, pixels of the input), scores and classes, best first."""
    if meta.head == "nms":
        return suppress(rows, confidence, meta.nms_iou, meta.max_detections)
    rows = rows[rows[:, 4] > confidence]
    kept = rows[np.argsort(-rows[:, 4], kind="stable")][: meta.max_detections].astype(np.float64)
    boxes = kept[:, :4]
    if meta.head == "rtdetr":
        boxes = _centre_to_corners(boxes * meta.size_px)
    return boxes, kept[:, 4], kept[:, 5].astype(np.int64)


def letterbox(image: Image, size_px: int) -> tuple[NDArray[np.float32], tuple[float, float], tuple[int, int]]:
    """Fit an image into a square, aspect kept, grey around it, the way Ultralytics validates.

    Returns:
        blob (1, 3, size, size) RGB in [0, 1]; scale by axis (x, y); left and top padding in pixels.
    """
    square, scale, pad = fit(image, size_px)
    return pixel_work().blob(square), scale, pad


def fit(image: Image, size_px: int) -> tuple[Image, tuple[float, float], tuple[int, int]]:
    """Return the square of `letterbox` as an image (size, size, 3) BGR, with its scale and padding."""
    height, width = image.shape[:2]
    ratio = size_px / max(height, width)
    new = min(int(np.ceil(width * ratio)), size_px), min(int(np.ceil(height * ratio)), size_px)
    if new != (width, height):
        image = pixel_work().resize(image, *new)
    spare = (size_px - new[0]) / 2, (size_px - new[1]) / 2
    left, top = round(spare[0] - 0.1), round(spare[1] - 0.1)
    if spare != (0, 0):
        right, bottom = size_px - new[0] - left, size_px - new[1] - top
        image = pixel_work().surround(image, (top, bottom, left, right), PAD_VALUE)
    return image, (new[0] / width, new[1] / height), (left, top)


def stretch(image: Image, size_px: int) -> tuple[NDArray[np.float32], tuple[float, float], tuple[int, int]]:
    """Stretch an image to a square, as Ultralytics does for RT-DETR; what is returned is as of `letterbox`."""
    square, scale, pad = resized(image, size_px)
    return pixel_work().blob(square), scale, pad


def resized(image: Image, size_px: int) -> tuple[Image, tuple[float, float], tuple[int, int]]:
    """Return the square of `stretch` as an image, likewise as of `fit`."""
    height, width = image.shape[:2]
    if (width, height) != (size_px, size_px):
        image = pixel_work().resize(image, size_px, size_px)
    return image, (size_px / width, size_px / height), (0, 0)


def suppress(
    output: NDArray[np.float32], confidence: float, iou: float, most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Non-maximum suppression within each class; a box may be found under several classes.

    Args:
        output: (4 + classes, anchors): centre x, centre y, width, height, then a score for each class.
        confidence: least score.
        iou: overlap above which the lesser box falls.
        most: most boxes returned.

    Returns:
        boxes (n, 4) as corners, scores (n,), classes (n,), best first.
    """
    classes, anchors = np.nonzero(output[4:] > confidence)
    scores = output[4:][classes, anchors].astype(np.float64)
    if len(scores) > MAX_NMS:
        best = np.argpartition(-scores, MAX_NMS)[:MAX_NMS]
        classes, anchors, scores = classes[best], anchors[best], scores[best]
    boxes = _centre_to_corners(output[:4, anchors].T.astype(np.float64))
    sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = [np.zeros(0, dtype=np.int64)]
    for label in np.unique(classes):  # by class: NMS is quadratic in the number of boxes
        index = np.flatnonzero(classes == label)
        kept.append(index[pixel_work().suppress(sized[index], scores[index], confidence, iou)])
    chosen = np.concatenate(kept)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:most]
    return boxes[chosen], scores[chosen], classes[chosen]


def _centre_to_corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    half = boxes[:, 2:] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])
