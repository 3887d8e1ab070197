"""A stream of coloured blocks, for tests of whole rounds: two lines of a plant, from a week on darker; and a first set.

A detector of `window_detector.py` finds them: rounds take seconds.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from conftest import draw_blocks
from rendered_stream import START, Photo, TrueBox
from stream_answers import coco_of

CLASSES = ["red", "blue"]
TIME, TIME_FORMAT = r"/(?P<time>\d{4}-\d{2}-\d{2}T\d{6})-", "%Y-%m-%dT%H%M%S"
GROUP = r"^(?P<group>line-\d)/"
FIRST = {"train": 24, "valid": 40}


@dataclass(frozen=True)
class BlockStream:
    """The stream; see `Source` of tests/pipeline_replay.py.

    Attributes:
        folder: images, and the first round's data set.
        images_week: of all lines together.
        dark_week: from which on the light is what `light` says.
        light: factor of pixels.
        seed: of what is drawn.
        lines: groups.
    """

    folder: Path
    images_week: int = 40
    dark_week: int | None = None
    light: float = 0.75
    seed: int = 0
    lines: int = 4

    @property
    def images(self) -> Path:
        return self.folder / "images"

    def begins(self, week: int) -> datetime:
        return START + timedelta(weeks=week - 1)

    def first(self) -> Path:
        """Return the data set of the first round: COCO."""
        root = self.folder / "first"
        for branch, (split, count) in enumerate(FIRST.items()):
            if not (root / split).exists():
                (root / split).mkdir(parents=True)
                rng = np.random.default_rng([self.seed, branch])
                photos = [self._drawn(root / split / f"{i:04d}.png", f"{i:04d}.png", START, rng) for i in range(count)]
                (root / split / "_annotations.coco.json").write_text(json.dumps(coco_of(photos, CLASSES)))
        return root

    def week(self, number: int) -> list[Photo]:
        """Return the photographs of a week, drawn again."""
        rng = np.random.default_rng([self.seed, 100 + number])
        light = self.light if self.dark_week is not None and number >= self.dark_week else 1.0
        photos = []
        for i in range(self.images_week):
            at = (self.begins(number) + timedelta(weeks=(i + 0.5) / self.images_week)).replace(microsecond=0)
            name = f"line-{i % self.lines}/{at.strftime(TIME_FORMAT)}-{i:04d}.png"
            photos.append(self._drawn(self.images / name, name, at, rng, light))
        return photos

    def _drawn(self, path: Path, name: str, at: datetime, rng: np.random.Generator, light: float = 1.0) -> Photo:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"partial-{path.name}")
        image = draw_blocks(partial, rng)
        if light != 1.0:
            cv2.imwrite(str(partial), cv2.convertScaleAbs(np.asarray(cv2.imread(str(partial))), alpha=light))
        os.utime(partial, (at.timestamp(), at.timestamp()))
        if not path.exists():  # it may have arrived already, as a link
            partial.rename(path)
        partial.unlink(missing_ok=True)
        boxes = tuple(
            TrueBox(CLASSES[label], (x, y, x + w, y + h))
            for (x, y, w, h), label in zip(image.boxes_xywh.tolist(), image.classes.tolist(), strict=True)
        )
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return Photo(name, at, name.split("/")[0], sha256, boxes, (image.width_px, image.height_px))
