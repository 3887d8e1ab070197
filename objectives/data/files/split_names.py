"""Splits by the words in names of files and folders: `train2017`, `valid`, `instances_val.json`, `images/test`."""

import re
from collections.abc import Sequence
from pathlib import Path

from objectives.data.dataset import SPLIT_ALIASES, SPLITS

SET_WORDS = frozenset(
    {
        "annotation",
        "annotations",
        "annots",
        "anno",
        "bbox",
        "boxes",
        "coco",
        "csv",
        "default",
        "image",
        "images",
        "img",
        "imgs",
        "instances",
        "jpegimages",
        "json",
        "label",
        "labels",
        "labelme",
        "voc",
        "xml",
        "xmls",
        "yolo",
    }
)  # folders that hold a part of a data set, and say nothing of which


def split_of(text: str) -> str | None:
    """Return the split that a name's words say; the first one, None if none does."""
    for word in re.split(r"[^a-z]+", text.lower()):
        word = SPLIT_ALIASES.get(word, word)
        if word in SPLITS:
            return word
    return None


def split_of_path(path: Path, root: Path) -> str | None:
    """Return the split that the folders of a file say, the nearest to the file first; folders above `root` do not."""
    parts = path.parent.relative_to(root).parts if path.is_relative_to(root) else path.parent.parts[-2:]
    return next((split for part in reversed(parts) if (split := split_of(part))), None)


def set_folder(folder: Path, root: Path) -> Path:
    """Return the folder of the data set that a folder of annotations or pictures is a part of, not above `root`."""
    while folder != root and folder.is_relative_to(root) and _is_part(folder.name):
        folder = folder.parent
    return folder


SplitFiles = tuple[tuple[str | None, Path], ...]  # annotation files with the split that each is for


def split_sets(paths: Sequence[Path], root: Path) -> list[SplitFiles]:
    """Return sets of annotation files, no split twice in a set; what names no split stands alone.

    Files that are named alike but for the split belong together where a split is there more than once.
    """
    files = [(split_of(path.stem) or split_of_path(path, root), path) for path in paths]
    named = [file for file in files if file[0]]
    sets: list[SplitFiles] = [(file,) for file in files if not file[0]]
    if len({split for split, _ in named}) == len(named):
        return [*([tuple(named)] if named else []), *sets]
    alike: dict[str, list[tuple[str | None, Path]]] = {}
    for file in named:
        alike.setdefault(variant(file[1]), []).append(file)
    for group in alike.values():
        is_set = len({split for split, _ in group}) == len(group)
        sets += [tuple(group)] if is_set else [(file,) for file in group]
    return sets


def variant(path: Path) -> str:
    """Return the words of a file's name that say no split."""
    return "_".join(word for word in re.split(r"[^a-z]+", path.stem.lower()) if word and not split_of(word))


def _is_part(name: str) -> bool:
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if len(word) > 1]  # not the v of v2
    return bool(words) and all(SPLIT_ALIASES.get(word, word) in (*SPLITS, *SET_WORDS) for word in words)
