"""An SQLite file, looked at before anything may write to it: whole, and holding Optuna's tables or none.

It is read through SQLite alone: opening the file in another way and closing it would end the locks that SQLite holds
in this process.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from spaces.errors import StoreError

LOCK_WAIT_S = 60.0  # a search writes for milliseconds at a time; who copies the file may hold it for longer
Found = TypeVar("Found")
PRIMARY = 0xFF  # the lower byte of SQLite's codes names the kind of error


def file_of(url: str) -> Path | None:
    """Return the file of a storage URL; None for other databases, for memory, and for SQLite's own kind of URL."""
    if not url.startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url

    name = make_url(url).database or ":memory:"
    return None if name == ":memory:" or name.startswith("file:") else Path(name)


def holds_tables(path: Path, wait_s: float = LOCK_WAIT_S) -> bool:
    """Whether a file holds all of Optuna's tables; the file is never changed.

    Args:
        path: the file; one that is missing or empty holds none.
        wait_s: seconds to wait for another process that has locked it.

    Raises:
        StoreError: it is no database, damaged, locked for longer, another program's, or of another version of Optuna.
    """
    if not path.is_file():
        return False
    try:
        tables, studies = _looked(path, wait_s, lambda connection: _read(connection, path))
    except sqlite3.Error as error:
        raise StoreError(explained(error, str(path), wait_s)) from error
    known = _optuna_tables()
    if tables >= known:
        return True
    if tables <= known and not studies:
        return False  # Optuna was cut while it made them
    if {"studies", "version_info"} <= tables:
        raise StoreError(of_another_optuna(str(path)))
    raise StoreError(f"store: '{path}' belongs to another program, it holds no study; name another file")


def study_names(path: Path, wait_s: float = LOCK_WAIT_S) -> set[str]:
    """Return the names of the studies in a file; none if it is no file of Optuna's. It is never changed.

    Raises:
        StoreError: another process has locked it for longer than `wait_s` seconds.
    """
    try:
        return _looked(path, wait_s, _names) if path.is_file() else set()
    except sqlite3.Error as error:
        if _kind(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreError(explained(error, str(path), wait_s)) from error
        return set()


def explained(error: sqlite3.Error, what: str, wait_s: float) -> str:
    """Return one line for an error of SQLite's."""
    reason = " ".join(str(error).split())[:160]
    match _kind(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"store: '{what}' is locked by another process for {wait_s:g} s already; end it, or try again later"
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return _damaged(what, reason)
    return f"store: '{what}' cannot be used ({reason}); check the path and its rights, or name another"


def is_full(error: BaseException) -> bool:
    """Whether SQLite found no room on the disk."""
    return isinstance(error, sqlite3.Error) and _kind(error) == sqlite3.SQLITE_FULL


def of_another_optuna(what: str) -> str:
    """Return one line for tables of another version."""
    return (
        f"store: '{what}' was made by another version of Optuna; use that version, or upgrade a copy with "
        "optuna storage upgrade"
    )


def _damaged(what: str, reason: str) -> str:
    return f"store: '{what}' cannot be used ({reason}); it was left as it is: bring back a copy, or start with name=NEW"


def _kind(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & PRIMARY


def _looked(path: Path, wait_s: float, look: Callable[[sqlite3.Connection], Found]) -> Found:
    """Return what a look at a file finds.

    A writer that was killed leaves a journal. SQLite must play it back before anyone can read, which undoes the half
    of a transaction, and writes.
    """
    try:
        return _looked_as("ro", path, wait_s, look)
    except sqlite3.OperationalError as error:
        if _kind(error) != sqlite3.SQLITE_READONLY:
            raise
        return _looked_as("rw", path, wait_s, look)


def _looked_as(mode: str, path: Path, wait_s: float, look: Callable[[sqlite3.Connection], Found]) -> Found:
    url = f"file:{quote(str(path.absolute()))}?mode={mode}"
    with closing(sqlite3.connect(url, timeout=wait_s, uri=True)) as connection:
        return look(connection)


def _read(connection: sqlite3.Connection, path: Path) -> tuple[set[str], int]:
    """Check every page of a file; return the names of its tables, and the number of studies."""
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])  # 0.1 s for ten thousand trials
    if found != "ok":
        raise StoreError(_damaged(str(path), " ".join(found.split())[:160]))
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    tables = {str(name) for (name,) in named}
    counted = connection.execute("SELECT count(*) FROM studies").fetchone()[0] if "studies" in tables else 0
    return tables, int(counted)


def _names(connection: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT study_name FROM studies")}


def _optuna_tables() -> set[str]:
    from optuna.storages._rdb.models import BaseModel

    return {*BaseModel.metadata.tables, "alembic_version"}
