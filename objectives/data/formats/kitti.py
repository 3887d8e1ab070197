"""KITTI labels: a text file for each picture, lines of a type and fourteen numbers or more."""

from pathlib import Path

from objectives.data.files.folder import Folder, is_file, shown
from objectives.data.files.split_names import set_folder
from objectives.data.files.text import number, peek, read_text
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading
from objectives.data.raw import RawSet
from spaces.errors import DataError

FIELDS = (15, 16)  # type, truncated, occluded, alpha, 4 of the box, 7 in space; and a score
IGNORED = "DontCare"
_LOOKED_AT = 20


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each set of label files whose lines are KITTI's."""
    by_folder: dict[Path, list[Path]] = {}
    for path in folder.annotations(".txt"):
        by_folder.setdefault(path.parent, []).append(path)
    sets: dict[Path, list[Path]] = {}
    for place, paths in by_folder.items():
        if any(map(_looks_like_kitti, paths[:_LOOKED_AT])):
            sets.setdefault(set_folder(place, folder.root), []).append(place)
    readings = []
    for base, places in sets.items():
        files = tuple((None, path) for place in places for path in by_folder[place])
        where = ", ".join(f"{shown(place, folder.root)}/" for place in places[:3])
        readings.append(Reading(folder, base, files, f"{len(files)} KITTI label files in {where}"))
    return readings


def _looks_like_kitti(path: Path) -> bool:
    lines = peek(path).splitlines()
    return bool(lines) and _box(lines[0]) is not None


def _box(line: str) -> RawBox | None:
    """Return the box of a line; None if the line is none of KITTI's."""
    words = line.split()
    if len(words) not in FIELDS or _is_number(words[0]) or not all(map(_is_number, words[1:])):
        return None
    left, top, right, bottom = (number(word) for word in words[4:8])
    return words[0], left, top, right - left, bottom - top


def _is_number(word: str) -> bool:
    try:
        number(word)
    except ValueError:
        return False
    return True


def read(reading: Reading) -> RawSet:
    """Read a set of label files."""
    gathered = Gathered(reading)
    for _, path in reading.files:
        try:
            lines = [line for line in read_text(path).splitlines() if line.strip()]
        except DataError as error:
            gathered.unreadable(path, error)
            continue
        split = gathered.split(path)
        picture = _picture(path, split, gathered)
        boxes = tuple(box for line in lines if (box := _noted_box(line, path, gathered)) is not None)
        if picture is not None:
            gathered.entries.append(Entry(picture, boxes, split, source=path))
    return gathered.raw("kitti")


def _noted_box(line: str, path: Path, gathered: Gathered) -> RawBox | None:
    box = _box(line)
    if box is None:
        gathered.findings.add("labels.not_a_box", gathered.place(path, repr(line[:60])))
    elif box[0] == IGNORED:
        gathered.findings.add("labels.ignored", gathered.place(path))
        return None
    return box


def _picture(path: Path, split: str | None, gathered: Gathered) -> Path | None:
    """Return the picture of a label file: in `image_2` for `label_2`, else wherever one has its name."""
    place = path.parent.parent / path.parent.name.replace("label", "image")
    for suffix in (".png", ".jpg", ".jpeg"):
        if is_file(place / (path.stem + suffix)):
            return place / (path.stem + suffix)
    return gathered.picture(path.stem, path, (place,), split)
