"""Letterbox's and NMS' parts by OpenCV."""

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.deploy.pixels.contract import Pixels, PixelWork


class OpenCv(PixelWork):
    """OpenCV, on as many processor threads as it is given."""

    name = "opencv"

    def use_threads(self, threads: int) -> None:
        """Set OpenCV's threads, for the whole process."""
        cv2.setNumThreads(threads or -1)

    def resize(self, image: Pixels, width: int, height: int) -> Pixels:
        """Resize by `cv2.resize`."""
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]  # 8-bit stays 8-bit

    def surround(self, image: Pixels, sides: tuple[int, int, int, int], value: int) -> Pixels:
        """Add a border by `cv2.copyMakeBorder`."""
        return cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=(value,) * 3)  # type: ignore[return-value]  # 8-bit stays 8-bit

    def blob(self, image: Pixels) -> NDArray[np.float32]:
        """Make the blob by `cv2.dnn.blobFromImage`."""
        return cv2.dnn.blobFromImage(image, 1 / 255, swapRB=True)  # type: ignore[return-value]  # 32-bit floats

    def suppress(
        self, boxes_xywh: NDArray[np.float64], scores: NDArray[np.float64], confidence: float, iou: float
    ) -> NDArray[np.int64]:
        """Suppress by `cv2.dnn.NMSBoxes`."""
        # OpenCV's stubs ask for sequences; arrays are taken as they are.
        return np.asarray(cv2.dnn.NMSBoxes(boxes_xywh, scores, confidence, iou), dtype=np.int64)  # type: ignore[arg-type]  # arrays will do
