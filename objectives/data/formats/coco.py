"""COCO detection JSON: classes by name, ids within their own file, boxes from polygons where there is no other."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from objectives.data.class_names import check_unique, clean_name
from objectives.data.files.folder import Folder, shown
from objectives.data.files.json_kinds import JsonKind, text_of
from objectives.data.files.split_names import set_folder, split_of, split_sets, variant
from objectives.data.files.text import number, read_json
from objectives.data.formats.contract import Gathered, Reading, around
from objectives.data.raw import RawImage, RawSet
from spaces.errors import DataError

Item = dict[str, Any]
Id = int | str | float  # of an image or category
OTHER_TASKS = re.compile(r"captions|keypoints|panoptic|stuff")
_FLAWS = (KeyError, TypeError, ValueError, AttributeError)  # of entries that are no COCO
_LISTS = ("images", "annotations", "categories")


# What lies there


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each set of JSON files: those of one folder that are for different splits are one set."""
    sets: dict[Path, list[Path]] = {}
    for path in sorted(folder.annotations(".json")):
        if folder.json_kinds[path] is JsonKind.COCO or (folder.only is None and _claims_to_be(path, folder)):
            sets.setdefault(set_folder(path.parent, folder.root), []).append(path)
    return [reading for base, paths in sets.items() for reading in _readings(folder, base, paths)]


def _claims_to_be(path: Path, folder: Folder) -> bool:
    """Whether a file that is no COCO has the name of one."""
    kind = folder.json_kinds[path]
    return kind in (JsonKind.BROKEN, JsonKind.OTHER) and bool(split_of(path.stem) or path.stem.startswith("_annot"))


def _readings(folder: Folder, base: Path, paths: list[Path]) -> Iterator[Reading]:
    coco = [path for path in paths if folder.json_kinds[path] is JsonKind.COCO]
    problem = _problem(folder, [path for path in paths if path not in coco], beside=bool(coco))
    if not coco:
        if problem:
            yield Reading(folder, base, (), f"{len(paths)} JSON", problem)
        return
    named = [path for path in coco if not OTHER_TASKS.search(path.stem)]
    aside = tuple(path for path in coco if named and path not in named)
    for files in [((None, coco[0]),)] if folder.only else split_sets(named or coco, folder.root):
        names = ", ".join(shown(path, folder.root) for _, path in files[:4]) + (", ..." if len(files) > 4 else "")
        part = files[0][1].stem if len(files) == 1 else variant(files[0][1])
        yield Reading(folder, base, files, f"COCO JSON: {names}", problem, aside, part)


def _problem(folder: Folder, paths: list[Path], beside: bool) -> str | None:
    """Return why files with the names of COCO files are none; beside others, only what is broken is a problem."""
    for path in paths:
        if folder.json_kinds[path] is JsonKind.BROKEN or not beside:
            try:
                _content(path, None)
            except DataError as error:
                return str(error)
    return None


# One file


@dataclass(frozen=True)
class _File:
    """One annotation file: its split, path, content, and class names by category id."""

    split: str | None
    path: Path
    content: dict[str, list[Item]]
    names: dict[Id, str]


def read(reading: Reading) -> RawSet:
    """Read annotation files, one a split; a category's id counts within its own file, its name over all of them.

    Raises:
        DataError: a file is no COCO, or its ids contradict each other.
    """
    gathered = Gathered(reading)
    files = [_load(split, path, gathered) for split, path in reading.files]
    classes = tuple(dict.fromkeys(name for file in files for name in file.names.values()))
    index = {name: i for i, name in enumerate(classes)}
    images = [image for file in files for image in _images(file, index, gathered)]
    return RawSet(reading.base, "coco", classes, tuple(images), gathered.findings.made())


def _content(path: Path, split: str | None) -> dict[str, list[Item]]:
    content = read_json(path)
    missing = set(_LISTS) - set(content if isinstance(content, dict) else ())
    if missing - ({"annotations", "categories"} if split == "test" else set()):
        raise DataError(f"data.root: '{path}' is not a COCO detection file: it lacks {', '.join(sorted(missing))}")
    for key in _LISTS:
        if not isinstance(content.setdefault(key, []), list):
            raise DataError(f"data.root: '{path}' is not a COCO detection file: its {key} are no list")
    return content  # type: ignore[no-any-return]  # lists, as was just checked


def _load(split: str | None, path: Path, gathered: Gathered) -> _File:
    content = _content(path, split)
    try:
        return _File(split, path, content, _categories(path, content, gathered))
    except _FLAWS as error:
        raise DataError(
            f"data.root: '{path}' holds an entry that is not COCO ({type(error).__name__}: {str(error)[:80]})"
        ) from None


