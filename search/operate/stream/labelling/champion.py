"""The detector that serves, run over images of the stream, and what that says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.pictures.decode import read_image
from objectives.deploy.accuracy import SCORE_CONFIDENCE
from objectives.deploy.confidence import confidence_of
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.device import Device
from objectives.deploy.errors.looking import look
from objectives.deploy.errors.next_images import Looked, blocks, features
from objectives.deploy.formats.deployed import open_deployed
from objectives.records.paths import MODEL
from search.operate.stream.labelling.chosen import PreBox
from search.settings.compose import default_values
from spaces.errors import DataError

UNSURE = (
    0.2  # of a score, about the deployed confidence: a detection nearer to it is one that the champion is unsure of
)
NOTHING_FOUND = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class ChampionSight:
    """What the champion sees on an image: as ranking needs it, its boxes, and the classes that it is unsure of."""

    looked: Looked
    boxes: tuple[PreBox, ...]
    unsure: frozenset[str]


class Champion:
    """The detector that serves, opened on the processor; or none, before the first one does."""

    def __init__(self, folder: Path | None) -> None:
        """Open the file of a deployment.

        Raises:
            DataError: it is not there, or cannot be opened.
        """
        self._detector: Detector | None = None
        if folder is not None:
            if not (folder / MODEL).is_file():
                raise DataError(f"labelling: '{folder}' holds no {MODEL}; restore the deployment, or roll back")
            device = Device(**default_values("device", "cpu"))
            self._detector = Detector(open_deployed(folder / MODEL, device), SCORE_CONFIDENCE)

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes; none where there is no detector."""
        return () if self._detector is None else self._detector.meta.classes

    @property
    def block_lengths(self) -> tuple[int, ...]:
        """Lengths of the blocks of features."""
        return blocks(len(self.classes))

    def see(self, path: Path) -> ChampionSight:
        """Look at an image; without a detector, all are as unsure.

        Raises:
            DataError: the file cannot be decoded.
        """
        if self._detector is None:
            pixels = read_image(path)
            size = pixels.shape[1], pixels.shape[0]
            return ChampionSight(
                Looked(path, size, NOTHING_FOUND, 1.0, features(pixels, NOTHING_FOUND, 0)), (), frozenset()
            )
        confidence = confidence_of(self._detector.meta)
        found, looked = look(self._detector, path, confidence)
        near = np.abs(found.scores - confidence) < UNSURE * confidence
        unsure = frozenset(self.classes[i] for i in np.unique(found.classes[near]))
        return ChampionSight(looked, self._boxes(looked), unsure)

    def features_of(self, paths: Sequence[Path]) -> NDArray[np.float64]:
        """Return the features of labelled images, (n, d); files that cannot be decoded are passed over."""
        rows = []
        for path in paths:
            try:
                rows.append(self.see(path).looked.features)
            except DataError:  # labelled before and gone since: there is only less to differ from
                continue
        return np.array(rows).reshape(-1, sum(self.block_lengths))

    def _boxes(self, looked: Looked) -> tuple[PreBox, ...]:
        """Return the detections above the confidence, clipped to the image."""
        size = np.array(looked.size_px)
        corners = looked.found.boxes_xyxy.reshape(-1, 2, 2).clip(0, size)
        boxes = np.hstack([corners[:, 0], corners[:, 1] - corners[:, 0]]).round(2)
        return tuple(
            PreBox(self.classes[label], round(float(score), 4), (x, y, w, h))
            for (x, y, w, h), score, label in zip(
                boxes.tolist(), looked.found.scores, looked.found.classes.tolist(), strict=True
            )
            if w >= 1 and h >= 1
        )
