"""What checks look at: every image with its split, its file, and its boxes in pixels of the picture as shown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.check.spots import Mark, Spot
from objectives.data.dataset import SPLITS, Dataset
from objectives.data.files.folder import shown
from objectives.data.findings import Findings
from objectives.data.frame import Claim, settle
from objectives.data.mend import FILE_EACH
from objectives.data.pictures.picture import Picture
from objectives.data.raw import RawImage, RawSet


@dataclass(frozen=True, eq=False)
class CheckedImage:
    """One image of one split.

    Attributes:
        path: the image file.
        split: the split that it is used in; None if it is left out.
        size_px: width and height of the picture as shown; None if it cannot be read.
        boxes: (n, 4) left, top, width, height in pixels of the picture as shown, as annotated: not clipped.
        classes: (n,) indices into the classes of the subject.
        source: the annotation file; None where there is none.
        picture: what the file holds; None where that was not looked at.
    """

    path: Path
    split: str | None
    size_px: tuple[int, int] | None
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    source: Path | None = None
    picture: Picture | None = None


@dataclass(frozen=True, eq=False)
class BoxTable:
    """All boxes of the pictures that can be read, a row a box.

    Attributes:
        entry: (n,) index of the entry.
        index: (n,) index of the box within its entry.
        xywh: (n, 4) left, top, width, height in pixels.
        classes: (n,) class indices.
        size_px: (n, 2) width and height of the picture.
    """

    entry: NDArray[np.int64]
    index: NDArray[np.int64]
    xywh: NDArray[np.float64]
    classes: NDArray[np.int64]
    size_px: NDArray[np.float64]

    def where(self, kept: NDArray[np.bool_]) -> "BoxTable":
        """Return some of the boxes."""
        return BoxTable(self.entry[kept], self.index[kept], self.xywh[kept], self.classes[kept], self.size_px[kept])

    @cached_property
    def is_usable(self) -> NDArray[np.bool_]:
        """(n,) whether a box has at least a pixel each way inside its picture: what the reader keeps."""
        ends = np.minimum(self.xywh[:, :2] + self.xywh[:, 2:], self.size_px)
        sides = ends - np.maximum(self.xywh[:, :2], 0)
        return np.asarray(np.isfinite(sides).all(axis=1) & (sides >= 1).all(axis=1))


@dataclass(frozen=True, eq=False)
class Subject:
    """A data set to be checked.

    Attributes:
        root: its folder.
        classes: class names by index.
        entries: its images.
        sizes_px: input sizes that are searched, the smallest and the largest; empty if none are known.
        group: finds in a path what must not be in two splits (a scene, a camera, a day); None if not known.
    """

    root: Path
    classes: tuple[str, ...]
    entries: tuple[CheckedImage, ...]
    sizes_px: tuple[int, ...] = ()
    group: re.Pattern[str] | None = None

    def place(self, path: Path) -> str:
        """Return a path as people read it: relative to the root where it lies below."""
        return shown(path, self.root)

    def of(self, split: str) -> list[CheckedImage]:
        """Return the entries of a split."""
        return [entry for entry in self.entries if entry.split == split]

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Splits that have images."""
        there = {entry.split for entry in self.entries}
        return tuple(split for split in SPLITS if split in there)

    @cached_property
    def boxes(self) -> BoxTable:
        """All boxes of readable pictures."""
        readable = [(i, e) for i, e in enumerate(self.entries) if e.size_px is not None and len(e.classes)]
        if not readable:
            none = np.zeros(0, dtype=np.int64)
            return BoxTable(none, none, np.zeros((0, 4)), none, np.zeros((0, 2)))
        counts = [len(entry.classes) for _, entry in readable]
        sizes = np.array([entry.size_px for _, entry in readable], dtype=np.float64)
        return BoxTable(
            entry=np.repeat([i for i, _ in readable], counts),
            index=np.concatenate([np.arange(count) for count in counts]),
            xywh=np.concatenate([entry.boxes for _, entry in readable]),
            classes=np.concatenate([entry.classes for _, entry in readable]),
            size_px=np.repeat(sizes, counts, axis=0),
        )

    @cached_property
    def counts(self) -> Mapping[str, NDArray[np.int64]]:
        """Usable boxes of each class, by split."""
        boxes = self.boxes.where(self.boxes.is_usable)
        split_of = np.array([SPLITS.index(e.split) if e.split in SPLITS else -1 for e in self.entries], dtype=np.int64)
        found = split_of[boxes.entry] if len(boxes.entry) else np.zeros(0, dtype=np.int64)
        return {
            split: np.bincount(boxes.classes[found == SPLITS.index(split)], minlength=len(self.classes))
            for split in self.splits
        }

    def spots(self, code: str, boxes: BoxTable, words: str = "") -> Iterable[Spot]:
        """Yield a spot an image for boxes of a kind; `words` follow the first box in the example."""
        starts = np.flatnonzero(np.diff(boxes.entry, prepend=-1))
        for start, end in pairwise([*starts.tolist(), *([len(boxes.entry)] if len(starts) else [])]):
            entry, indices = self.entries[boxes.entry[start]], boxes.index[start:end].tolist()
            yield self.spot(code, entry, indices, words)

    def spot(self, code: str, entry: CheckedImage, indices: Sequence[int], words: str = "") -> Spot:
        """Return the spot of some boxes of an image, in words of the first of them."""
        left, top, width, height = entry.boxes[indices[0]].tolist()
        box = f"{self.classes[entry.classes[indices[0]]]} of {width:.4g} x {height:.4g} px at {left:.4g}, {top:.4g}"
        more = f" and {len(indices) - 1} more" if len(indices) > 1 else ""
        mark = Mark(entry.path, entry.split, tuple(indices))
        return Spot(code, f"{self.place(entry.path)}: {box}{words}{more}", len(indices), (mark,))


