"""Reader of COCO detection JSON: classes by name, boxes in the frame of the decoded picture."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from objectives.data.class_names import check_unique, clean_name
from objectives.data.dataset import SPLIT_ALIASES, SPLITS, Dataset, LabelledImage, finish, make_noted_image
from objectives.data.frame import Boxes, Claim, Size, read_header, settle
from spaces.errors import DataError

Entry = dict[str, Any]
Id = Any  # of an image or category: a number or a text
_FLAWS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # of entries that are no COCO


@dataclass(frozen=True)
class _File:
    """One annotation file: its path, content, and class names by category id."""

    path: Path
    content: dict[str, list[Entry]]
    names: dict[Id, str]


def find_jsons(root: Path) -> dict[str, Path]:
    """Return split to annotation file."""
    if root.is_file():
        return {"train": root} if root.suffix == ".json" else {}
    found: dict[str, Path] = {}
    for path in sorted([*root.glob("*.json"), *root.glob("annotations/*.json"), *root.glob("*/*.coco.json")]):
        text = path.parent.name if path.name.startswith("_annotations") else path.stem
        split = _split_named(text) or ("train" if path.name.startswith("_annotations") else None)
        if split and split not in found and not re.search(r"captions|keypoints|panoptic|stuff", path.stem):
            found[split] = path
    if not found and len(single := [*root.glob("*.json"), *root.glob("annotations/*.json")]) == 1:
        found["train"] = single[0]
    return found


def _split_named(text: str) -> str | None:
    for word in re.split(r"[^a-z]+", text.lower()):
        word = SPLIT_ALIASES.get(word, word)
        if word in SPLITS:
            return word
    return None


def read_coco(name: str, root: Path, jsons: dict[str, Path]) -> Dataset:
    """Read annotation files, one a split; a category's id counts within its own file, its name over all of them.

    Raises:
        DataError: a file or an image is missing or unusable.
    """
    notes: Counter[str] = Counter()
    files = {split: _load(path, notes) for split, path in jsons.items()}
    classes = tuple(dict.fromkeys(name for file in files.values() for name in file.names.values()))
    splits = {}
    for split, file in files.items():
        try:
            splits[split] = _images(root, split, file, {name: i for i, name in enumerate(classes)}, notes)
        except _FLAWS as error:
            raise _not_coco(file.path, error) from None
    return finish(name, root, classes, splits, [f"{count} {what}" for what, count in notes.items()])


def _not_coco(path: Path, error: Exception) -> DataError:
    return DataError(f"data.root: '{path}' holds an entry that is not COCO ({type(error).__name__}: {error})")


def _load(path: Path, notes: Counter[str]) -> _File:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"data.root: '{path}' is not readable JSON: {error}") from None
    missing = {"images", "annotations", "categories"} - set(content if isinstance(content, dict) else ())
    if missing:
        raise DataError(f"data.root: '{path}' is not a COCO detection file: it lacks {', '.join(sorted(missing))}")
    try:
        return _File(path, content, _categories(path, content, notes))
    except _FLAWS as error:
        raise _not_coco(path, error) from None


# Ids and names


def _id(value: Any) -> Id:
    """Return an id such that 7, 7.0 and "7" are one: some tools write ids as text in one place."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]*", value, re.ASCII) else value


def _categories(path: Path, content: dict[str, list[Entry]], notes: Counter[str]) -> dict[Id, str]:
    """Return names by id; of categories with one name, only those with boxes.

    Roboflow writes the project's name as category 0, without boxes, which may be the name of a class too.
    """
    names: dict[Id, str] = {}
    for category in content["categories"]:
        key, text = _id(category["id"]), category.get("name")
        text = text if isinstance(text, str) else "" if text is None else json.dumps(text)
        name = clean_name(text, f"category {key}", path, notes)
        if names.setdefault(key, name) != name:
            raise DataError(
                f"data.root: category {key} of '{path}' has two names, '{names[key]}' and '{name}'; "
                "give each its own id"
            )
    used = {_id(a.get("category_id")) for a in content["annotations"]}
    check_unique((name for key, name in names.items() if key in used), path)
    labelled = {name for key, name in names.items() if key in used}
    spare = [key for key, name in names.items() if key not in used and name in labelled]
    if spare:
        notes["categories without boxes have the name of another one, and were left out"] += len(spare)
    return {key: name for key, name in names.items() if key not in spare}


