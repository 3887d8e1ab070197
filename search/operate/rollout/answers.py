"""What a version has answered, gathered while the log streams by: memory does not grow with the log."""

import hashlib
import random
from array import array
from collections.abc import Collection

from objectives.predictions.record import LoggedBox, PredictionRecord

LATENCIES_MOST = 100_000
SAMPLED_MOST = 4_000  # that two versions are compared on
HASH_BYTES_OF_NAME = 8


class Reservoir:
    """A random sample of numbers, each as likely to be in it as any other; the same numbers give the same sample."""

    def __init__(self, most: int = LATENCIES_MOST) -> None:
        """Keep so many at most."""
        self.values = array("d")
        self.seen = 0
        self._most, self._random = most, random.Random(0)

    def add(self, value: float) -> None:
        """Take a number."""
        self.seen += 1
        if len(self.values) < self._most:
            self.values.append(value)
        elif (at := int(self._random.random() * self.seen)) < self._most:
            self.values[at] = value


class ImageSample:
    """Boxes of a sample of images: those of the least hashes, so that two versions' samples hold the same images."""

    def __init__(self, most: int = SAMPLED_MOST) -> None:
        """Keep so many images at most."""
        self.limit = 1 << (8 * HASH_BYTES_OF_NAME)
        self._most = most
        self._kept: dict[str, tuple[int, tuple[LoggedBox, ...]]] = {}

    def add(self, image: str, boxes: tuple[LoggedBox, ...]) -> None:
        """Take an answer; of several of one image the last one stays."""
        at = _hash(image)
        if at < self.limit:
            self._kept[image] = at, boxes
            if len(self._kept) > 2 * self._most:
                self.limit = sorted(one for one, _ in self._kept.values())[self._most]
                self._kept = {name: one for name, one in self._kept.items() if one[0] < self.limit}

    def with_other(self, other: "ImageSample") -> list[tuple[tuple[LoggedBox, ...], tuple[LoggedBox, ...]]]:
        """Return the boxes of both, of images that both have answered."""
        return [(boxes, other._kept[name][1]) for name, (_, boxes) in self._kept.items() if name in other._kept]


class Answers:
    """The answers of one version.

    Attributes:
        count: of all.
        failed: of these.
        latencies_ms: sample of those that were logged.
        images: sample of images with boxes.
        labelled: boxes of images that have labels, the last answer of each, by the image's name in the log.
    """

    def __init__(self, labelled: Collection[str]) -> None:
        """Gather; `labelled` are the names of images that have labels."""
        self.count = self.failed = 0
        self.latencies_ms = Reservoir()
        self.images = ImageSample()
        self.labelled: dict[str, tuple[LoggedBox, ...]] = {}
        self._with_labels = labelled

    def add(self, record: PredictionRecord) -> None:
        """Take an answer; one that failed counts as such, and is in no other figure."""
        self.count += 1
        if record.error:
            self.failed += 1
            return
        if record.latency_ms is not None:
            self.latencies_ms.add(record.latency_ms)
        self.images.add(record.image, record.boxes)
        if record.image in self._with_labels:
            self.labelled[record.image] = record.boxes


def _hash(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=HASH_BYTES_OF_NAME).digest()
    return int.from_bytes(digest, "big")
