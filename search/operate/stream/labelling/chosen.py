"""Which images a round hands over, and what its champion finds on them: fixed once, in a file of the round."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from objectives.machine.files import write_text


@dataclass(frozen=True)
class PreBox:
    """A box that the champion finds: class, score, and left, top, width, height in pixels, inside the image."""

    label: str
    score: float
    box_xywh: tuple[float, float, float, float]


@dataclass(frozen=True)
class AskedImage:
    """An image to label.

    Attributes:
        sha256: of the file as it arrived.
        kept: its file, relative to the pipeline's folder.
        width_px, height_px: its size.
        uncertainty: of the champion, 0 to 1.
        disagreement: of champion and challenger in the logs, 0 to 1.
        novelty: distance to the nearest image that is labelled or chosen before; 1 is the mean of two images.
        boxes: what the champion finds at its deployed confidence.
        random: whether it was picked by chance, as a sample of the stream.
    """

    sha256: str
    kept: str
    width_px: int
    height_px: int
    uncertainty: float
    disagreement: float
    novelty: float
    boxes: tuple[PreBox, ...]
    random: bool

    @property
    def name(self) -> str:
        """Name of its file in the hand-over, by which its labels find back."""
        return Path(self.kept).name


@dataclass(frozen=True)
class AskedImages:
    """What a round hands over.

    Attributes:
        images: the most useful first.
        classes: that the tool is to offer.
        classes_unsure: class -> images on which the champion is unsure of one.
        notes: lines about what could not be looked at.
    """

    images: tuple[AskedImage, ...]
    classes: tuple[str, ...]
    classes_unsure: dict[str, int]
    notes: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Write it, whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(asdict(self), ensure_ascii=False))


def read_asked(path: Path) -> AskedImages | None:
    """Return what a round hands over; None before it has chosen."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    images = tuple(_image(entry) for entry in values["images"])
    return AskedImages(images, tuple(values["classes"]), values["classes_unsure"], tuple(values["notes"]))


def _image(entry: dict[str, Any]) -> AskedImage:
    boxes = tuple(PreBox(box["label"], box["score"], tuple(box["box_xywh"])) for box in entry.pop("boxes"))
    return AskedImage(**entry, boxes=boxes)
