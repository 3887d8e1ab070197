"""Readers of labelled data sets on disk: one door to all formats."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from objectives.data.choose import choose, options_of
from objectives.data.dataset import GIVEN, Dataset
from objectives.data.files.folder import Folder, is_file, shown
from objectives.data.findings import Findings
from objectives.data.formats import coco, csv, cvat, kitti, label_studio, labelme, voc, yolo
from objectives.data.formats.contract import Format
from objectives.data.formats.own import read_own
from objectives.data.mend import mend
from objectives.data.pictures.index import Progress, index_file, look
from objectives.data.raw import RawSet
from objectives.data.splits.splitting import Splitting
from spaces.errors import DataError, nearest

# In the order in which equal readings are preferred.
FORMATS: dict[str, Format] = {
    "yolo": yolo,
    "coco": coco,
    "voc": voc,
    "labelme": labelme,
    "csv": csv,
    "kitti": kitti,
    "cvat": cvat,
    "label_studio": label_studio,
}
AUTO = "auto"
_WORDS = {
    "coco": "COCO JSON",
    "yolo": "a YOLO data.yaml or YOLO labels",
    "voc": "Pascal VOC XML",
    "labelme": "LabelMe JSON",
    "csv": "CSV with columns for picture, class and box (filename, class, xmin, ymin, xmax, ymax)",
    "kitti": "KITTI labels",
    "cvat": "CVAT XML",
    "label_studio": "Label Studio JSON",
}
OwnReader = Callable[[Path], object]  # gives a RawSet, or entries: what it gives is checked


def read_dataset(
    root: Path,
    format_: str = AUTO,
    name: str = "",
    reading: str | None = None,
    reader: OwnReader | None = None,
    progress: Progress | None = None,
    how: Splitting = GIVEN,
) -> Dataset:
    """Read a data set from a folder, or from one annotation file.

    Args:
        root: the folder or file.
        format_: a key of FORMATS; "auto" looks at what is there.
        name: name for people; the folder's name if empty.
        reading: which of several readings of the folder; "all" puts them together.
        reader: a reader of the user's own, instead of a format.
        progress: called with the images looked at so far, and all of them; they are opened once, and then known.
        how: how images come to their splits.

    Raises:
        DataError: nothing there, no known format, several that differ, or no usable box.
    """
    return read_both(root, format_, name, reading, reader, progress, how)[1]


def read_both(
    root: Path,
    format_: str = AUTO,
    name: str = "",
    reading: str | None = None,
    reader: OwnReader | None = None,
    progress: Progress | None = None,
    how: Splitting = GIVEN,
) -> tuple[RawSet, Dataset]:
    """Read a data set as its files have it, and mend it; arguments and errors are those of `read_dataset`."""
    root = root.expanduser().absolute()
    raw = read_raw(root, format_, reading, reader)
    folder = root if root.is_dir() else raw.root
    pictures = look([image.path for image in raw.images], index_file(folder), progress)
    return raw, replace(mend(raw, name or folder.name, pictures, how), root=folder)


def read_raw(root: Path, format_: str = AUTO, reading: str | None = None, reader: OwnReader | None = None) -> RawSet:
    """Read a folder as its files have it: nothing clipped, dropped or guessed without a finding.

    Raises:
        DataError: nothing there, no known format, or several that differ.
    """
    root = root.expanduser().absolute()
    if format_ != AUTO and format_ not in FORMATS:
        known = ", ".join((AUTO, *FORMATS))
        raise DataError(f"data.format: '{format_}' is unknown{nearest(format_, FORMATS)}; known: {known}")
    folder = Folder.of(root)
    if reader is not None:
        return _with_rest(read_own(folder.root, reader(root)), folder)
    formats = FORMATS if format_ == AUTO else {format_: FORMATS[format_]}
    options = options_of(folder, formats)
    if not options:
        raise DataError(_nothing(folder, format_))
    return _with_rest(choose(options, formats, root, reading), folder)


def _nothing(folder: Folder, format_: str) -> str:
    """Return what to say of a folder in which nothing is recognised: what was seen, and what to do."""
    wanted = _WORDS.get(format_, f"{format_} files") if format_ != AUTO else "data set that is known"
    known = ", ".join(FORMATS)
    return (
        f"data.root: found no {wanted} in '{folder.only or folder.root}'; seen: {_seen(folder)}; "
        f"known formats: {known}; or read it by a function of your own: data.reader._target_"
    )


def _seen(folder: Folder) -> str:
    """Return what lies in a folder, for people: "12 .xml in notes/, 3 folders down"."""
    places: dict[tuple[str, Path], list[Path]] = {}
    for path in folder.files:
        places.setdefault((path.suffix.lower() or "no suffix", path.parent), []).append(path)
    texts = []
    for (suffix, place), paths in sorted(places.items(), key=lambda item: -len(item[1]))[:4]:
        depth = folder.depth(place)
        what = paths[0].name if len(paths) == 1 else f"{len(paths)} {suffix}"
        where = "" if depth == 0 else f" in {shown(place, folder.root)}/"
        texts.append(f"{what}{where}" + (f", {depth} folders down" if depth > 1 else ""))
    if not texts:
        return "no file"
    return "; ".join(texts) + ("; ..." if len(places) > len(texts) else "")


def _with_rest(raw: RawSet, folder: Folder) -> RawSet:
    """Add what lies there and no annotation speaks of."""
    findings = Findings()
    findings.extend(raw.findings)
    for path in folder.closed:
        findings.add("files.closed", shown(path, folder.root))
    if folder.only is None:
        named = {image.path for image in raw.images}
        rest = [path for path in folder.pictures if path not in named]
        real = {os.path.realpath(path) for path in named if is_file(path)} if rest else set()
        for path in rest:
            if os.path.realpath(path) not in real:
                findings.add("images.unlabelled", shown(path, folder.root))
    return replace(raw, findings=findings.made())
