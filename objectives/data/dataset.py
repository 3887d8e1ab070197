"""A detection data set in memory: images with boxes, by split, and its fingerprint."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.data.class_names import add_case, check_unique
from objectives.data.codes import CODES, Severity
from objectives.data.dvc import dvc_hashes
from objectives.data.findings import Finding, Findings
from objectives.data.pictures.index import index_file, look
from objectives.data.pictures.picture import Picture
from objectives.data.splits.splitting import Splitting
from spaces.errors import DataError

SPLITS = ("train", "val", "test")
SPLIT_ALIASES = {"valid": "val", "validation": "val", "dev": "val", "training": "train", "testing": "test"}
LABEL_STEP = 1e-6  # of a side: the last digit of the trainer's labels; boxes that differ less are one to the trainer
CONTENTS = "contents-"  # begins a fingerprint; those of an older automl were of file sizes
GIVEN = Splitting()
OUTSIDE_PX = 0.5  # beyond an edge: less is rounding


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One image and its boxes.

    Attributes:
        path: image file.
        width_px: width as decoded.
        height_px: height as decoded.
        boxes_xywh: (n, 4) left, top, width, height in pixels, inside the image.
        classes: (n,) class indices.
    """

    path: Path
    width_px: int
    height_px: int
    boxes_xywh: NDArray[np.float64]
    classes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images by split.

    Attributes:
        name: short name, for people.
        root: folder it was read from.
        classes: class names by index.
        splits: "train" and "val", and "test" where there is one.
        findings: what was mended, left out or assumed while reading.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    splits: Mapping[str, tuple[LabelledImage, ...]]
    findings: tuple[Finding, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The findings for people, one line each."""
        return tuple(finding.line for finding in self.findings)

    @cached_property
    def pictures(self) -> Mapping[Path, Picture]:
        """What each image file holds, from the index of pictures."""
        return look([image.path for images in self.splits.values() for image in images], index_file(self.root))

    @cached_property
    def contents(self) -> Mapping[Path, str]:
        """Sha256 of each image file, as 64 hexadecimal digits, from the index of pictures.

        Raises:
            DataError: a file is gone, or cannot be read.
        """
        lost = [path for path, picture in self.pictures.items() if not picture.content]
        if lost:
            raise DataError(f"data.root: {len(lost)} images cannot be read; mend or remove '{lost[0]}'")
        return {path: picture.content for path, picture in self.pictures.items()}

    @cached_property
    def fingerprint(self) -> str:
        """CONTENTS and sixteen hexadecimal digits over class names, and of each split its images' bytes and boxes.

        The order of files, images and boxes does not count, nor do the names of files and where they lie.
        """
        digest = hashlib.sha256(repr(self.classes).encode())
        for split, images in sorted(self.splits.items()):
            digest.update(f"{split}/{len(images)}".encode())
            for part in sorted(_digest(image, self.contents[image.path]) for image in images):
                digest.update(part)
        return f"{CONTENTS}{digest.hexdigest()[:16]}"

    @cached_property
    def fingerprint_by_sizes(self) -> str:
        """Fingerprint of an older automl, in which the sizes of files stood for their contents."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for split, images in sorted(self.splits.items()):
            for image in images:
                digest.update(f"{split}/{image.path.name}/{image.path.stat().st_size}".encode())
                digest.update(image.boxes_xywh.round(2).tobytes() + image.classes.tobytes())
        return digest.hexdigest()[:16]

    def is_meant_by(self, fingerprint: str) -> bool:
        """Whether a fingerprint that was stored, perhaps by an older automl, is this data set's."""
        return fingerprint == (self.fingerprint if fingerprint.startswith(CONTENTS) else self.fingerprint_by_sizes)

    def to_json(self) -> dict[str, Any]:
        """Return the data card: classes, images and boxes by split and class, notes; DVC's hashes if it has any."""
        dvc = dvc_hashes(self.root)
        return {
            "name": self.name,
            "root": str(self.root),
            "classes": list(self.classes),
            "splits": {split: self._counts(images) for split, images in self.splits.items()},
            "notes": list(self.notes),
            **({"dvc": dvc} if dvc else {}),
        }

    def _counts(self, images: Iterable[LabelledImage]) -> dict[str, Any]:
        labels = [image.classes for image in images]
        counts = np.bincount(np.concatenate([*labels, np.zeros(0, np.int64)]), minlength=len(self.classes))
        return {
            "images": len(labels),
            "background": sum(not len(found) for found in labels),
            "boxes": int(counts.sum()),
            "per_class": dict(zip(self.classes, counts.tolist(), strict=True)),
        }


def _digest(image: LabelledImage, content: str) -> bytes:
    """Return a digest over the bytes of an image file and its boxes, to a hundredth of a pixel, in any order."""
    rows = np.column_stack([image.classes, image.boxes_xywh.round(2) + 0.0])  # no negative zero
    rows = rows[np.lexsort(rows.T[::-1])]
    return hashlib.sha256(content.encode() + rows.tobytes()).digest()


def make_image(
    path: Path, size_px: tuple[int, int], boxes_xywh: Iterable[Iterable[float]], classes: Iterable[int]
) -> tuple[LabelledImage, int]:
    """Clip boxes to the image, drop those without area, and return the image and the number dropped.

    Args:
        path: image file.
        size_px: width and height.
        boxes_xywh: left, top, width, height in pixels.
        classes: class index of each box.
    """
    clipped, kept = _clipped(np.array([list(b) for b in boxes_xywh], dtype=np.float64).reshape(-1, 4), size_px)
    labels = np.array(list(classes), dtype=np.int64)
    return LabelledImage(path, *size_px, clipped[kept], labels[kept]), int((~kept).sum())


def _clipped(boxes: NDArray[np.float64], size_px: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return boxes clipped to the image, and which have at least a pixel each way then."""
    left_top = np.clip(boxes[:, :2], 0, size_px)
    right_bottom = np.clip(boxes[:, :2] + boxes[:, 2:], 0, size_px)
    clipped = np.hstack([left_top, right_bottom - left_top])
    kept: NDArray[np.bool_] = np.all(np.isfinite(clipped), axis=1) & np.all(clipped[:, 2:] >= 1, axis=1)
    return clipped, kept


def drop_repeats(image: LabelledImage) -> tuple[LabelledImage, int]:
    """Keep the first of boxes with one class and place, as Ultralytics does, and return the number dropped."""
    size = (image.width_px, image.height_px)
    left_top, sides = image.boxes_xywh[:, :2], image.boxes_xywh[:, 2:]
    places = np.rint(np.hstack([(left_top + sides / 2) / size, sides / size]) / LABEL_STEP)
    first: dict[tuple[float, ...], int] = {}
    for i, row in enumerate(zip(image.classes.tolist(), *places.T.tolist(), strict=True)):
        first.setdefault(row, i)
    kept = list(first.values())
    dropped = len(image.classes) - len(kept)
    return (
        replace(image, boxes_xywh=image.boxes_xywh[kept], classes=image.classes[kept]) if dropped else image
    ), dropped


def make_noted_image(
    path: Path,
    size_px: tuple[int, int],
    boxes_xywh: Iterable[Iterable[float]],
    classes: Iterable[int],
    findings: Findings,
) -> LabelledImage:
    """Clip boxes to the image; drop those without area and those that are there twice; each of these is a finding.

    Args:
        path: image file.
        size_px: width and height.
        boxes_xywh: left, top, width, height in pixels.
        classes: class index of each box.
        findings: takes what is found.
    """
    boxes = np.array([list(b) for b in boxes_xywh], dtype=np.float64).reshape(-1, 4)
    image, without_area = make_image(path, size_px, boxes, classes)
    image, repeated = drop_repeats(image)
    clipped, kept = _clipped(boxes, size_px)
    outside = int((np.abs(clipped - boxes)[kept] > OUTSIDE_PX).any(axis=1).sum())
    for code, count in (("outside", outside), ("no_size", without_area), ("duplicate_box", repeated)):
        if count:
            findings.add(f"labels.{code}", path.name, count)
    return image


def finish(
    name: str,
    root: Path,
    classes: tuple[str, ...],
    splits: Mapping[str, list[LabelledImage]],
    findings: Findings,
    pictures: Mapping[Path, Picture],
    how: Splitting = GIVEN,
) -> Dataset:
    """Check what a reader found, drop classes without boxes, and arrange the splits.

    Args:
        name: for people.
        root: folder of the data set.
        classes: names by index.
        splits: images as the files give them.
        findings: takes what is found.
        pictures: what each image file holds.
        how: how images come to their splits.

    Raises:
        DataError: no image, no box, no training image, or two classes of one name.
    """
    from objectives.data.splits.arrange import arranged  # scipy: for who reads a data set, not for who shows a study

    found = {split: tuple(images) for split, images in splits.items() if images}
    if not any(len(i.classes) for images in found.values() for i in images):
        images = sum(map(len, found.values()))
        raise DataError(
            f"data.root: '{root}' holds {images} images and no box; label some, or name another folder{_met(findings)}"
        )
    if "test" in found and not any(len(i.classes) for i in found["test"]):
        findings.add("splits.unlabelled", count=len(found.pop("test")))
    found = arranged(found, classes, pictures, root, how, findings)
    if not any(len(i.classes) for i in found.get("train", ())):
        raise DataError(
            f"data.root: '{root}' has no labelled training image; expected a split named train{_met(findings)}"
        )
    if not any(len(i.classes) for i in found["val"]):
        raise DataError(
            f"data.root: '{root}' has no box in its validation split; nothing could be scored{_met(findings)}"
        )
    dataset = _drop_unused(Dataset(name, root, classes, found), findings)
    check_unique(dataset.classes, root)
    add_case(dataset.classes, findings)
    return replace(dataset, findings=findings.made())


def _met(findings: Findings) -> str:
    """Return the worst of what was found, for an error that it may explain."""
    worst = [f for f in findings.made() if CODES[f.code].severity is not Severity.NOTE]
    return f"; found {max(worst, key=lambda f: f.count).line}" if worst else ""


def _drop_unused(dataset: Dataset, findings: Findings) -> Dataset:
    counts = np.zeros(len(dataset.classes), dtype=np.int64)
    for images in dataset.splits.values():
        for image in images:
            np.add.at(counts, image.classes, 1)
    used = np.flatnonzero(counts)
    if len(used) == len(counts):
        return dataset
    index = np.full(len(counts), -1)
    index[used] = np.arange(len(used))
    for i in np.flatnonzero(counts == 0):
        findings.add("classes.unused", dataset.classes[i])
    splits = {
        split: tuple(replace(image, classes=index[image.classes]) for image in images)
        for split, images in dataset.splits.items()
    }
    return replace(dataset, classes=tuple(dataset.classes[i] for i in used), splits=splits)
