"""Pascal VOC XML: a file for each picture, with ImageSets or without."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from objectives.data.files.folder import Folder, is_file, shown
from objectives.data.files.split_names import set_folder, split_of
from objectives.data.files.text import number, peek, read_text, read_xml
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading, around
from objectives.data.raw import RawSet
from spaces.errors import DataError

_ROOT = re.compile(r"<annotation[\s/>]")
_LISTS = ("train", "val", "test", "trainval")


# What lies there


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each set of XML files; folders with files for the same pictures are different sets."""
    by_folder: dict[Path, list[Path]] = {}
    for path in folder.annotations(".xml"):
        if _is_voc(path):
            by_folder.setdefault(path.parent, []).append(path)
    sets: dict[Path, list[Path]] = {}
    for place in by_folder:
        sets.setdefault(set_folder(place, folder.root), []).append(place)
    return [reading for base, places in sets.items() for reading in _readings(folder, base, places, by_folder)]


def _is_voc(path: Path) -> bool:
    """Whether a file begins as VOC; one that is no XML at all is met while reading, if it lies among others."""
    return bool(_ROOT.search(peek(path)))


def _readings(folder: Folder, base: Path, places: list[Path], by_folder: dict[Path, list[Path]]) -> Iterator[Reading]:
    """Yield the folders of a set together, or each alone if two of them label the same pictures."""
    stems = Counter((split_of(shown(place, base)), path.stem) for place in places for path in by_folder[place])
    together = [places] if max(stems.values()) == 1 or _in_picture_folders(folder, places) else [[p] for p in places]
    for group in together:
        paths = [path for place in group for path in _with_broken(folder, place)]
        files = tuple((None, path) for path in paths)
        where = ", ".join(f"{shown(place, folder.root)}/" for place in group[:3])
        yield Reading(folder, base, files, f"{len(paths)} VOC XML files in {where}", part=group[0].name)


def _in_picture_folders(folder: Folder, places: list[Path]) -> bool:
    """Whether each folder of XML files has pictures of its own, so that equal names are different pictures."""
    pictures = {path.parent for path in folder.pictures}
    return all(place in pictures for place in places)


def _with_broken(folder: Folder, place: Path) -> list[Path]:
    """Return all XML files of a folder, those that are no VOC too: they are findings."""
    return [path for path in folder.annotations(".xml") if path.parent == place]


# Reading


@dataclass(frozen=True)
class _Annotation:
    """One file as read.

    Attributes:
        path: the XML file.
        filename: as it says; empty if it does not.
        boxes: as it says.
        size_px: width and height; None if they are unusable.
    """

    path: Path
    filename: str
    boxes: tuple[RawBox, ...]
    size_px: tuple[float, float] | None


def read(reading: Reading) -> RawSet:
    """Read a set of XML files.

    Raises:
        DataError: a list of ImageSets cannot be read.
    """
    gathered = Gathered(reading)
    found = [a for _, path in reading.files if (a := _annotation(path, gathered)) is not None]
    lists = _image_sets(reading, {annotation.path.stem for annotation in found})
    for annotation, picture in zip(found, _pictures(found, gathered), strict=True):
        if picture is None:
            continue
        split = lists.get(annotation.path.stem, lists.get(picture.stem)) if lists else gathered.split(annotation.path)
        if lists and split is None:
            gathered.findings.add("splits.unlisted", gathered.place(picture))
            continue
        gathered.entries.append(Entry(picture, annotation.boxes, split, annotation.size_px, source=annotation.path))
    return gathered.raw("voc")


def _image_sets(reading: Reading, stems: set[str]) -> dict[str, str]:
    """Return the split of each name in ImageSets/Main; `trainval` is for training where no list says more."""
    lists: dict[str, str] = {}
    for place in (reading.base / "ImageSets" / "Main", reading.base / "ImageSets"):
        files = [name for name in _LISTS if is_file(place / f"{name}.txt")]
        if {"train", "val"} <= set(files):
            files = [name for name in files if name != "trainval"]
        for name in files:
            split = "train" if name == "trainval" else name
            for line in read_text(place / f"{name}.txt").splitlines():
                if line.strip():
                    name = _name(line.strip())
                    lists.setdefault(name if name in stems else _name(_without_flag(line.strip())), split)
        if lists:
            break
    return lists


def _without_flag(line: str) -> str:
    """Return a line of a list of one class without the 1, 0 or -1 behind the name."""
    return line.rsplit(maxsplit=1)[0] if line.endswith((" 1", " 0", " -1")) else line


