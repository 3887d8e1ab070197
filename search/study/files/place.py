"""Places for objects: a folder, S3, or Google Cloud Storage, by Optuna's artifact stores.

These were taken since Optuna is here already: three back ends behind a contract of three methods. fsspec was looked at:
its s3fs pins another botocore, and runs an event loop that does not survive a fork. What Optuna's lack is added here: a
listing, and time limits. Its `Backoff` is not used: what it removes it removes again, until that is an error.

A folder's write is not atomic. Nor does it have to be: no name is used twice, and what is written counts once a trial
lists it.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from spaces.errors import SettingsError, StoreError, first_line

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

KINDS = "a folder, file://FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX"
REACH_S, ANSWER_S = 10.0, 30.0  # that one call may be silent
PART_BYTES = 1 << 20


class ArtifactsAway(StoreError):
    """The place of a study's files cannot be reached or used just now."""


class FileLost(StoreError):
    """A file that a trial lists is damaged, or gone."""


class ArtifactPlace(ABC):
    """Where objects lie, by names with slashes. It may be used by several threads."""

    def __init__(self, url: str, artifacts: "ArtifactStore", prefix: str, faults: tuple[type[Exception], ...]) -> None:
        """Take what is known of it.

        Args:
            url: for people.
            artifacts: Optuna's store.
            prefix: put before each name; empty, or with a slash behind.
            faults: what the store raises where it cannot be reached or used.
        """
        self.url, self._artifacts, self._prefix, self._faults = url, artifacts, prefix, faults

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write an object whose name was never used; one that was cut counts as not there.

        Raises:
            ArtifactsAway: it cannot be written now.
        """
        with self._explained(name):
            self._artifacts.write(self._prefix + name, content)  # type: ignore[arg-type]  # Optuna names BinaryIO

    def read(self, name: str) -> Iterator[bytes]:
        """Yield what an object holds, in chunks.

        Raises:
            FileLost: there is none.
            ArtifactsAway: it cannot be read now.
        """
        with self._explained(name), self._artifacts.open_reader(self._prefix + name) as stream:
            while chunk := stream.read(PART_BYTES):
                yield chunk

    def remove(self, name: str) -> None:
        """Remove an object, if it is there.

        Raises:
            ArtifactsAway: it cannot be removed now.
        """
        try:
            with self._explained(name):
                self._artifacts.remove(self._prefix + name)
        except FileLost:
            pass

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names of the objects that begin so.

        Raises:
            ArtifactsAway: they cannot be listed now.
        """
        with self._explained(prefix):
            for name in self._names(self._prefix + prefix):
                yield name.removeprefix(self._prefix)

    @abstractmethod
    def _names(self, prefix: str) -> Iterator[str]: ...

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        from optuna.artifacts.exceptions import ArtifactNotFound

        try:
            yield
        except ArtifactNotFound:
            raise FileLost(f"files: '{name}' is not in '{self.url}' any more") from None
        except self._faults as error:
            raise ArtifactsAway(f"files: '{self.url}' cannot be used now ({first_line(error)})") from error


class FolderPlace(ArtifactPlace):
    """A folder, which all machines must see."""

    def __init__(self, folder: Path) -> None:
        from optuna.artifacts import FileSystemArtifactStore

        self._folder = folder
        super().__init__(str(folder), FileSystemArtifactStore(folder), "", (OSError,))

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write an object, and the folders that it is named by."""
        with self._explained(name):
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        super().write(name, content)

    def _names(self, prefix: str) -> Iterator[str]:
        for folder, _, names in os.walk(self._folder / prefix):
            below = Path(folder).relative_to(self._folder)
            yield from ((below / name).as_posix() for name in names)


class BucketPlace(ArtifactPlace):
    """A bucket of S3, or of what speaks its protocol: keys and endpoint are found as boto3 finds them."""

    def __init__(self, url: str, bucket: str, prefix: str) -> None:
        try:
            import boto3
            from boto3.exceptions import Boto3Error
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            missing = "needs boto3, which is not here; pip install 'automl[s3]'"
            raise SettingsError(f"store.artifacts: '{url}' {missing}") from None
        from optuna.artifacts import Boto3ArtifactStore

        limits = Config(connect_timeout=REACH_S, read_timeout=ANSWER_S, retries={"total_max_attempts": 1})
        faults = (OSError, Boto3Error, BotoCoreError, ClientError)
        try:
            self._client: Any = boto3.session.Session().client("s3", config=limits)
        except (*faults, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise StoreError(f"store.artifacts: '{url}' cannot be used ({first_line(error)})") from None
        self._bucket = bucket
        super().__init__(url, Boto3ArtifactStore(bucket, self._client, avoid_buf_copy=True), prefix, faults)

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write an object; the stream stays open."""
        super().write(name, _Unclosed(content))  # type: ignore[arg-type]  # it reads, and seeks

    def _names(self, prefix: str) -> Iterator[str]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", ()))


class GooglePlace(ArtifactPlace):
    """A bucket of Google Cloud Storage; an object passes through memory."""

    def __init__(self, url: str, bucket: str, prefix: str) -> None:
        try:
            from google.api_core.exceptions import GoogleAPIError  # type: ignore[import-untyped]  # ships none
            from google.auth.exceptions import GoogleAuthError
            from google.cloud import storage  # type: ignore[import-untyped]  # likewise
        except ImportError:
            missing = "needs google-cloud-storage, which is not here; pip install google-cloud-storage"
            raise SettingsError(f"store.artifacts: '{url}' {missing}") from None
        from optuna.artifacts import GCSArtifactStore

        try:
            self._client = storage.Client()
        except GoogleAuthError as error:
            raise StoreError(f"store.artifacts: '{url}' cannot be used ({first_line(error)})") from None
        self._bucket = bucket
        faults = (OSError, GoogleAPIError, GoogleAuthError)
        super().__init__(url, GCSArtifactStore(bucket, self._client), prefix, faults)

    def _names(self, prefix: str) -> Iterator[str]:
        yield from (blob.name for blob in self._client.list_blobs(self._bucket, prefix=prefix))


class _Unclosed:
    """A stream that boto3 may read and not close (boto/boto3#929)."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        """Leave it open."""


def open_place(url: str) -> ArtifactPlace:
    """Open a place for objects; nothing is read or written yet.

    Args:
        url: as `absolute_url` gives it.

    Raises:
        SettingsError: it is of no kind that is known, or its library is not here.
        StoreError: keys or an endpoint cannot be used.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:  # which would be stored, and shown
        raise SettingsError(
            f"store.artifacts: must name no user, key or password, got one in '{parts.scheme}://...'; give keys as the "
            "library of the object store finds them (AWS_ACCESS_KEY_ID, ~/.aws/config)"
        )
    if parts.scheme == "file":
        return FolderPlace(Path(unquote(parts.path)))
    if parts.scheme in ("s3", "gs") and parts.netloc:
        prefix = f"{found}/" if (found := parts.path.strip("/")) else ""
        return (BucketPlace if parts.scheme == "s3" else GooglePlace)(url, parts.netloc, prefix)
    raise SettingsError(f"store.artifacts: must be {KINDS}, got '{url}'")


def absolute_url(given: str) -> str:
    """Return what `store.artifacts` names, as it is meant on every machine: a folder as a URL, without `~`."""
    if "://" in given:
        return given.rstrip("/")
    return Path(given).expanduser().absolute().as_uri()
