"""Figures of an image, and of what a detector found in it: what drift is watched by."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, median

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.predictions.record import PredictionRecord
from spaces.errors import DataError

WORKING_PX = 512  # longest side at which an image is looked at; smaller ones stay as they are


@dataclass(frozen=True)
class ImageFigures:
    """Figures of an image alone.

    Attributes:
        brightness: mean luma, 0 (black) to 1 (white).
        contrast: standard deviation of luma, 0 to 0.5.
        sharpness: standard deviation of luma's Laplacian over that of luma, at the working size: a darker or flatter
            picture of the same thing has the same, a blurred one less. 0 of an image of one colour.
    """

    brightness: float
    contrast: float
    sharpness: float

    def to_json(self) -> dict[str, float]:
        """Return them by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, float]) -> "ImageFigures":
        """Return what `to_json` was called on."""
        return cls(**values)


@dataclass(frozen=True)
class FoundFigures:
    """Figures of one answer of a detector.

    Attributes:
        count: boxes.
        object_size: median over boxes of the square root of the share of the image that a box covers; None where
            there is no box, or the image's size was not logged.
        confidence: mean score; None where there is no box.
        confidence_median: likewise.
        classes: class name -> boxes.
    """

    count: int
    object_size: float | None
    confidence: float | None
    confidence_median: float | None
    classes: dict[str, int]

    def to_json(self) -> dict[str, float]:
        """Return those that are watched and known, by name; classes lie beside them."""
        known = {"count": float(self.count), "object_size": self.object_size, "confidence": self.confidence}
        return {name: value for name, value in known.items() if value is not None}


def image_figures(image_bgr: NDArray[np.uint8]) -> ImageFigures:
    """Return the figures of an image (H, W, 3), BGR.

    Raises:
        DataError: the array is no such image.
    """
    if image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or not image_bgr.size or image_bgr.dtype != np.uint8:
        raise DataError(
            f"image: must be (height, width, 3) of 8 bits, got {image_bgr.shape} of {image_bgr.dtype}; decode it first"
        )
    luma = cv2.cvtColor(_working(image_bgr), cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    contrast = float(luma.std())
    edges = float(cv2.Laplacian(luma, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE).std())
    return ImageFigures(float(luma.mean()), contrast, edges / contrast if contrast > 1e-6 else 0.0)


def found_figures(record: PredictionRecord) -> FoundFigures | None:
    """Return the figures of one answer; None of an error, which is no answer."""
    if record.error:
        return None
    scores = [box.score for box in record.boxes]
    return FoundFigures(
        len(scores),
        _object_size(record),
        fmean(scores) if scores else None,
        median(scores) if scores else None,
        dict(Counter(box.label for box in record.boxes)),
    )


def _working(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the image at its working size: four samples a pixel are enough, all of 12 million take 25 ms."""
    height, width = image.shape[:2]
    scale = WORKING_PX / max(height, width)
    if scale >= 1:
        return image
    small = max(1, round(width * scale)), max(1, round(height * scale))
    if scale < 0.5:
        image = cv2.resize(image, (2 * small[0], 2 * small[1]), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]  # 8-bit stays 8-bit
    return cv2.resize(image, small, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]  # likewise


def _object_size(record: PredictionRecord) -> float | None:
    if not record.boxes or not record.width_px or not record.height_px:
        return None
    area = record.width_px * record.height_px
    edges = [box.box_xyxy for box in record.boxes]
    return median(float(np.sqrt(max(0.0, (x1 - x0) * (y1 - y0)) / area)) for x0, y0, x1, y1 in edges)
