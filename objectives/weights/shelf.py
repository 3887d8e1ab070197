"""Files of published weights that are there: in a folder of the user's, else in the cache; with their hashes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from objectives.machine.files import cache_folder
from spaces.errors import DataError, SettingsError
from spaces.network.published import Published

HASH_ENDING = ".sha256"  # of the file beside one in the cache; `sha256sum -c` reads it
IN_FOLDER, IN_CACHE, OF_USER = "folder", "cache", "checkpoint"  # where a file was found


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights: where it lies, and what is in it.

    Attributes:
        path: the file.
        sha256: of its bytes, hexadecimal.
        place: the user's folder, the cache, or a checkpoint that a space names.
        size_bytes: of the file.
    """

    path: Path
    sha256: str
    place: str
    size_bytes: int

    @classmethod
    def of(cls, path: Path, place: str) -> "WeightsFile":
        """Look at a file that is there."""
        return cls(path, sha256_of(path), place, path.stat().st_size)

    def check(self) -> None:
        """Check that the file is still what it was.

        Raises:
            DataError: it is gone, or its bytes are others.
        """
        if not self.path.is_file() or sha256_of(self.path) != self.sha256:
            raise DataError(f"weights: '{self.path}' changed since the search began; put the old file back")


@dataclass(frozen=True)
class Shelf:
    """Where published weights are looked for.

    Attributes:
        folder: of the user's own, looked at first; None for none.
        cache: where fetched files lie.
    """

    folder: Path | None
    cache: Path

    def __post_init__(self) -> None:
        if self.folder is not None and not self.folder.is_dir():
            raise SettingsError(f"pretrained.folder: '{self.folder}' is not a folder; name one with weights, or null")

    @classmethod
    def of(cls, folder: str | None) -> "Shelf":
        """Return the shelf of a setting: the folder's path as users write it; the cache is the user's one."""
        return cls(Path(folder).expanduser().absolute() if folder else None, cache_folder() / "weights")

    def find(self, weights: Published) -> WeightsFile | None:
        """Return the file of published weights; None if it is in neither place.

        Raises:
            DataError: the file in the cache is not what was fetched.
        """
        if self.folder is not None:
            for name in weights.files:
                if (path := self.folder / name).is_file():
                    return WeightsFile.of(path, IN_FOLDER)
        for name in weights.files:
            if (found := self._cached(name)) is not None:
                return found
        return None

    def find_all(self, weights: Iterable[Published]) -> dict[str, WeightsFile]:
        """Return the files that are there, by the weights' published names."""
        found = {one.name: self.find(one) for one in weights}
        return {name: file for name, file in found.items() if file is not None}

    def _cached(self, name: str) -> WeightsFile | None:
        """Return a file of the cache; one without its hash was never whole."""
        path = self.cache / name
        beside = path.with_name(path.name + HASH_ENDING)
        if not path.is_file() or not beside.is_file():
            return None
        found, kept = WeightsFile.of(path, IN_CACHE), beside.read_text(encoding="utf-8").split()
        if kept[:1] != [found.sha256]:
            raise DataError(f"weights: '{path}' is not what was fetched (another sha256); remove it and fetch again")
        return found


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal; a file that has not changed is read once in a process."""
    stat = path.stat()
    return _hashed(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=1000)
def _hashed(path: Path, *_: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
