"""Label Studio JSON: a list of tasks, whole or in its short form, with boxes in per cent of the picture."""

import math
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from objectives.data.files.folder import Folder, shown
from objectives.data.files.json_kinds import JsonKind, text_of
from objectives.data.files.split_names import set_folder, split_sets, variant
from objectives.data.files.text import number, read_json
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading, around
from objectives.data.raw import RawSet
from spaces.errors import DataError

Item = dict[str, Any]
_FLAWS = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_LABELS = ("rectanglelabels", "polygonlabels", "ellipselabels", "labels")
_PREFIX = re.compile(r"^[0-9a-f]{8}-")  # which Label Studio puts before the name of an uploaded file


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each file; files for different splits are one set."""
    sets: dict[Path, list[Path]] = {}
    for path in sorted(folder.json_kinds):
        if folder.json_kinds[path] is JsonKind.LABEL_STUDIO:
            sets.setdefault(set_folder(path.parent, folder.root), []).append(path)
    readings = []
    for base, paths in sets.items():
        for files in [((None, paths[0]),)] if folder.only else split_sets(paths, folder.root):
            names = ", ".join(shown(path, folder.root) for _, path in files)
            part = files[0][1].stem if len(files) == 1 else variant(files[0][1])
            readings.append(Reading(folder, base, files, f"Label Studio JSON: {names}", part=part))
    return readings


def read(reading: Reading) -> RawSet:
    """Read a set of files.

    Raises:
        DataError: a file is no JSON list.
    """
    gathered = Gathered(reading)
    for split, path in reading.files:
        tasks = read_json(path)
        if not isinstance(tasks, list):
            raise DataError(f"data.root: '{path}' is not a Label Studio export: it is no list of tasks")
        for task in tasks:
            try:
                name = _picture_name(task)
            except _FLAWS:
                gathered.findings.add("images.not_an_image", gathered.place(path, repr(task)))
                continue
            _add(task, name, split, path, gathered)
    return gathered.raw("label_studio")


def _picture_name(task: Item) -> str:
    """Return the path of a task's picture: of a local file, or the end of an address.

    Raises:
        ValueError: the task names none.
    """
    data = task.get("data", task)
    named = [data[key] for key in ("image", "img", "ocr", "photo", "url") if isinstance(data.get(key), str)]
    named += [value for value in data.values() if isinstance(value, str) and re.search(r"\.\w{3,4}$", value)]
    if not named:
        raise ValueError("no picture")
    address = urlsplit(named[0])
    query = parse_qs(address.query).get("d")
    return unquote(query[0] if query else address.path or named[0])


def _add(task: Item, name: str, split: str | None, path: Path, gathered: Gathered) -> None:
    results = _results(task, path, gathered)
    if results is None:
        return
    picture = _picture(name, split, path, gathered)
    if picture is None:
        return
    boxes: list[RawBox] = []
    size: tuple[float, float] | None = None
    for result in results:
        try:
            if not any(key in _value(result) for key in _LABELS):
                continue  # a choice, a text, a relation
            frame = number(result["original_width"]), number(result["original_height"])
            box, upright = _box(_value(result), frame)
            labels = next(_value(result)[key] for key in _LABELS if key in _value(result))
            label = gathered.name(text_of(labels[0]), gathered.place(path, name))
        except _FLAWS:
            gathered.findings.add("labels.not_a_box", gathered.place(path, name))
            continue
        if min(frame) < 1 or (size is not None and size != frame):
            gathered.findings.add("labels.not_a_box", gathered.place(path, name))
            continue
        if label is not None:
            size = frame
            boxes.append((label, *box))
            if not upright:
                gathered.findings.add("labels.polygon", gathered.place(path, name))
    gathered.entries.append(Entry(picture, tuple(boxes), split, size, source=path))


def _picture(name: str, split: str | None, path: Path, gathered: Gathered) -> Path | None:
    base = gathered.reading.base
    bases = (path.parent / "images", path.parent, base / "images", base)
    names = [name, PurePosixPath(name).name, _PREFIX.sub("", PurePosixPath(name).name)]
    for text in dict.fromkeys(names):
        sought = gathered.names.find(text, path, bases, split)
        if sought.candidates == 1 and not sought.renamed:
            return sought.path
    return gathered.picture(names[1], path, bases, split)


def _value(result: Item) -> Item:
    """Return what a result says; in the short form the result itself does."""
    value = result.get("value", result)
    if not isinstance(value, dict):
        raise TypeError("no mapping")
    return value


def _results(task: Item, path: Path, gathered: Gathered) -> list[Item] | None:
    """Return the results of the first annotation that was not cancelled; None for a task that nobody has annotated."""
    place = gathered.place(path, f"task {task.get('id')}")
    if "data" not in task:
        found = task.get("label", task.get("bbox", []))
        return list(_mappings(found, place, gathered))
    annotations = task.get("annotations", task.get("completions"))
    valid = (
        [a for a in annotations or () if isinstance(a, dict) and not a.get("was_cancelled")]
        if isinstance(annotations, list | None)
        else []
    )
    if not valid:
        gathered.findings.add("images.unlabelled", place)
        return None
    if len(valid) > 1:
        gathered.findings.add("labels.annotators", place)
    best = next((a for a in valid if a.get("ground_truth")), valid[0])
    return list(_mappings(best.get("result", []), place, gathered))


def _mappings(found: Any, place: str, gathered: Gathered) -> Iterator[Item]:
    for result in found if isinstance(found, list) else [found]:
        if isinstance(result, dict):
            yield result
        else:
            gathered.findings.add("labels.not_a_box", place)


def _box(value: Item, frame: tuple[float, float]) -> tuple[tuple[float, float, float, float], bool]:
    """Return left, top, width, height in pixels, and whether the shape was upright.

    A rectangle is turned about its left top corner, clockwise, in pixels.
    """
    across, down = frame[0] / 100, frame[1] / 100
    if "points" in value:
        return around([(number(x) * across, number(y) * down) for x, y in value["points"]]), False
    x, y = number(value["x"]) * across, number(value["y"]) * down
    if "radiusX" in value:
        rx, ry = number(value["radiusX"]) * across, number(value["radiusY"]) * down
        return (x - rx, y - ry, 2 * rx, 2 * ry), False
    w, h = number(value["width"]) * across, number(value["height"]) * down
    angle = math.radians(number(value.get("rotation") or 0))
    if not angle:
        return (x, y, w, h), True
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in ((0, 0), (w, 0), (w, h), (0, h))]
    return around(corners), False
