"""What an order is sent with: the files and the images, each once, to a place that both machines reach.

An order's body is what JSON can say of it: the parts of each file by their names there, with a SHA-256 each.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec

from objectives.deploy.artifact_files import files_of
from objectives.latency.hosts.queue import Order
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.files import whole

PARCEL_CHUNK_BYTES = 1 << 20


class ParcelPlace(Protocol):
    """Where objects lie, by names that are never used twice; a method raises OSError or StoreError where it cannot."""

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write an object."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield what an object holds, in chunks."""

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""


class SharedFolder:
    """A place in a folder that all machines see: the study's own, where that is shared."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made with its first object."""
        self._folder = folder

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write a file whole."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial, partial.open("wb") as stream:
            while chunk := content.read(PARCEL_CHUNK_BYTES):
                stream.write(chunk)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield what a file holds."""
        with (self._folder / name).open("rb") as stream:
            while chunk := stream.read(PARCEL_CHUNK_BYTES):
                yield chunk

    def remove(self, name: str) -> None:
        """Remove a file, and its folder once that is empty."""
        path = self._folder / name
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()


@dataclass(frozen=True)
class Received:
    """An order as it has arrived.

    Attributes:
        artifacts: the files, here.
        images: the images, here.
        protocol: when a file is done.
        again: whether kept figures do not answer.
    """

    artifacts: tuple[Path, ...]
    images: tuple[Path, ...]
    protocol: LatencyProtocol
    again: bool


class Parcels:
    """Sends and fetches what orders are about."""

    def __init__(self, place: ParcelPlace, prefix: str) -> None:
        """Take the place, and what names begin with; those of this process go on with a word of their own."""
        self._place, self._own = place, f"{prefix}/{uuid.uuid4().hex}"
        self._count = 0
        self._images: dict[Path, dict[str, str]] = {}

    def send(self, order: Order) -> dict[str, Any]:
        """Send an order's files, and its images unless they went with an earlier one; return the order's body."""
        images = [self._images.get(path) or self._images.setdefault(path, self._sent(path)) for path in order.images]
        return {
            "files": [[self._sent(part) for part in files_of(path)] for path in order.artifacts],
            "images": images,
            "protocol": asdict(order.protocol),
            "again": order.again,
        }

    def fetch(self, body: Mapping[str, Any], folder: Path) -> Received:
        """Fetch what a body names into a folder.

        Raises:
            OSError, StoreError: something is not there, or cannot be read now.
            ValueError: something has not arrived whole.
        """
        files = [self._fetched(parts, folder / f"{i}") for i, parts in enumerate(body["files"])]
        images = [self._fetched([part], folder / f"image{i}") for i, part in enumerate(body["images"])]
        protocol = msgspec.convert(body["protocol"], LatencyProtocol)
        return Received(tuple(files), tuple(images), protocol, bool(body["again"]))

    def remove(self, body: Mapping[str, Any], *, with_images: bool = False) -> None:
        """Remove an order's files; its images too where nobody will order again with them."""
        parts = [part for parts in body["files"] for part in parts]
        for part in [*parts, *(body["images"] if with_images else ())]:
            self._place.remove(part["name"])

    def close(self) -> None:
        """Remove the images that went with this process's orders."""
        for part in self._images.values():
            self._place.remove(part["name"])
        self._images.clear()

    def _sent(self, path: Path) -> dict[str, str]:
        self._count += 1
        name = f"{self._own}/{self._count}{path.suffix}"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            self._place.write(name, stream)
        return {"name": name, "suffix": path.suffix, "sha256": digest}

    def _fetched(self, parts: Sequence[Mapping[str, str]], stem: Path) -> Path:
        """Fetch the parts of one file, which differ in their suffixes; return the first."""
        paths = [stem.with_suffix(part["suffix"]) for part in parts]
        for part, path in zip(parts, paths, strict=True):
            digest = hashlib.sha256()
            with path.open("wb") as stream:
                for chunk in self._place.read(part["name"]):
                    digest.update(chunk)
                    stream.write(chunk)
            if digest.hexdigest() != part["sha256"]:
                raise ValueError(f"'{part['name']}' has not arrived whole")
        return paths[0]