def _id(value: Any) -> Id:
    """Return an id such that 7, 7.0 and "7" are one: some tools write ids as text in one place.

    Raises:
        TypeError: it is neither number nor text.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,30}", value, re.ASCII):
        return int(value)
    if not isinstance(value, int | float | str):
        raise TypeError(f"an id is a number or text, not {value!r:.60}")
    return value


def _id_or_none(entry: Any, key: str) -> Id | None:
    try:
        return _id(entry[key])
    except _FLAWS:
        return None


def _categories(path: Path, content: dict[str, list[Item]], gathered: Gathered) -> dict[Id, str]:
    """Return names by id; of categories with one name, only those with boxes.

    Roboflow writes the project's name as category 0, without boxes, which may be the name of a class too.
    """
    names: dict[Id, str] = {}
    for category in content["categories"]:
        key = _id(category["id"])
        name = clean_name(text_of(category.get("name")), f"category {key}", path, gathered.findings)
        if names.setdefault(key, name) != name:
            raise DataError(
                f"data.root: category {key} of '{path}' has two names, '{names[key]}' and '{name}'; "
                "give each its own id"
            )
    used = {_id_or_none(a, "category_id") for a in content["annotations"]}
    check_unique((name for key, name in names.items() if key in used), path)
    labelled = {name for key, name in names.items() if key in used}
    spare = [key for key, name in names.items() if key not in used and name in labelled]
    for key in spare:
        gathered.findings.add("classes.twice", names[key])
    return {key: name for key, name in names.items() if key not in spare}


# Images and their boxes


def _images(file: _File, index: dict[str, int], gathered: Gathered) -> Iterator[RawImage]:
    entries = _entries(file, gathered)
    bases = _bases(file, gathered.reading.base)
    annotations = _by_image(file, set(entries), gathered)
    for key, entry in entries.items():
        path = gathered.picture(entry["file_name"], file.path, bases, file.split)
        if path is None:
            continue
        boxes, labels = [], []
        for annotation in annotations.get(key, ()):
            if box := _box(annotation, gathered, file.path):
                boxes.append(box)
                labels.append(index[file.names[_id(annotation["category_id"])]])
        yield RawImage(
            path,
            file.split,
            _claimed_px(entry, gathered),
            np.array(boxes, dtype=np.float64).reshape(-1, 4),
            np.array(labels, dtype=np.int64),
            source=file.path,
        )


def _bases(file: _File, root: Path) -> tuple[Path, ...]:
    """Return the folders that file names may be relative to, likeliest first."""
    split = file.split
    if not split:
        return (file.path.parent, root / "images", root)
    alike = sorted(path for path in root.glob(f"{split}*") if path.is_dir())
    return (file.path.parent, root / "images", root / split, root / "images" / split, root, *alike)


def _entries(file: _File, gathered: Gathered) -> dict[Id, Item]:
    """Return image entries by id."""
    entries: dict[Id, Item] = {}
    for entry in file.content["images"]:
        key = _id_or_none(entry, "id")
        if key is None or not isinstance(entry.get("file_name"), str):
            gathered.findings.add("images.not_an_image", gathered.place(file.path, repr(entry)))
            continue
        first = entries.setdefault(key, entry)
        if first["file_name"] != entry["file_name"]:
            raise DataError(
                f"data.root: image id {entry['id']} of '{file.path}' has two files, '{first['file_name']}' and "
                f"'{entry['file_name']}'; give each its own id"
            )
        if first is not entry:
            gathered.findings.add("images.listed_twice", entry["file_name"])
    return entries


def _by_image(file: _File, images: set[Id], gathered: Gathered) -> dict[Id, list[Item]]:
    found: dict[Id, list[Item]] = {}
    for annotation in file.content["annotations"]:
        key = _id_or_none(annotation, "image_id")
        place = gathered.place(file.path, f"annotation {annotation.get('id')}" if key is not None else repr(annotation))
        if key not in images or key is None:
            gathered.findings.add("labels.no_image", place)
        elif annotation.get("iscrowd") not in (None, 0, "0", ""):
            gathered.findings.add("labels.crowd", place)
        elif _id_or_none(annotation, "category_id") not in file.names:
            gathered.findings.add("labels.unknown_class", f"{place}: category {annotation.get('category_id')!r:.40}")
        else:
            found.setdefault(key, []).append(annotation)
    return found


def _box(annotation: Item, gathered: Gathered, path: Path) -> tuple[float, ...] | None:
    """Return left, top, width, height; None, and a finding, if there is none."""
    try:
        if annotation.get("bbox") not in (None, []):
            box = tuple(number(value) for value in annotation["bbox"])
            if len(box) != 4:
                raise ValueError(f"a bbox has 4 numbers, not {len(box)}")
            return box
        points = [point for polygon in annotation["segmentation"] for point in _points(polygon)]
        found = around(points)
    except _FLAWS:
        gathered.findings.add("labels.not_a_box", gathered.place(path, f"annotation {annotation.get('id')!r:.40}"))
        return None
    gathered.findings.add("labels.polygon", gathered.place(path, f"annotation {annotation.get('id')!r:.40}"))
    return found


def _points(polygon: Iterable[Any]) -> list[tuple[float, float]]:
    numbers = [number(value) for value in polygon]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _claimed_px(entry: Item, gathered: Gathered) -> tuple[float, float] | None:
    """Return width and height as the JSON gives them, or None."""
    if entry.get("width") is None and entry.get("height") is None:
        return None
    try:
        width, height = number(entry["width"]), number(entry["height"])
    except _FLAWS:
        width = height = 0.0
    if not (width >= 1 and height >= 1):
        gathered.findings.add("images.bad_size", str(entry["file_name"])[:80])
        return None
    return width, height
