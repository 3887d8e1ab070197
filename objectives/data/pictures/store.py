"""The index of pictures on disk: what was seen of a file holds as long as the file is the same."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from objectives.data.pictures.picture import Picture
from objectives.data.pictures.rows import to_picture, to_row

VERSION = 1  # raised when files are examined in another way: what an older automl has seen is seen anew
DECODERS = ("opencv-python-headless", "pillow", "pi-heif")
WRITER_WAIT_S = 30.0  # for another process that writes
ASKED_AT_ONCE = 500
GONE_MIN = 1000  # rows not asked for, after which those of removed files are looked for

_COLUMNS = "width, height, orientation, content, looks, mode, frames, problem"
_TABLE = """
CREATE TABLE pictures (
    path BLOB PRIMARY KEY, stamp TEXT NOT NULL, made_by TEXT NOT NULL,
    width INTEGER, height INTEGER, orientation INTEGER, content BLOB NOT NULL, looks INTEGER,
    mode TEXT NOT NULL, frames INTEGER NOT NULL, problem TEXT
) WITHOUT ROWID
"""

Stamp = str  # of a file: size, times of change of content and of entry, number; another content has another one


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what a file's state is known by: not its path, so that a folder may be renamed."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


@cache
def _made_by() -> str:
    """Return the versions of the decoders: a file that one cannot open, another may."""
    found = []
    for package in DECODERS:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return ", ".join(found)


class PictureStore:
    """Rows of pictures in an SQLite file. One that cannot be used is made anew, or done without: it is a cache."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = _open(path)
            except sqlite3.OperationalError:  # locked, full, or not ours to write: the file itself may be sound
                raise
            except sqlite3.DatabaseError:
                self._database = _open_anew(path)
        except (OSError, sqlite3.Error):
            self._database = _open(":memory:")

    def read(self, stamps: Mapping[Path, Stamp]) -> dict[Path, Picture]:
        """Return what is known of files in the state of their stamps, by their paths, or by those they had before."""
        try:
            found = self._by_path(stamps)
            found.update(self._by_stamp({path: stamp for path, stamp in stamps.items() if path not in found}))
        except sqlite3.OperationalError:
            return {}
        except sqlite3.DatabaseError:  # part of the file is broken
            self._database.close()
            try:
                self._database = _open_anew(self._path)
            except (OSError, sqlite3.Error):
                self._database = _open(":memory:")
            return {}
        return found

    def _by_path(self, stamps: Mapping[Path, Stamp]) -> dict[Path, Picture]:
        found: dict[Path, Picture] = {}
        for asked in _parts(stamps):
            by_path = {os.fsencode(path): path for path in asked}
            for name, stamp, *row in self._rows("path", list(by_path)):
                if stamp == stamps[by_path[name]]:
                    _add(found, by_path[name], row)
        return found

    def _by_stamp(self, stamps: Mapping[Path, Stamp]) -> dict[Path, Picture]:
        found: dict[Path, Picture] = {}
        for asked in _parts(stamps):
            by_stamp: dict[Stamp, list[Path]] = {}
            for path in asked:
                by_stamp.setdefault(stamps[path], []).append(path)
            for _name, stamp, *row in self._rows("stamp", list(by_stamp)):
                for path in by_stamp[stamp]:
                    _add(found, path, row)
        return found

    def _rows(self, column: str, values: list[Any]) -> list[Any]:
        marks = ",".join("?" * len(values))
        chosen = f"SELECT path, stamp, {_COLUMNS} FROM pictures WHERE {column} IN ({marks})"
        return self._database.execute(
            f"{chosen} AND (problem IS NULL OR made_by = ?)", (*values, _made_by())
        ).fetchall()

    def keep(self, pictures: Iterable[tuple[Picture, Stamp]]) -> None:
        """Write rows, in one step."""
        rows = [(os.fsencode(p.path), stamp, _made_by(), *to_row(p)) for p, stamp in pictures]
        with suppress(sqlite3.DatabaseError), self._database:  # a full disk: they are seen again next time
            self._database.executemany(f"INSERT OR REPLACE INTO pictures VALUES ({','.join('?' * 11)})", rows)

    def forget_removed(self, asked: int) -> None:
        """Remove the rows of files that are gone, once there are as many rows that nobody asks for as others."""
        with suppress(sqlite3.DatabaseError), self._database:
            (count,) = self._database.execute("SELECT COUNT(*) FROM pictures").fetchone()
            if count < 2 * asked + GONE_MIN:
                return
            names = [name for (name,) in self._database.execute("SELECT path FROM pictures")]
            gone = [(name,) for name in names if not os.path.exists(name)]  # noqa: PTH110  # bytes, as they were stored
            self._database.executemany("DELETE FROM pictures WHERE path = ?", gone)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()


def _open(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=WRITER_WAIT_S)
    try:
        # A cache may be lost with the power; waiting for the disk would cost more than small data sets do.
        database.execute("PRAGMA synchronous = OFF")
        if _version(database) != VERSION:
            database.execute("BEGIN IMMEDIATE")
            if _version(database) != VERSION:  # still: another process may have been first
                database.execute("DROP TABLE IF EXISTS pictures")
                database.execute(_TABLE)
                database.execute("CREATE INDEX stamps ON pictures (stamp)")
                database.execute(f"PRAGMA user_version = {VERSION}")
            database.commit()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _open_anew(path: Path) -> sqlite3.Connection:
    path.unlink()
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    return _open(path)


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _add(found: dict[Path, Picture], path: Path, row: list[Any]) -> None:
    """Add the picture of a row; one that an automl of another kind has written is none."""
    with suppress(ValueError, TypeError):
        found[path] = to_picture(path, tuple(row))


def _parts(paths: Iterable[Path]) -> Iterator[list[Path]]:
    rest = iter(paths)
    while part := list(islice(rest, ASKED_AT_ONCE)):
        yield part
