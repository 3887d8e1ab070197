"""What an image file holds: one record a file, made once and kept in the index."""

from dataclasses import dataclass
from pathlib import Path

from objectives.data.codes import CODES
from objectives.data.frame import Header

LOOKS_BITS = 64


@dataclass(frozen=True)
class Picture:
    """What an image file holds.

    Attributes:
        path: the file.
        header: stored size and EXIF turn; None if the file is unreadable.
        content: sha256 of the file's bytes, 64 hexadecimal digits; empty if the bytes cannot be read.
        looks: perceptual hash of LOOKS_BITS bits; None if the picture cannot be decoded.
        mode: Pillow's ("RGB", "L", "I;16", "CMYK", ...); empty if the file is unreadable.
        frames: how many pictures the file holds; the first is the one that is trained on and scored.
        problem: a key of CODES ("images.truncated"); None if the picture can be trained on.
    """

    path: Path
    header: Header | None
    content: str
    looks: int | None
    mode: str = ""
    frames: int = 1
    problem: str | None = None

    def __post_init__(self) -> None:
        if self.problem is not None and self.problem not in CODES:
            raise ValueError(f"a picture's problem must be a known code, got {self.problem}")
        if self.looks is not None and not 0 <= self.looks < 1 << LOOKS_BITS:
            raise ValueError(f"a perceptual hash has {LOOKS_BITS} bits, got {self.looks}")
