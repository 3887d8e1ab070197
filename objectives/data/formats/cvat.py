"""CVAT XML: one file of images with boxes, or of the tracks of a video."""

import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from objectives.data.files.folder import Folder, shown
from objectives.data.files.split_names import set_folder, split_of, split_of_path
from objectives.data.files.text import number, peek, read_xml
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading, around
from objectives.data.raw import RawSet
from spaces.errors import DataError

_SHAPES = ("box", "polygon", "ellipse", "mask")
_NO_AREA = ("points", "polyline", "cuboid", "skeleton")


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each file; files for different splits are one set."""
    sets: dict[Path, list[Path]] = {}
    for path in sorted(folder.annotations(".xml")):
        if _is_cvat(path):
            sets.setdefault(set_folder(path.parent, folder.root), []).append(path)
    readings = []
    for base, paths in sets.items():
        splits = {path: split_of(path.stem) or split_of_path(path, folder.root) for path in paths}
        apart = len(paths) == 1 or len(set(splits.values())) < len(paths)
        groups = [[path] for path in paths] if apart else [paths]
        for group in groups:
            names = ", ".join(shown(path, folder.root) for path in group)
            files = tuple((None if folder.only else splits[path], path) for path in group)
            readings.append(Reading(folder, base, files, f"CVAT XML: {names}", part=group[0].stem))
    return readings


def _is_cvat(path: Path) -> bool:
    return "<annotations>" in peek(path)


def read(reading: Reading) -> RawSet:
    """Read a set of files.

    Raises:
        DataError: a file is no XML.
    """
    gathered = Gathered(reading)
    classes: list[str] = []
    for split, path in reading.files:
        root = read_xml(path)
        classes += [text.strip() for label in root.iter("label") if (text := label.findtext("name"))]
        for image in root.iterfind("image"):
            _add_image(image, split, path, gathered)
        _add_tracks(root, split, path, gathered)
    return gathered.raw("cvat", filter(None, classes))


def _bases(path: Path, gathered: Gathered) -> tuple[Path, ...]:
    base = gathered.reading.base
    return (path.parent / "images", path.parent, base / "images", base)


def _add_image(image: Element, split: str | None, path: Path, gathered: Gathered) -> None:
    name = image.get("name")
    if not name:
        gathered.findings.add("images.not_an_image", gathered.place(path, dict(image.attrib)))
        return
    own = split or split_of(image.get("subset") or "")
    picture = gathered.picture(name, path, _bases(path, gathered), own)
    if picture is not None:
        boxes = [box for shape in image if (box := _box(shape, shape.get("label") or "", path, gathered)) is not None]
        gathered.entries.append(Entry(picture, tuple(boxes), own, _size(image, path, gathered), source=path))


def _size(image: Element, path: Path, gathered: Gathered) -> tuple[float, float] | None:
    try:
        width, height = number(image.get("width") or ""), number(image.get("height") or "")
    except ValueError:
        width = height = 0.0
    if width >= 1 and height >= 1:
        return width, height
    gathered.findings.add("images.bad_size", gathered.place(path, image.get("name")))
    return None


def _box(shape: Element, label: str, path: Path, gathered: Gathered) -> RawBox | None:
    """Return the upright box of a shape; None, and a finding, if it has none."""
    if shape.tag in _NO_AREA or shape.tag not in _SHAPES:
        if shape.tag in _NO_AREA:
            gathered.findings.add("labels.not_a_box", gathered.place(path, shape.tag))
        return None
    name = gathered.name(label, gathered.place(path, shape.tag))
    try:
        upright, points = shape.tag == "box" and not float(shape.get("rotation") or 0), _points(shape)
    except ValueError:
        gathered.findings.add("labels.not_a_box", gathered.place(path, f"{shape.tag} of {label}"))
        return None
    if not upright:
        gathered.findings.add("labels.polygon", gathered.place(path, f"{shape.tag} of {label}"))
    if name is None:
        return None
    if upright:
        (left, top), (right, bottom) = points[0], points[2]
        return name, left, top, right - left, bottom - top
    return name, *around(points)


def _points(shape: Element) -> list[tuple[float, float]]:
    """Return points whose upright box is the shape's; a box's are its corners, turned as it is.

    Raises:
        ValueError: a number is missing.
    """
    if shape.tag == "polygon":
        pairs = [text.split(",") for text in (shape.get("points") or "").split(";")]
        points = [(number(x), number(y)) for x, y in pairs]
        if len(points) < 3:
            raise ValueError("a polygon has three points or more")
        return points
    if shape.tag == "ellipse":
        cx, cy, rx, ry = _attributes(shape, "cx", "cy", "rx", "ry")
        left, top, right, bottom = cx - rx, cy - ry, cx + rx, cy + ry
    elif shape.tag == "mask":
        left, top, w, h = _attributes(shape, "left", "top", "width", "height")
        right, bottom = left + w, top + h
    else:
        left, top, right, bottom = _attributes(shape, "xtl", "ytl", "xbr", "ybr")
    angle = math.radians(number(shape.get("rotation") or 0))
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return corners if not angle else list(_turned(corners, angle))


def _attributes(shape: Element, *names: str) -> list[float]:
    return [number(shape.get(name) or "") for name in names]


def _turned(corners: list[tuple[float, float]], angle: float) -> Iterator[tuple[float, float]]:
    """Yield corners turned about their middle, clockwise as seen."""
    cx, cy = sum(x for x, _ in corners) / 4, sum(y for _, y in corners) / 4
    cos, sin = math.cos(angle), math.sin(angle)
    for x, y in corners:
        yield cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos


# Tracks of a video


def _add_tracks(root: Element, split: str | None, path: Path, gathered: Gathered) -> None:
    """Add the frames of tracks; a frame's picture is the one whose name ends in the frame's number."""
    frames: dict[int, list[RawBox]] = {}
    for track in root.iterfind("track"):
        for shape in track:
            frame = shape.get("frame") or ""
            if shape.get("outside") == "1":
                continue
            if not frame.isascii() or not frame.isdigit() or len(frame) > 9:
                gathered.findings.add("labels.no_image", gathered.place(path, f"frame {frame[:20]}"))
                continue
            box = _box(shape, track.get("label") or "", path, gathered)
            frames.setdefault(int(frame), []).extend([box] if box else [])
    if not frames:
        return
    pictures = _by_number(path, gathered)
    for index, boxes in sorted(frames.items()):
        picture = pictures.get(index, path.parent / f"frame_{index:06d}.png")
        gathered.entries.append(Entry(picture, tuple(boxes), split, source=path))


def _by_number(path: Path, gathered: Gathered) -> dict[int, Path]:
    """Return pictures by the number at the end of their name.

    Raises:
        DataError: two have the same number.
    """
    found: dict[int, Path] = {}
    for picture in gathered.reading.folder.pictures:
        digits = picture.stem[len(picture.stem.rstrip("0123456789")) :][-9:]
        if digits and digits.isascii():
            first = found.setdefault(int(digits), picture)
            if first != picture:
                raise DataError(
                    f"data.root: frame {int(digits)} of '{path}' fits '{first}' and '{picture}'; "
                    "keep one video's frames in the folder"
                )
    return found