def pair(
    subject: Subject, code: str, first: CheckedImage, second: CheckedImage, count: int = 1, words: str = ""
) -> Spot:
    """Return the spot of two images that should not both be there."""
    text = f"{subject.place(first.path)} = {subject.place(second.path)}{words}"
    return Spot(code, text, count, (Mark(first.path, first.split), Mark(second.path, second.split)))


def subject_of(
    raw: RawSet,
    dataset: Dataset,
    pictures: Mapping[Path, Picture],
    sizes_px: tuple[int, ...] = (),
    group: re.Pattern[str] | None = None,
) -> Subject:
    """Return the subject of raw entries: boxes as annotated, in the frames of the pictures.

    Args:
        raw: what the files hold.
        dataset: the same, mended; names the splits where the files do not.
        pictures: what the image files hold; those that are missing cannot be read.
        sizes_px: input sizes that are searched.
        group: finds in a path what must not be in two splits.
    """
    assigned: dict[Path, list[str]] = {}
    for split, images in dataset.splits.items():
        for image in images:
            assigned.setdefault(image.path, []).append(split)
    boxes = _settled(raw, pictures)
    entries = [
        CheckedImage(
            path=image.path,
            split=_split(image, assigned.get(image.path, [])),
            size_px=_size_px(pictures.get(image.path)),
            boxes=boxes[i],
            classes=image.classes,
            source=image.source,
            picture=pictures.get(image.path),
        )
        for i, image in enumerate(raw.images)
    ]
    return Subject(dataset.root, raw.classes, _joined(entries), sizes_px, group)


def _joined(entries: Iterable[CheckedImage]) -> tuple[CheckedImage, ...]:
    """Return entries of which those of one picture and split are one, as they are trained on."""
    found: dict[tuple[Path, str | None], CheckedImage] = {}
    for entry in entries:
        first = found.setdefault((entry.path, entry.split), entry)
        if first is not entry:
            boxes, classes = np.vstack([first.boxes, entry.boxes]), np.concatenate([first.classes, entry.classes])
            found[entry.path, entry.split] = replace(first, boxes=boxes, classes=classes)
    return tuple(found.values())


def _split(image: RawImage, used_in: list[str]) -> str | None:
    """Return the split that an entry is used in: its own, or the one that was made; None if it is left out."""
    return image.split if image.split in used_in else used_in[0] if used_in else None


def quick_subject(dataset: Dataset, group: re.Pattern[str] | None = None) -> Subject:
    """Return the subject of a data set as it is trained on, with what the index of its pictures knows."""
    pictures = dataset.pictures
    entries = [
        CheckedImage(
            image.path,
            split,
            (image.width_px, image.height_px),
            image.boxes_xywh,
            image.classes,
            picture=pictures.get(image.path),
        )
        for split, images in dataset.splits.items()
        for image in images
    ]
    return Subject(dataset.root, dataset.classes, tuple(entries), group=group)


def _size_px(picture: Picture | None) -> tuple[int, int] | None:
    return picture.header.shown_px if picture is not None and picture.header is not None else None


def _settled(raw: RawSet, pictures: Mapping[Path, Picture]) -> list[NDArray[np.float64]]:
    """Return the boxes of each raw entry in pixels of its picture as shown; as written where it cannot be read."""
    boxes = [image.boxes for image in raw.images]
    by_export: dict[Path | None, list[tuple[int, Claim]]] = {}
    file_each = raw.format in FILE_EACH
    for i, image in enumerate(raw.images):
        picture = pictures.get(image.path)
        if picture is None or picture.header is None:
            continue
        if image.relative:
            boxes[i] = image.boxes * np.array([*picture.header.shown_px] * 2)
        else:
            claim = Claim(image.path, picture.header, image.claimed_px, image.boxes)
            by_export.setdefault(None if file_each else image.source, []).append((i, claim))
    for claims in by_export.values():
        settled = settle([claim for _, claim in claims], raw.root, Findings(), file_each=True)
        for (i, _), found in zip(claims, settled, strict=True):
            if found is not None:  # else of another shape than the file says
                boxes[i] = found
    return boxes
