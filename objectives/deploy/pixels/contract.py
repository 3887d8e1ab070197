"""The contract of whoever computes on pixels and boxes: what letterbox and NMS are made of."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3), BGR


class PixelWork(ABC):
    """What the deployed program computes beside the network.

    Attributes:
        name: what computes; part of a board's description, since it changes latency.
    """

    name: str

    @abstractmethod
    def use_threads(self, threads: int) -> None:
        """Take so many processor threads from now on; 0 leaves the choice to the library."""

    @abstractmethod
    def resize(self, image: Pixels, width: int, height: int) -> Pixels:
        """Return an image (H, W, 3) as (height, width, 3), interpolated bilinearly."""

    @abstractmethod
    def surround(self, image: Pixels, sides: tuple[int, int, int, int], value: int) -> Pixels:
        """Return an image with a border of one grey `value`: pixels at its top, bottom, left and right."""

    @abstractmethod
    def blob(self, image: Pixels) -> NDArray[np.float32]:
        """Return (H, W, 3) BGR in 0..255 as (1, 3, H, W) RGB in [0, 1]."""

    @abstractmethod
    def suppress(
        self, boxes_xywh: NDArray[np.float64], scores: NDArray[np.float64], confidence: float, iou: float
    ) -> NDArray[np.int64]:
        """Return the indices of boxes that survive non-maximum suppression, best first.

        Args:
            boxes_xywh: (n, 4) left, top, width, height.
            scores: (n,).
            confidence: boxes that do not exceed it are dropped.
            iou: overlap above which the lesser of two boxes falls.
        """