def _name(text: str) -> str:
    """Return a name in a list without its path and suffix."""
    name = text.replace("\\", "/").rsplit("/", 1)[-1]
    return Path(name).stem if Path(name).suffix.lower() in (".jpg", ".jpeg", ".png", ".xml", ".bmp") else name


def _pictures(found: list[_Annotation], gathered: Gathered) -> list[Path | None]:
    """Return the picture of each file: as it says, unless that is the picture of another file by its name."""
    by_stem = [gathered.names.named(a.path.stem, a.path, gathered.split(a.path)) for a in found]
    own = {path for path in by_stem if path}
    pictures: list[Path | None] = []
    for annotation, beside in zip(found, by_stem, strict=True):
        bases = _bases(annotation.path, gathered.reading.base)
        sought = gathered.names.find(annotation.filename, annotation.path, bases, gathered.split(annotation.path))
        said = sought.path if sought.candidates == 1 else None
        if beside and said != beside and (said is None or said in own):
            if said or (annotation.filename and Path(annotation.filename).stem != beside.stem):
                gathered.findings.add(
                    "images.renamed", f"{gathered.place(annotation.path)}: {annotation.filename[:80]}"
                )
            pictures.append(beside)
        elif sought.candidates > 1:
            gathered.findings.add("images.ambiguous", gathered.place(annotation.path, annotation.filename))
            pictures.append(None)
        else:
            pictures.append(said or sought.path)
    return pictures


def _bases(xml: Path, base: Path) -> tuple[Path, ...]:
    folder = xml.parent
    return (folder, folder.parent / "JPEGImages", folder.parent / "images", base / "JPEGImages", base / "images", base)


def _annotation(path: Path, gathered: Gathered) -> _Annotation | None:
    try:
        root = read_xml(path)
        if root.tag != "annotation":
            raise DataError(f"the root is '{root.tag}', not 'annotation'")
    except DataError as error:
        gathered.unreadable(path, error)
        return None
    boxes = [box for item in root.iterfind("object") if (box := _box(item, path, gathered)) is not None]
    return _Annotation(path, (root.findtext("filename") or "").strip(), tuple(boxes), _size(root, path, gathered))


def _size(root: Element, path: Path, gathered: Gathered) -> tuple[float, float] | None:
    size = root.find("size")
    if size is None:
        return None
    try:
        width, height = (number(size.findtext(key) or "") for key in ("width", "height"))
    except ValueError:
        width = height = 0.0
    if width >= 1 and height >= 1:
        return width, height
    gathered.findings.add("images.bad_size", gathered.place(path))
    return None


def _box(item: Element, path: Path, gathered: Gathered) -> RawBox | None:
    name = gathered.name(item.findtext("name") or "", gathered.place(path))
    if name is None:
        return None
    try:
        corners = item.find("bndbox")
        if corners is not None:
            left, top, right, bottom = (_coordinate(corners, key) for key in ("xmin", "ymin", "xmax", "ymax"))
            return name, left, top, right - left, bottom - top
        box = around(_outline(item))
    except ValueError:
        gathered.findings.add("labels.not_a_box", gathered.place(path, name))
        return None
    gathered.findings.add("labels.polygon", gathered.place(path, name))
    return name, *box


def _coordinate(element: Element, key: str) -> float:
    return number((element.findtext(key) or "").strip())


def _outline(item: Element) -> list[tuple[float, float]]:
    """Return the points of a polygon (x1, y1, x2, ... or pt/x, pt/y), or the corners of a turned box.

    Raises:
        ValueError: there is neither.
    """
    turned = item.find("robndbox")
    if turned is not None:  # roLabelImg: centre, size, angle in radians
        cx, cy, w, h, angle = (_coordinate(turned, key) for key in ("cx", "cy", "w", "h", "angle"))
        across, down = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        corners = [np.array([cx, cy]) + x * w / 2 * across + y * h / 2 * down for x in (-1, 1) for y in (-1, 1)]
        return [(float(x), float(y)) for x, y in corners]
    polygon = item.find("polygon")
    if polygon is None:
        raise ValueError("no bndbox, polygon or robndbox")
    points = list(polygon.iterfind("pt"))
    if points:
        return [(_coordinate(point, "x"), _coordinate(point, "y")) for point in points]
    return list(_numbered(polygon))


def _numbered(polygon: Element) -> Iterable[tuple[float, float]]:
    for i in range(1, len(polygon) // 2 + 1):
        yield _coordinate(polygon, f"x{i}"), _coordinate(polygon, f"y{i}")
