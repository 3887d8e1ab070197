"""Images of the stream, one row each, by the hash of their bytes: none is lost, none is there twice."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

BRIGHTNESS_MIN = 0.03  # of 1: nearly black
CONTRAST_MIN = 0.02  # of 0.5: of one colour but for noise


class ImageStatus(StrEnum):
    """What has become of an image."""

    NEW = "new"
    ASKED = "asked"  # handed over by the round under way, to be labelled; new again when it ends without
    LABELLED = "labelled"
    LEFT_OUT = "left out"  # a near-duplicate of one that came before; it stays known by its hash


@dataclass(frozen=True)
class StreamImage:
    """An image of the stream.

    Attributes:
        sha256: of the file as it arrived.
        path: where it arrived, relative to the stream's folder, with slashes.
        kept: file that is kept of it, relative to the pipeline's folder; empty for one that was left out.
        at: when it was taken, in UTC.
        group: never split over training and validation.
        width_px, height_px: as decoded, EXIF turn applied.
        hash64: by which near-duplicates are found; 16 hexadecimal digits.
        figures: of the image alone, for drift (objectives.drift.figures.ImageFigures.to_json), or None.
        status: see ImageStatus.
        round: in which it was handed over last, or labelled; None for neither.
        why: it was left out; empty if it was not.
        split: "train" or "recent", once it is labelled; empty before.
    """

    sha256: str
    path: str
    kept: str
    at: datetime
    group: str
    width_px: int
    height_px: int
    hash64: str
    figures: dict[str, float] | None
    status: ImageStatus
    round: int | None = None
    why: str = ""
    split: str = ""


def has_content(image: StreamImage) -> bool:
    """Return whether anything can be seen; an image whose figures are not known is taken to have some."""
    figures = image.figures
    if figures is None:
        return True
    return figures["brightness"] >= BRIGHTNESS_MIN and figures["contrast"] >= CONTRAST_MIN
