"""Letterbox's and NMS' parts by NumPy alone: OpenCV's arithmetic, where a board has no OpenCV."""

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.pixels.contract import Pixels, PixelWork

UNIT = 2048  # of OpenCV's fixed-point weights: 11 bits (INTER_RESIZE_COEF_BITS in imgproc/src/resize.cpp)


class Plain(PixelWork):
    """NumPy. One thread, and slower than OpenCV several times over: latencies of the two are not comparable."""

    name = "numpy"

    def use_threads(self, threads: int) -> None:
        """Do nothing: NumPy's arithmetic on arrays has one thread."""

    def resize(self, image: Pixels, width: int, height: int) -> Pixels:
        """Resize by the steps of OpenCV's INTER_LINEAR on 8 bits: rows by 11-bit weights, then columns, rounded.

        It is at most one grey level off OpenCV's, which rounds in other places with some processors' instructions.
        """
        x0, x1, ax = _taps(image.shape[1], width)
        y0, y1, ay = _taps(image.shape[0], height)
        rows = np.unique(np.concatenate([y0, y1]))
        source = image[rows].astype(np.int32)
        across = source[:, x0] * (UNIT - ax)[None, :, None] + source[:, x1] * ax[None, :, None]
        upper, lower = across[np.searchsorted(rows, y0)], across[np.searchsorted(rows, y1)]
        weight = ay[:, None, None]
        mixed = (((UNIT - weight) * (upper >> 4)) >> 16) + ((weight * (lower >> 4)) >> 16)
        resized: Pixels = ((mixed + 2) >> 2).astype(np.uint8)
        return resized

    def surround(self, image: Pixels, sides: tuple[int, int, int, int], value: int) -> Pixels:
        """Copy the image into a grey one."""
        top, bottom, left, right = sides
        height, width = image.shape[:2]
        around = np.full((top + height + bottom, left + width + right, 3), value, np.uint8)
        around[top : top + height, left : left + width] = image
        return around

    def blob(self, image: Pixels) -> NDArray[np.float32]:
        """Turn, scale and transpose; within 1e-7 of OpenCV's."""
        planes = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1), dtype=np.float32)
        planes *= np.float32(1 / 255)
        return planes[None]

    def suppress(
        self, boxes_xywh: NDArray[np.float64], scores: NDArray[np.float64], confidence: float, iou: float
    ) -> NDArray[np.int64]:
        """Keep the best box, drop what overlaps it, and so on: OpenCV's indices, its 32-bit comparisons included."""
        single = scores.astype(np.float32)
        left = np.flatnonzero(single > np.float32(confidence))
        left = left[np.argsort(-single[left], kind="stable")]
        kept = []
        while len(left):
            best, left = left[0], left[1:]
            kept.append(best)
            left = left[_overlaps(boxes_xywh[best], boxes_xywh[left]) <= np.float32(iou)]
        return np.array(kept, dtype=np.int64)


def _taps(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return for each of `target` pixels its two of `source` and the weight of the second, in shares of UNIT."""
    at = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    share = at - first
    share[(first < 0) | (first >= source - 1)] = 0
    first = np.clip(first, 0, source - 1)
    return first, np.minimum(first + 1, source - 1), np.rint(share * UNIT).astype(np.int32)


def _overlaps(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the IoU of a box with others (n, 4), xywh, as `cv2::jaccardDistance` has it: two empty boxes are one."""
    corner = np.maximum(box[:2], others[:, :2])
    sides = np.maximum(np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:]) - corner, 0)
    shared = sides[:, 0] * sides[:, 1]
    areas = box[2] * box[3] + others[:, 2] * others[:, 3]
    empty = areas <= np.finfo(np.float64).eps
    distance = np.where(empty, 0.0, 1 - shared / np.where(empty, 1.0, areas - shared))
    overlap: NDArray[np.float32] = np.float32(1) - distance.astype(np.float32)
    return overlap
