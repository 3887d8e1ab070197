"""Readers of labelled data sets on disk: one door to all formats."""

from pathlib import Path

from objectives.data.dataset import Dataset
from objectives.data.formats.coco import find_jsons, read_coco
from objectives.data.formats.yolo import find_yamls, read_yolo
from spaces.errors import DataError

FORMATS = ("auto", "coco", "yolo")


def read_dataset(root: Path, format_: str = "auto", name: str = "") -> Dataset:
    """Read a data set from a folder (or a YOLO data.yaml, or a COCO JSON file).

    Args:
        root: the folder or file.
        format_: one of FORMATS; "auto" looks at what is there.
        name: name for people; the folder's name if empty.

    Raises:
        DataError: nothing there, no known format, or no usable box.
    """
    root = root.expanduser().absolute()
    if not root.exists():
        raise DataError(f"data.root: '{root}' does not exist; name a folder with COCO JSON or a YOLO data.yaml")
    if format_ not in FORMATS:
        raise DataError(f"data.format: '{format_}' is unknown; known: {', '.join(FORMATS)}")
    yamls, jsons = find_yamls(root), find_jsons(root)
    folder = root if root.is_dir() else root.parent
    name = name or (root.name if root.is_dir() else root.parent.name)
    if format_ in ("auto", "yolo") and yamls:
        return read_yolo(name, folder, yamls[0])
    if format_ in ("auto", "coco") and jsons:
        return read_coco(name, folder, jsons)
    wanted = {"auto": "COCO JSON or a YOLO data.yaml", "coco": "COCO JSON", "yolo": "a YOLO data.yaml"}[format_]
    raise DataError(
        f"data.root: found no {wanted} in '{root}' (looked in the folder, annotations/ and the split folders)"
    )
