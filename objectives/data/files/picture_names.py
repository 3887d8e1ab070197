"""Pictures by the names that annotation files give them: other folders, other slashes, other machines, other cases."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from objectives.data.files.folder import Folder, is_file, is_picture
from objectives.data.files.split_names import split_of


@dataclass(frozen=True)
class Sought:
    """What a search for a picture found.

    Attributes:
        path: the picture; where none or several fit, the place where it should lie.
        candidates: how many fit: 1 for a find.
        renamed: whether the file's own name is another than the one that was given.
    """

    path: Path
    candidates: int
    renamed: bool = False


class PictureNames:
    """Finds the pictures of a folder by name."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def find(self, name: str, near: Path, bases: Sequence[Path] = (), split: str | None = None) -> Sought:
        """Return the picture that an annotation file names.

        Args:
            name: as the file gives it: a path from anywhere, with either slash, perhaps without a suffix.
            near: the annotation file.
            bases: folders to which the name may be relative, likeliest first; that of `near` if there are none.
            split: where several fit, one whose folders name this split is meant.
        """
        bases = bases or (near.parent,)
        written = name.replace("\\", "/")
        for text in dict.fromkeys((name, written)):
            for base in bases:
                if text and is_file(base / text):
                    return Sought(Path(os.path.normpath(base / text)) if ".." in text else base / text, 1)
        found = self._fitting(written, near, split)
        if len(found) == 1:
            return Sought(found[0], 1, renamed=_key(found[0].name) != _key(PurePosixPath(written).name))
        return Sought(bases[0] / (PurePosixPath(written).name or "?"), len(found))

    def named(self, stem: str, near: Path, split: str | None = None) -> Path | None:
        """Return the one picture whose name without a suffix is this, or None."""
        found = _best(self._by_stem.get(_key(stem), []), PurePosixPath(stem), near, split)
        return found[0] if len(found) == 1 else None

    def _fitting(self, written: str, near: Path, split: str | None) -> list[Path]:
        path = PurePosixPath(written)
        if not path.name:
            return []
        stem = path.stem if is_picture(path) else path.name
        found = self._by_name.get(_key(path.name)) or self._by_stem.get(_key(stem), [])
        return _best(found, path, near, split)

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        return _grouped((path.name, path) for path in self.folder.pictures)

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        return _grouped((path.stem, path) for path in self.folder.pictures)


def _key(name: str) -> str:
    """Return a name without what file systems change: case, and how accents are written."""
    return unicodedata.normalize("NFC", name).casefold()


def _grouped(pairs: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for name, path in pairs:
        found.setdefault(_key(name), []).append(path)
    return found


def _best(found: Sequence[Path], written: PurePosixPath, near: Path, split: str | None) -> list[Path]:
    """Return those that fit best: by the folders of the name, then by split, then nearest to the annotation file."""
    if len(found) < 2:
        return list(found)

    wanted = [_key(part) for part in written.parts[-2::-1]]

    def fit(path: Path) -> tuple[int, bool, int]:
        same = [a == _key(b) for a, b in zip(wanted, path.parts[-2::-1], strict=False)]
        in_split = split is not None and any(split_of(part) == split for part in path.parts[:-1])
        return [*same, False].index(False), in_split, len(Path(os.path.commonpath((path, near))).parts)

    fits = [fit(path) for path in found]
    return [path for path, rank in zip(found, fits, strict=True) if rank == max(fits)]