# Images


def _images(root: Path, split: str, file: _File, index: dict[str, int], notes: Counter[str]) -> list[LabelledImage]:
    claims, labels = _claims(root, split, file, index, notes)
    headers = {claim.path: claim.header for claim in claims}
    boxes_of: dict[Path, list[Boxes]] = {path: [] for path in headers}
    labels_of: dict[Path, list[int]] = {path: [] for path in headers}
    for claim, boxes, found in zip(claims, settle(claims, file.path, notes), labels, strict=True):
        boxes_of[claim.path].append(boxes)
        labels_of[claim.path] += found
    if len(headers) < len(claims):
        what = "image entries have the file of another entry: their boxes were put together"
        notes[what] += len(claims) - len(headers)
    return [
        make_noted_image(path, header.shown_px, np.vstack(boxes_of[path]), labels_of[path], notes)
        for path, header in headers.items()
    ]


def _claims(
    root: Path, split: str, file: _File, index: dict[str, int], notes: Counter[str]
) -> tuple[list[Claim], list[list[int]]]:
    """Return the boxes of each image entry as the JSON has them, and their class indices."""
    folders = (file.path.parent, root / "images", root / split, root / "images" / split, root, *root.glob(f"{split}*"))
    entries = _entries(file, notes)
    annotations = _by_image(file, set(entries), notes)
    claims, labels = [], []
    for key, entry in entries.items():
        path = _find(folders, file.path, str(entry["file_name"]))
        found = annotations.get(key, [])
        claims.append(Claim(path, read_header(path), _claimed_px(entry, notes), _boxes(a["bbox"] for a in found)))
        labels.append([index[file.names[_id(a["category_id"])]] for a in found])
    return claims, labels


def _entries(file: _File, notes: Counter[str]) -> dict[Id, Entry]:
    """Return image entries by id."""
    entries: dict[Id, Entry] = {}
    for entry in file.content["images"]:
        first = entries.setdefault(_id(entry["id"]), entry)
        if first["file_name"] != entry["file_name"]:
            raise DataError(
                f"data.root: image id {entry['id']} of '{file.path}' has two files, '{first['file_name']}' and "
                f"'{entry['file_name']}'; give each its own id"
            )
        if first is not entry:
            notes["image entries were there twice, and read once"] += 1
    return entries


def _by_image(file: _File, images: set[Id], notes: Counter[str]) -> dict[Id, list[Entry]]:
    found: dict[Id, list[Entry]] = {}
    for annotation in file.content["annotations"]:
        key = _id(annotation["image_id"])
        if annotation.get("iscrowd") not in (None, 0, "0", ""):
            notes["crowd boxes were left out"] += 1
        elif _id(annotation.get("category_id")) not in file.names:
            notes["boxes of an unlisted category were left out"] += 1
        elif key not in images:
            notes["boxes of an unlisted image were left out"] += 1
        else:
            found.setdefault(key, []).append(annotation)
    return found


def _boxes(found: Iterable[Any]) -> Boxes:
    boxes = [[float(number) for number in box] for box in found]
    wrong = [box for box in boxes if len(box) != 4]
    if wrong:
        raise ValueError(f"a bbox has 4 numbers, not {len(wrong[0])}")
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _claimed_px(entry: Entry, notes: Counter[str]) -> Size | None:
    """Return width and height as the JSON gives them, or None."""
    if entry.get("width") is None and entry.get("height") is None:
        return None
    try:
        width, height = float(entry["width"]), float(entry["height"])
    except _FLAWS:
        width = height = 0.0
    if not (1 <= width < np.inf and 1 <= height < np.inf):
        notes["image entries have no usable width and height: the picture's were taken"] += 1
        return None
    return width, height


def _find(folders: Iterable[Path], json_path: Path, file_name: str) -> Path:
    for folder in folders:
        if (folder / file_name).is_file():
            return folder / file_name
    raise DataError(f"data.root: image '{file_name}' of '{json_path}' was not found beside it or in images/")
