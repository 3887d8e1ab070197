"""Data sets in the place of studies' files: pushed once, and fetched once a machine by their fingerprints."""

import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO
from uuid import uuid4

from objectives.data.dataset import Dataset
from objectives.data.packed import home_of_fetched, pack, read_packed, unpack
from objectives.data.pictures.index import Progress
from objectives.machine.files import whole_folder
from objectives.machine.locks import locked_folder
from objectives.records.artifacts.stored_files import StoredFile, artifacts_of
from objectives.records.study_record import StudyRecord
from search.settings.dataset import load_data
from search.settings.settings import EMBEDDED, Settings
from search.study.files.contract import Say
from search.study.files.place import ArtifactPlace, FileLost, absolute_url, open_place
from search.study.store import load_study
from spaces.errors import DataError, StoreError

LIST = "whole"  # ends the name of the object that says which other one is the whole data set


@dataclass(frozen=True)
class Pushed:
    """A data set in the place.

    Attributes:
        stored: the archive.
        was_there: whether it was pushed before.
    """

    stored: StoredFile
    was_there: bool


def push(dataset: Dataset, place: ArtifactPlace) -> Pushed:
    """Write a data set to the place, unless it is there.

    Raises:
        StoreError: the place cannot be written.
    """
    below = _below(dataset.fingerprint)
    if (known := _whole(place, dataset.fingerprint)) is not None:
        for left in {*place.names(f"{below}/")} - {known.object, f"{below}/{LIST}"}:
            place.remove(left)  # of a push that was killed
        return Pushed(known, was_there=True)
    name = f"{below}/{uuid4().hex}.tar"
    with _Packing(dataset) as packing:
        place.write(name, packing.reader)
    stored = StoredFile(name, packing.bytes, packing.sha256)
    place.write(f"{below}/{LIST}", BytesIO(json.dumps(stored.to_json()).encode()))
    return Pushed(stored, was_there=False)


def data_of(settings: Settings, progress: Progress | None = None, say: Say = lambda _: None) -> Dataset:
    """Read the data set of a search; where `data.root` is not on this machine, as it was pushed for the study.

    Args:
        settings: of the search.
        progress: called with the images looked at so far, and all of them.
        say: is given a line when the data set is fetched.

    Raises:
        AutomlError: it cannot be read, or fetched.
    """
    root = settings.data.root
    if root == EMBEDDED or settings.store.artifacts is None or Path(root).expanduser().exists():
        return load_data(settings.data, progress)
    fingerprint, url = _fingerprint(settings), absolute_url(settings.store.artifacts)
    dataset = fetched(fingerprint, open_place(url), lambda: say(f"data: '{root}' is not on this machine; fetching it"))
    say(f"data: '{root}' is not on this machine; read as it was pushed to '{url}', from '{dataset.root}'")
    if settings.data.split not in dataset.splits:
        raise DataError(f"data.split: the data set has no '{settings.data.split}'; it has {', '.join(dataset.splits)}")
    return dataset


def fetched(fingerprint: str, place: ArtifactPlace, fetches: Callable[[], None] = lambda: None) -> Dataset:
    """Return a data set that was pushed; it is fetched once, whoever on this machine asks first.

    Args:
        fingerprint: of the data set.
        place: where it was pushed to.
        fetches: called before it is fetched.

    Raises:
        StoreError: it was not pushed, is damaged, or the place cannot be reached.
    """
    home = home_of_fetched()
    home.mkdir(parents=True, exist_ok=True)
    folder = home / fingerprint
    with locked_folder(home):
        if not folder.exists():
            fetches()
            _fetch(fingerprint, place, folder)
    dataset = read_packed(folder)
    if dataset.fingerprint != fingerprint:
        raise DataError(f"data: '{folder}' was changed since it was fetched; remove it, and it is fetched again")
    return dataset


def _fetch(fingerprint: str, place: ArtifactPlace, folder: Path) -> None:
    stored = _whole(place, fingerprint)
    if stored is None:
        raise StoreError(
            f"data: '{place.url}' does not hold data set {fingerprint}; push it from a machine that has it: "
            "automl data push conf=... data.root=... store.artifacts=..."
        )
    content = _Hashed(place.read(stored.object))
    damaged = f"data: '{stored.object}' in '{place.url}' is damaged; remove it there, and push it again"
    with whole_folder(folder) as partial:
        try:
            unpack(io.BufferedReader(content), partial)
        except tarfile.TarError as error:
            raise FileLost(f"{damaged} ({error})") from None
        if content.rest() != stored.sha256 or read_packed(partial).fingerprint != fingerprint:
            raise FileLost(damaged)


def _fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the data set that a study has begun with.

    Raises:
        StoreError: there is no such study yet.
    """
    try:
        study = load_study(settings.folder.parent, settings.name, settings.store.url)
    except StoreError as error:
        raise DataError(
            f"data.root: '{settings.data.root}' is not on this machine, and study '{settings.name}' has not begun, by "
            f"which it could be fetched ({error}); begin on a machine that has it"
        ) from None
    found = StudyRecord.of(study).fingerprints.get("data")
    if artifacts_of(study) is None or not isinstance(found, str):
        raise DataError(
            f"data.root: '{settings.data.root}' is not on this machine, and study '{settings.name}' keeps no files in "
            "store.artifacts; give a folder that is here"
        )
    return found


def _whole(place: ArtifactPlace, fingerprint: str) -> StoredFile | None:
    """Return the archive of a data set; None if it was never pushed to its end."""
    try:
        return StoredFile.from_json(json.loads(b"".join(place.read(f"{_below(fingerprint)}/{LIST}"))))
    except (FileLost, ValueError):  # the latter of a push that was killed
        return None


def _below(fingerprint: str) -> str:
    return f"data/{fingerprint}"


class _Packing:
    """A data set that a thread packs into a pipe: neither memory nor disk ever holds it whole.

    Attributes:
        reader: the pipe's end.
        bytes: that went through it; `sha256` is theirs.
    """

    def __init__(self, dataset: Dataset) -> None:
        reader, writer = os.pipe()
        self.reader: IO[bytes] = os.fdopen(reader, "rb")
        self._writer, self._dataset = os.fdopen(writer, "wb"), dataset
        self._digest, self.bytes = hashlib.sha256(), 0
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._pack, name="packing", daemon=True)

    def __enter__(self) -> "_Packing":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.reader.close()  # whoever still writes is given an error
        self._thread.join()
        if kind is None and self._error is not None:
            raise StoreError(f"data: cannot be packed ({self._error}); check its images")

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> int:
        self._digest.update(chunk)
        self.bytes += len(chunk)
        return self._writer.write(chunk)

    def _pack(self) -> None:
        try:
            with self._writer:
                pack(self._dataset, self)  # type: ignore[arg-type]  # what tarfile needs of a stream
        except OSError as error:
            self._error = error


class _Hashed(io.RawIOBase):
    """Chunks as a stream that hashes what is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left, self._digest = chunks, b"", hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # a narrower kind
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._digest.update(chunk)
            self._left = chunk
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def rest(self) -> str:
        """Read to the end, and return the SHA-256 of all."""
        for chunk in self._chunks:
            self._digest.update(chunk)
        return self._digest.hexdigest()
