"""A public data set as a stream: a part of it is the first round's, the rest arrives week by week, and then is shifted.

The shift is made: darker and blurred, of every image from a week on. Truth is the set's own labels. Augmented copies of
one photo stay together: all in the first round's part, or all on one day of the stream.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from rendered_stream import START, Photo, TrueBox
from stream_answers import coco_of

from objectives.data.dataset import Dataset, LabelledImage
from objectives.data.pictures.decode import read_image
from objectives.data.readers import read_dataset
from objectives.data.splits.groups import photo_of

TIME, TIME_FORMAT = r"/(?P<time>\d{4}-\d{2}-\d{2}T\d{6})-", "%Y-%m-%dT%H%M%S"
GROUP = r"^(?P<group>day-[\d-]+)/"
QUALITY = 92  # of the JPEG files


@dataclass
class ShiftedSet:
    """The stream; see `Source` of tests/pipeline_replay.py.

    Attributes:
        folder: what is made of the set lies there: `first`, a data set, and `images`.
        data: the set, in any format that is read.
        share_first: of the training images, that the first round has.
        images_week: that arrive in a week.
        shift_week: from which on the images are shifted; None for never.
        light: factor of the shifted images' pixels.
        blur: sigma of their blur, share of their longer side.
        seed: of the order of the images.
    """

    folder: Path
    data: Path
    share_first: float = 0.4
    images_week: int = 12
    shift_week: int | None = None
    light: float = 0.6
    blur: float = 0.004
    seed: int = 0

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @cached_property
    def dataset(self) -> Dataset:
        return read_dataset(self.data)

    @property
    def classes(self) -> list[str]:
        return list(self.dataset.classes)

    @property
    def weeks(self) -> int:
        """Return how many weeks the images last."""
        return len(self._parts[1]) // self.images_week

    def begins(self, week: int) -> datetime:
        return START + timedelta(weeks=week - 1)

    def first(self) -> Path:
        """Return the data set of the first round, made if it is not there: COCO, its val and test those of the set."""
        root = self.folder / "first"
        if not root.exists():
            work = root.with_name(".first-being-made")
            splits = {**self.dataset.splits, "train": self._parts[0]}
            for split, images in splits.items():
                self._write_split(work / {"val": "valid"}.get(split, split), images)
            work.rename(root)
        return root

    def week(self, number: int) -> list[Photo]:
        """Return the photographs of a week, written if they are not there."""
        start = (number - 1) * self.images_week
        chosen = self._parts[1][start : start + self.images_week]
        days = {photo_of(image.path)[0]: i for i, image in reversed(list(enumerate(chosen)))}  # that of its first copy
        return [
            self._photo(number, i, days[photo_of(image.path)[0]], len(chosen), image) for i, image in enumerate(chosen)
        ]

    @cached_property
    def _parts(self) -> tuple[list[LabelledImage], list[LabelledImage]]:
        """Return the training images of the first round, and those of the stream, copies of one photo side by side."""
        photos: dict[str, list[LabelledImage]] = {}
        for image in self.dataset.splits["train"]:
            photos.setdefault(photo_of(image.path)[0], []).append(image)
        copies = list(photos.values())
        order = np.random.default_rng(self.seed).permutation(len(copies)).tolist()
        count = round(self.share_first * len(copies))
        first, later = ([image for i in part for image in copies[i]] for part in (order[:count], order[count:]))
        return first, later

    def _photo(self, week: int, i: int, first: int, count: int, image: LabelledImage) -> Photo:
        day = self.begins(week) + timedelta(weeks=(first + 0.5) / count)
        at = day.replace(microsecond=0) + timedelta(seconds=i - first)
        name = f"day-{at:%Y-%m-%d}/{at.strftime(TIME_FORMAT)}-{i:04d}.jpg"
        path = self.images / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), self._taken(week, image), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            os.utime(path, (at.timestamp(), at.timestamp()))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return Photo(name, at, name.split("/")[0], sha256, self._truth(image), (image.width_px, image.height_px))

    def _taken(self, week: int, image: LabelledImage) -> np.ndarray:
        pixels = read_image(image.path)
        if self.shift_week is None or week < self.shift_week:
            return pixels
        blurred = cv2.GaussianBlur(pixels, (0, 0), self.blur * max(image.width_px, image.height_px))
        return cv2.convertScaleAbs(blurred, alpha=self.light)

    def _truth(self, image: LabelledImage) -> tuple[TrueBox, ...]:
        names = [self.dataset.classes[label] for label in image.classes.tolist()]
        corners = [(x, y, x + w, y + h) for x, y, w, h in image.boxes_xywh.tolist()]
        return tuple(TrueBox(name, box) for name, box in zip(names, corners, strict=True))

    def _write_split(self, folder: Path, images: Sequence[LabelledImage]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"{i:05d}{image.path.suffix}" for i, image in enumerate(images)]
        for name, image in zip(names, images, strict=True):
            (folder / name).write_bytes(image.path.read_bytes())
        photos = [
            Photo(name, START, "", "", self._truth(image), (image.width_px, image.height_px))
            for name, image in zip(names, images, strict=True)
        ]
        (folder / "_annotations.coco.json").write_text(json.dumps(coco_of(photos, self.classes)))
