"""Which files of a folder were looked at already, by their paths, sizes and times: a cache, beside the journal."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

LOCKED_WAIT_S = 30.0
_TABLE = "CREATE TABLE IF NOT EXISTS seen (path BLOB PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID"


class SeenFiles:
    """Paths and stamps in an SQLite file; one that is broken is made anew: then files are hashed once more, no harm."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _open(path)
        except sqlite3.OperationalError:  # locked, full, or not ours to write: the file itself may be sound
            self._database = _open(":memory:")
        except sqlite3.DatabaseError:
            path.unlink()
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            self._database = _open(path)

    def fresh(self, stamps: Mapping[str, str]) -> list[str]:
        """Return the paths that are not known in the state of their stamps."""
        known = dict(self._database.execute("SELECT path, stamp FROM seen"))
        return [path for path, stamp in stamps.items() if known.get(path.encode(errors="surrogateescape")) != stamp]

    def keep(self, stamps: Iterable[tuple[str, str]]) -> None:
        """Keep that files were looked at in these states, in one step."""
        rows = [(path.encode(errors="surrogateescape"), stamp) for path, stamp in stamps]
        with suppress(sqlite3.DatabaseError), self._database:  # a full disk: they are looked at again next time
            self._database.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()


def _open(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=LOCKED_WAIT_S)
    try:
        database.execute("PRAGMA synchronous = OFF")  # a cache may be lost with the power
        database.execute(_TABLE)
        database.execute("SELECT path, stamp FROM seen LIMIT 1")
    except sqlite3.Error:
        database.close()
        raise
    return database
