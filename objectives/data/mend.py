"""Raw entries to a data set that can be trained on: what is safe to mend is mended, and every repair is a finding."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from objectives.data.dataset import GIVEN, Dataset, LabelledImage, finish, make_noted_image
from objectives.data.files.folder import shown
from objectives.data.findings import Findings, printable
from objectives.data.frame import Boxes, Claim, Header, settle
from objectives.data.pictures.picture import Picture
from objectives.data.raw import RawImage, RawSet
from objectives.data.splits.splitting import Splitting
from spaces.errors import DataError

FILE_EACH = frozenset({"voc", "labelme"})  # formats with an annotation file for each picture


def mend(raw: RawSet, name: str, pictures: Mapping[Path, Picture], how: Splitting = GIVEN) -> Dataset:
    """Return the data set of a reading.

    Images that are not there, or that the trainer could not take, are left out; boxes are brought into the frame of the
    decoded picture, clipped to it, and dropped where they have no area or are there twice; entries of one picture are
    put together.

    Args:
        raw: the reading; it is not changed.
        name: name for people.
        pictures: what each image file holds.
        how: how images come to their splits.

    Raises:
        DataError: nothing is left to train or score on, or an annotation file was not made for its pictures.
    """
    findings = Findings()
    findings.extend(raw.findings)
    headers = _headers(raw, findings, pictures)
    there = [image for image in raw.images if image.path in headers]
    if raw.images and not there:
        raise DataError(_none_there(raw))
    splits: dict[str, list[LabelledImage]] = {}
    for split, pieces in _together(there, _settled(raw, there, headers, findings)).items():
        splits[split] = [_image(path, headers[path], found, findings) for path, found in pieces.items()]
    return finish(name, raw.root, raw.classes, splits, findings, pictures, how)


Piece = tuple[RawImage, Boxes]  # an entry, and its boxes in pixels of the decoded picture


def _headers(raw: RawSet, findings: Findings, pictures: Mapping[Path, Picture]) -> dict[Path, Header]:
    headers: dict[Path, Header] = {}
    for path in dict.fromkeys(image.path for image in raw.images):
        picture = pictures[path]
        if picture.problem is not None:
            findings.add(picture.problem, shown(path, raw.root))
        elif picture.header is not None:
            headers[path] = picture.header
    return headers


def _none_there(raw: RawSet) -> str:
    first = raw.images[0].path
    source = raw.images[0].source or raw.root
    name, place = printable(first.name)[:200], printable(str(first.parent))[:200]
    return (
        f"data.root: none of the {len(raw.images)} images of '{source}' is there and can be read; image '{name}' was "
        f"expected in '{place}'; restore the files, or name the folder that holds them"
    )


def _settled(
    raw: RawSet, there: Sequence[RawImage], headers: Mapping[Path, Header], findings: Findings
) -> list[Boxes | None]:
    """Return the boxes of each entry in the frame of its picture; None for an entry that is left out."""
    by_export: dict[object, list[int]] = {}
    file_each = raw.format in FILE_EACH
    for i, image in enumerate(there):
        by_export.setdefault(None if file_each or image.relative else image.source, []).append(i)
    settled: list[Boxes | None] = [None] * len(there)
    for indices in by_export.values():
        claims = [_claim(there[i], headers[there[i].path]) for i in indices]
        source = there[indices[0]].source or raw.root
        for i, boxes in zip(indices, settle(claims, source, findings, file_each=file_each), strict=True):
            settled[i] = boxes
    return settled


def _claim(image: RawImage, header: Header) -> Claim:
    if not image.relative:
        return Claim(image.path, header, image.claimed_px, image.boxes)
    return Claim(image.path, header, None, image.boxes * (*header.shown_px, *header.shown_px))


def _together(there: Sequence[RawImage], settled: Iterable[Boxes | None]) -> dict[str, dict[Path, list[Piece]]]:
    """Return entries by split and picture, in their order; what has no split is for training."""
    splits: dict[str, dict[Path, list[Piece]]] = {}
    for image, boxes in zip(there, settled, strict=True):
        if boxes is not None:
            splits.setdefault(image.split or "train", {}).setdefault(image.path, []).append((image, boxes))
    return splits


def _image(path: Path, header: Header, pieces: list[Piece], findings: Findings) -> LabelledImage:
    if len(pieces) > 1:
        findings.add("images.joined", path.name, len(pieces) - 1)
    boxes = np.vstack([boxes for _, boxes in pieces])
    classes = np.concatenate([image.classes for image, _ in pieces])
    return make_noted_image(path, header.shown_px, boxes, classes.tolist(), findings)


def joined(sets: Sequence[RawSet], root: Path) -> RawSet:
    """Return several readings as one: classes go by name, images in the order of the readings."""
    if len(sets) == 1:
        return sets[0]
    classes = tuple(dict.fromkeys(name for raw in sets for name in raw.classes))
    index = {name: i for i, name in enumerate(classes)}
    images: list[RawImage] = []
    findings = Findings()
    for raw in sets:
        own = np.array([index[name] for name in raw.classes], dtype=np.int64)
        images += [replace(image, classes=own[image.classes]) if len(own) else image for image in raw.images]
        findings.extend(raw.findings)
    formats = "+".join(dict.fromkeys(raw.format for raw in sets))
    return RawSet(root, formats, classes, tuple(images), findings.made())
