"""One file to a place and back: whole or not at all, by its SHA-256."""

import hashlib
import os
from pathlib import Path
from typing import IO

from objectives.machine.files import whole
from objectives.records.artifacts.stored_files import StoredFile
from search.study.files.place import ArtifactPlace, FileLost


def digest_of(content: IO[bytes]) -> str:
    """Return the SHA-256 of an open file, hexadecimal; it stands at its beginning afterwards."""
    found = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # any stream will do
    content.seek(0)
    return found


def send(place: ArtifactPlace, content: IO[bytes], name: str, sha256: str) -> StoredFile:
    """Write an open file as an object, and return it as a trial lists it.

    A file of ours is replaced, never changed: what is open stays what it was when it was opened.

    Raises:
        ArtifactsAway: it cannot be written now.
    """
    place.write(name, content)
    return StoredFile(name, os.fstat(content.fileno()).st_size, sha256)


def fetch(place: ArtifactPlace, stored: StoredFile, path: Path) -> None:
    """Write an object's content to a file, whole.

    Raises:
        FileLost: the object is gone, or damaged.
        ArtifactsAway: it cannot be read now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    with whole(path, shared=True) as partial:
        with partial.open("wb") as stream:
            for chunk in place.read(stored.object):
                found.update(chunk)
                stream.write(chunk)
        if found.hexdigest() != stored.sha256:
            raise FileLost(f"files: '{stored.object}' in '{place.url}' is damaged: its SHA-256 is another")
