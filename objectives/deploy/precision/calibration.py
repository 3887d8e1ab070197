"""Images that a quantiser takes its ranges from: of the training split, made as the deployed program makes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from objectives.data.pictures.decode import read_image
from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import letterbox, stretch
from objectives.records.even_sample import evenly
from spaces.errors import DataError

RANGE_IMAGES = 64  # from which on ranges hardly change: see docs/precision.md


@dataclass(frozen=True)
class CalibrationImages:
    """An even sample of a data set's training images, in the shape of a detector's input.

    Attributes:
        images: image files; none stand for noise, where ranges do not matter: a file that is only timed.
        size_px: side of the square input.
        stretched: whether an image is stretched to the square, not letterboxed.
    """

    images: tuple[Path, ...]
    size_px: int
    stretched: bool = False

    @classmethod
    def of(cls, training: Sequence[Path], meta: ArtifactMeta, most: int = RANGE_IMAGES) -> Self:
        """Return the calibration of a file with such metadata, by at most so many images of the training split.

        Raises:
            DataError: there are no images.
        """
        if not training:
            raise DataError("deploy.precision: int8 needs images of the training split to take its ranges from")
        return cls(tuple(evenly(sorted(training), most)), meta.size_px, meta.stretched)

    @classmethod
    def of_noise(cls, meta: ArtifactMeta) -> Self:
        """Return the calibration of a file that is only timed: how long it takes does not hang on its ranges."""
        return cls((), meta.size_px, meta.stretched)

    @property
    def is_noise(self) -> bool:
        """Whether nothing but the time of what is quantised by it means anything."""
        return not self.images

    def blobs(self, most: int | None = None) -> Iterator[NDArray[np.float32]]:
        """Yield inputs of the network, each (1, 3, size, size) RGB in [0, 1]; at most so many, an even sample."""
        if self.is_noise:
            yield np.random.default_rng(0).random((1, 3, self.size_px, self.size_px), dtype=np.float32)
            return
        fit = stretch if self.stretched else letterbox
        for path in self.images if most is None else evenly(self.images, most):
            yield fit(read_image(path), self.size_px)[0]
