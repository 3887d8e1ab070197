"""YOLO text labels: with a data.yaml in its common shapes, a darknet .data file, or none."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from objectives.data.dataset import SPLIT_ALIASES, SPLITS
from objectives.data.files.folder import Folder, is_file, is_folder, is_picture, shown, walk
from objectives.data.files.split_names import set_folder
from objectives.data.files.text import number, peek, read_text
from objectives.data.files.yaml_names import yaml_pairs
from objectives.data.formats.contract import Gathered, Reading
from objectives.data.formats.yolo_card import NAME_FILES, Card, split_source
from objectives.data.formats.yolo_labels import LabelFiles
from objectives.data.raw import RawImage, RawSet
from spaces.errors import DataError

CARD_SUFFIXES = (".yaml", ".yml", ".data")
_CARD_LINE = re.compile(r"""^\s*["']?(names|nc|train|val|classes)["']?\s*[:=]""", re.MULTILINE)
_LABEL_LINE = re.compile(r"\s*\d+(\.0*)?(\s+[-+]?[\d.]+([eE][-+]?\d+)?){4,}\s*", re.ASCII)
_LOOKED_AT = 20  # label files of a folder, until one has a line
_SPLIT_KEYS = {*SPLITS, *SPLIT_ALIASES}
_LIKELIEST = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


# What lies there


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each data.yaml, or for each set of label files where there is none."""
    cards = [reading for path in folder.annotations(*CARD_SUFFIXES) if (reading := _card(folder, path))]
    if cards or folder.only:
        return sorted(cards, key=lambda reading: _likeliness(reading.files[0][1]))
    return list(_without_card(folder))


def _likeliness(path: Path) -> tuple[int, Path]:
    return (_LIKELIEST.index(path.name) if path.name in _LIKELIEST else len(_LIKELIEST)), path


def _card(folder: Folder, path: Path) -> Reading | None:
    """Return the reading of a data.yaml, with its problem if it looks like one and cannot be read."""
    what = f"a YOLO {path.name}" + (f" in {shown(path.parent, folder.root)}/" if path.parent != folder.root else "")
    reading = Reading(folder, path.parent, ((None, path),), what, part=path.stem)
    try:
        text = read_text(path)
        if path.suffix == ".data" or folder.only:
            return reading if folder.only or {"train", "names"} <= Card.read(path).keys else None
        card = Card(path, tuple(yaml_pairs(path, text)) if _CARD_LINE.search(text) else ())
    except DataError as error:
        is_meant = path.name in _LIKELIEST or folder.only or _CARD_LINE.search(_rough(path))
        return Reading(folder, path.parent, reading.files, what, str(error)) if is_meant else None
    if card.keys & {"backbone", "head"}:  # a network, which has an `nc` too
        return None
    has_splits = bool(card.texts("train") and {"nc", "val", "valid"} & card.keys)
    has_names = "names" in card.keys and (card.keys & _SPLIT_KEYS or any(_without_card(folder)))
    return reading if has_splits or has_names else None


def _rough(path: Path) -> str:
    try:
        return path.read_bytes()[:100_000].decode("utf-8", "replace")
    except OSError:
        return ""


def _without_card(folder: Folder) -> Iterator[Reading]:
    stems = {path.stem for path in folder.pictures}
    by_folder: dict[Path, list[Path]] = {}
    for path in folder.annotations(".txt"):
        if path.stem in stems and path.name not in NAME_FILES:
            by_folder.setdefault(path.parent, []).append(path)
    sets: dict[Path, list[Path]] = {}
    for place, paths in by_folder.items():
        if any(map(_looks_like_labels, paths[:_LOOKED_AT])):
            sets.setdefault(set_folder(place, folder.root), []).append(place)
    for base, places in sets.items():
        where = ", ".join(f"{shown(place, folder.root)}/" for place in places[:3])
        count = sum(len(by_folder[place]) for place in places)
        yield Reading(folder, base, (), f"{count} YOLO label files in {where}")


def _looks_like_labels(path: Path) -> bool:
    filled = [line for line in peek(path).splitlines()[:3] if line.strip()]
    return bool(filled) and all(map(_LABEL_LINE.fullmatch, filled))


# Reading


def read(reading: Reading) -> RawSet:
    """Read the data set that a data.yaml describes, or that pictures and label files make up.

    Raises:
        DataError: a training or validation split that it names is not there, or its names are unusable.
    """
    gathered = Gathered(reading)
    if reading.files:
        card = Card.read(reading.files[0][1])
        names = card.names(gathered.findings, lambda: _highest(reading, reading.folder.pictures))
        splits = dict(_card_splits(card, gathered))
    else:
        pictures = [path for path in reading.folder.pictures if path.is_relative_to(reading.base)]
        names = Card.names_beside(reading.base, gathered.findings, lambda: _highest(reading, pictures))
        splits = _split_by_folder(sorted(pictures), gathered)
        card = None
    labels = LabelFiles(reading, names, card.numbers_of_keypoints if card else 0, gathered)
    images = [image for split, paths in splits.items() for image in _images(split, paths, labels, gathered)]
    _record_orphans(reading, {image.source for image in images if image.source}, gathered)
    return RawSet(reading.base, "yolo", tuple(names.values()), tuple(images), gathered.findings.made())


def _card_splits(card: Card, gathered: Gathered) -> Iterator[tuple[str | None, list[Path]]]:
    named = card.splits()
    if not named:
        pictures = sorted(p for p in gathered.reading.folder.pictures if p.is_relative_to(card.path.parent))
        yield from _split_by_folder(pictures, gathered).items()
    for split, texts in named.items():
        files: list[Path] = []
        for text in texts:
            source = split_source(card, split, text, gathered)
            if source is not None:
                files += _files(card, split, source, gathered)
        unique = list(dict.fromkeys(files))
        if len(unique) < len(files):
            gathered.findings.add("images.listed_twice", count=len(files) - len(unique))
        yield split, unique


def _split_by_folder(pictures: Iterable[Path], gathered: Gathered) -> dict[str | None, list[Path]]:
    splits: dict[str | None, list[Path]] = {}
    for path in pictures:
        splits.setdefault(gathered.split(path), []).append(path)
    order = [*SPLITS, None]
    return dict(sorted(splits.items(), key=lambda item: order.index(item[0])))


def _files(card: Card, split: str, source: Path, gathered: Gathered) -> Iterable[Path]:
    """Return the images of a folder, or of a text file that lists them."""
    if is_folder(source):
        return sorted(path for path in walk(source, gathered.reading.folder.closed) if is_picture(path))
    if is_picture(source):
        return [source]
    bases = (source.parent, *card.roots)
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", read_text(source))]
    found = [gathered.picture(line, source, bases, split) for line in lines if line]
    return [path for path in found if path is not None]


def _images(split: str | None, paths: list[Path], labels: "LabelFiles", gathered: Gathered) -> Iterator[RawImage]:
    sources = {path: labels.of(path) for path in paths}
    unlabelled_test = split == "test" and not any(sources.values())
    for path, source in sources.items():
        if source is None and not unlabelled_test and is_file(path):
            labels.record_missing(path, split)
        lines = labels.boxes(source) if source else []
        if lines is not None:
            boxes = np.array([box for _, box in lines], dtype=np.float64).reshape(-1, 4)
            classes = np.array([index for index, _ in lines], dtype=np.int64)
            yield RawImage(path, split, None, boxes, classes, relative=True, source=source)


def _record_orphans(reading: Reading, used: set[Path], gathered: Gathered) -> None:
    """Record label files that lie among others and are no picture's."""
    places, stems = {path.parent for path in used}, {path.stem for path in reading.folder.pictures}
    for path in reading.folder.files if reading.folder.only is None else ():
        lies_there = path.suffix == ".txt" and path.parent in places and path.name not in NAME_FILES
        if lies_there and path not in used and path.stem not in stems and _looks_like_labels(path):
            gathered.findings.add("labels.orphan", gathered.place(path))


def _highest(reading: Reading, pictures: Iterable[Path]) -> int:
    """Return the highest class index of the label files, which must be named where nothing names them."""
    finder = LabelFiles(reading, {}, 0, Gathered(reading))
    highest = -1
    for path in pictures:
        source = finder.of(path)
        for line in finder.lines(source) or () if source else ():
            try:
                highest = max(highest, int(number(line.split(maxsplit=1)[0])))
            except ValueError:
                continue
    return highest
