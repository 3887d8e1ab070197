"""A data set as its files give it: nothing clipped, dropped or guessed, so that the check sees it all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.findings import Finding


@dataclass(frozen=True, eq=False)
class RawImage:
    """One image as an annotation file names it, and its boxes as written.

    Attributes:
        path: where the picture lies, or should lie: it may be missing.
        split: "train", "val" or "test"; None where the files give no split.
        claimed_px: width and height by the annotation file; None where it gives none.
        boxes: (n, 4) left, top, width, height; in pixels of the claimed frame, or as shares of the sides if `relative`.
        classes: (n,) indices into the classes of the set.
        relative: whether boxes are shares of the picture's sides.
        source: the annotation file; None where the picture has none (background, or forgotten).
    """

    path: Path
    split: str | None
    claimed_px: tuple[float, float] | None
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    relative: bool = False
    source: Path | None = None


@dataclass(frozen=True, eq=False)
class RawSet:
    """Images of one reading, as the files have them: a picture that two entries name is there twice.

    Attributes:
        root: folder it was read from.
        format: name of the format ("coco", "voc", ...).
        classes: class names by index, over all files: a class is its name, ids count within their own file.
        images: in the order of the files.
        findings: what the reader met and could not give as an entry: lines that are no box, ids of no class, ...
    """

    root: Path
    format: str
    classes: tuple[str, ...]
    images: tuple[RawImage, ...]
    findings: tuple[Finding, ...] = ()
