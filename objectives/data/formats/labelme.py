"""LabelMe JSON: a file for each picture, with shapes."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from objectives.data.files.folder import Folder, shown
from objectives.data.files.json_kinds import JsonKind, text_of
from objectives.data.files.split_names import set_folder
from objectives.data.files.text import number, read_json
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading, around
from objectives.data.raw import RawSet
from spaces.errors import DataError

_FLAWS = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each set of JSON files with shapes."""
    sets: dict[Path, list[Path]] = {}
    for path, kind in folder.json_kinds.items():
        if kind is JsonKind.LABELME:
            sets.setdefault(set_folder(path.parent, folder.root), []).append(path)
    readings = []
    for base, paths in sets.items():
        places = list(dict.fromkeys(path.parent for path in paths))
        broken = [p for p, kind in folder.json_kinds.items() if kind is JsonKind.BROKEN and p.parent in places]
        where = ", ".join(f"{shown(place, folder.root)}/" for place in places[:3])
        files = tuple((None, path) for path in sorted([*paths, *broken]))
        readings.append(Reading(folder, base, files, f"{len(paths)} LabelMe JSON files in {where}"))
    return readings


def read(reading: Reading) -> RawSet:
    """Read a set of JSON files."""
    gathered = Gathered(reading)
    for _, path in reading.files:
        try:
            content = read_json(path)
            if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
                raise DataError("it has no list of shapes")
        except DataError as error:
            gathered.unreadable(path, error)
            continue
        split = gathered.split(path)
        picture = _picture(content, path, split, gathered)
        if picture is not None:
            boxes = tuple(_boxes(content["shapes"], path, gathered))
            size = _size(content, path, gathered)
            gathered.entries.append(Entry(picture, boxes, split, size, source=path))
    return gathered.raw("labelme")


def _picture(content: dict[str, Any], path: Path, split: str | None, gathered: Gathered) -> Path | None:
    """Return the picture: as the file says, or the one with the file's own name."""
    said = content.get("imagePath")
    if isinstance(said, str) and said:
        sought = gathered.names.find(said, path, (path.parent, path.parent.parent / "images"), split)
        if sought.candidates == 1 and not sought.renamed:
            return sought.path
    beside = gathered.names.named(path.stem, path, split)
    if beside is not None:
        if isinstance(said, str) and Path(said.replace("\\", "/")).stem != beside.stem:
            gathered.findings.add("images.renamed", f"{gathered.place(path)}: {said[:80]}")
        return beside
    return gathered.picture(said if isinstance(said, str) and said else path.stem, path, (), split)


def _size(content: dict[str, Any], path: Path, gathered: Gathered) -> tuple[float, float] | None:
    width, height = content.get("imageWidth"), content.get("imageHeight")
    if width is None and height is None:
        return None
    try:
        size = number(width), number(height)
    except ValueError:
        size = 0.0, 0.0
    if min(size) >= 1:
        return size
    gathered.findings.add("images.bad_size", gathered.place(path))
    return None


def _boxes(shapes: list[Any], path: Path, gathered: Gathered) -> Iterator[RawBox]:
    """Yield a box for each shape; shapes of one label and group are one object, as LabelMe's own exports have it."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for shape in shapes:
        try:
            name = gathered.name(text_of(shape["label"]), gathered.place(path))
            points = _points(shape)
            group = shape.get("group_id")
        except _FLAWS:
            kind = shape.get("shape_type") if isinstance(shape, dict) else shape
            gathered.findings.add("labels.not_a_box", gathered.place(path, repr(kind)[:40]))
            continue
        if name is None:
            continue
        if group is not None:
            groups.setdefault((name, repr(group)[:40]), []).extend(points)
            continue
        yield name, *around(points)
    for (name, _), points in groups.items():
        yield name, *around(points)


def _points(shape: dict[str, Any]) -> list[tuple[float, float]]:
    """Return points whose upright box is the shape's.

    Raises:
        ValueError: the shape has no area: a point, a line.
    """
    points = [(number(x), number(y)) for x, y in shape["points"]]
    kind = shape.get("shape_type") or "polygon"
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        return [(left, top), (right, bottom), (left, bottom)]
    if kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return [(x - radius, y - radius), (x + radius, y + radius), (x - radius, y)]
    if kind not in ("rectangle", "polygon", "rotation", "mask") or (len(points) < 3 and kind != "mask"):
        raise ValueError(f"no area: {kind}")
    return points if len(points) > 2 else [*points, points[0]]
