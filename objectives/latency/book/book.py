"""The book of figures: one SQLite file of the user's, which any number of processes read and write."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

from objectives.latency.book.asked import Asked
from objectives.machine.files import cache_folder
from objectives.machine.locks import LockFile
from objectives.records.records import Latency
from spaces.errors import first_line

VERSION = 2  # of the tables; 1 had one calm time for a figure
APPLICATION = 0x41754C54  # SQLite's mark of whose file it is: "AuLT"
LOCKED_S = 10.0  # for another process that writes; then it goes on without the book
ROWS_MOST = 20_000  # about 20 MB; beyond it the oldest tenth goes
SAME_MS = 1e-4  # between two calm times that are one: the file of it has six digits

_TABLE = """
CREATE TABLE figures (
    file TEXT NOT NULL, device TEXT NOT NULL, protocol TEXT NOT NULL, timed TEXT NOT NULL, alone INTEGER NOT NULL,
    quick TEXT NOT NULL, calm_ms REAL NOT NULL, measured_at TEXT NOT NULL, automl TEXT NOT NULL, figure TEXT NOT NULL,
    PRIMARY KEY (file, device, protocol, timed, alone, calm_ms)
) WITHOUT ROWID
"""
_OLDER = """
DELETE FROM figures WHERE file = ? AND device = ? AND protocol = ? AND timed = ? AND alone = ? AND abs(calm_ms - ?) <= ?
"""
_KNOWN = """
SELECT figure FROM figures WHERE file = ? AND device = ? AND timed = ? AND (protocol = ? OR quick = ?) AND alone >= ?
ORDER BY quick = ? DESC, alone DESC, measured_at DESC
"""


@dataclass(frozen=True)
class Holding:
    """What the book holds of a device.

    Attributes:
        figures: how many.
        files: of how many files.
        first: when the oldest was measured, UTC; empty where there is none.
        last: when the newest was, likewise.
    """

    figures: int = 0
    files: int = 0
    first: str = ""
    last: str = ""


class Book:
    """Kept figures. It never ends a search: what cannot be read is measured, what cannot be written is not kept.

    A file that is damaged, or no book at all, is set aside under another name, with one warning. One connection a call:
    trials are forked, and SQLite's connections must not be.
    """

    def __init__(self, warn: Callable[[str], None], path: Path | None = None) -> None:
        """Take where warnings go, in one line each, and the file; None: in the user's cache folder."""
        self._warn, self._warned = warn, set[str]()
        self.path = path or cache_folder() / "latency.sqlite3"

    def known(self, asked: Asked) -> Latency | None:
        """Return the best figure that answers, marked as kept; None where there is none."""
        values = (asked.file, asked.device, asked.timed, asked.protocol, asked.protocol, asked.alone, asked.protocol)
        rows = self._do(lambda database: database.execute(_KNOWN, values).fetchall(), []) if self.path.exists() else []
        for (text,) in rows:
            figure = _read(text)
            if figure is not None and _answers(figure, asked):
                return replace(figure, kept=True)
        return None

    def keep(self, asked: Asked, figure: Latency) -> None:
        """Keep a figure in place of an older one; one that is unstable, or that is from the book itself, is not kept.

        Where the device has one scale at a time, its figures on another calm time of the reference go.
        """
        if not figure.stable or figure.kept:
            return
        key = (asked.file, asked.device, asked.protocol, asked.timed, asked.alone, asked.quick)
        text = json.dumps(figure.to_json())
        row = (*key, figure.calm_ms, figure.measured_at, version("automl"), text)

        def write(database: sqlite3.Connection) -> None:
            scale = (figure.calm_ms, SAME_MS)
            if figure.calm_ms > 0 and asked.one_scale:
                others = "DELETE FROM figures WHERE device = ? AND calm_ms > 0 AND abs(calm_ms - ?) > ?"
                database.execute(others, (asked.device, *scale))
            database.execute(_OLDER, (*key[:5], *scale))
            database.execute(f"INSERT INTO figures VALUES ({','.join('?' * len(row))})", row)
            _prune(database)

        self._do(write, None)

    def held(self, device: str) -> Holding:
        """Return what there is of a device, by its fingerprint."""
        if not self.path.exists():
            return Holding()
        chosen = "SELECT COUNT(*), COUNT(DISTINCT file), MIN(measured_at), MAX(measured_at) FROM figures"
        query = f"{chosen} WHERE device = ?"
        row = self._do(lambda database: database.execute(query, (device,)).fetchone(), (0, 0, None, None))
        return Holding(row[0], row[1], row[2] or "", row[3] or "")

    def _do(self, work: Callable[[sqlite3.Connection], Any], otherwise: Any) -> Any:
        """Do something with the database, all of it or nothing; return `otherwise` where that is not possible."""
        try:
            for last in (False, True):
                try:
                    with _locked(shared=True), _opened(self.path) as database:
                        return work(database)
                except sqlite3.OperationalError:  # locked, full, not ours to write: the file itself may be sound
                    raise
                except sqlite3.DatabaseError as error:
                    if last:
                        raise
                    self._set_aside(error)
        except (OSError, sqlite3.Error) as error:
            why = first_line(error)
            self._say(f"'{self.path}' cannot be used ({why}); latencies are measured and not kept")
        return otherwise

    def _set_aside(self, error: Exception) -> None:
        """Give the file another name, unless another process has done so meanwhile."""
        with _locked(shared=False):
            if _is_sound(self.path):
                return
            aside = next(path for i in count(1) if not (path := _aside(self.path, i)).exists())
            self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
            self.path.rename(aside)
        self._say(
            f"'{self.path}' was no sound book ({first_line(error)}); it is kept as '{aside.name}', and latencies are "
            "measured anew"
        )

    def _say(self, text: str) -> None:
        """Warn once."""
        if text not in self._warned:
            self._warned.add(text)
            self._warn(f"book of latencies: {text}")


@contextmanager
def _locked(*, shared: bool) -> Iterator[None]:
    """Share the book, or have it alone, to rename it: SQLite would take a new file's journal for that of the old one.

    Nobody waits for ever: after LOCKED_S a process goes on.
    """
    with LockFile("latency-book") as lock:
        end = time.monotonic() + LOCKED_S
        while not (lock.share() if shared else lock.own()) and time.monotonic() < end:
            time.sleep(0.01)
        yield


class _Foreign(sqlite3.DatabaseError):
    """The file is SQLite's, and not ours."""


def _is_sound(path: Path) -> bool:
    """Return whether a book can be read whole.

    Raises:
        sqlite3.OperationalError: it cannot be looked at now.
    """
    try:
        with _opened(path) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.aside-{number}{path.suffix}")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file, or make it; what is done inside is written when the block has ended well.

    With SQLite's plain journal: a cache folder may lie on a network disk, where its write-ahead log does not work.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=LOCKED_S, isolation_level="IMMEDIATE")) as database, database:
        _prepare(database)
        yield database


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables if they are not there."""
    database.execute("PRAGMA synchronous = NORMAL")
    if _marks(database) == (APPLICATION, VERSION):
        return
    database.execute("BEGIN IMMEDIATE")
    application, found = _marks(database)  # another process may have been first
    if (application, found) == (APPLICATION, VERSION):
        return
    if application == APPLICATION and found > VERSION:
        raise sqlite3.OperationalError("a newer automl has written it")
    if (application, found) == (APPLICATION, 1):
        _bring_up(database)
        return
    (tables,) = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if tables:
        raise _Foreign("its tables are of another program")
    _make(database)


def _make(database: sqlite3.Connection) -> None:
    database.execute(_TABLE)
    database.execute("CREATE INDEX by_device ON figures (device)")
    database.execute(f"PRAGMA application_id = {APPLICATION}")
    database.execute(f"PRAGMA user_version = {VERSION}")


def _bring_up(database: sqlite3.Connection) -> None:
    """Bring the tables of version 1 up to this one: the same columns under another key."""
    database.execute("ALTER TABLE figures RENAME TO older")
    database.execute("DROP INDEX by_device")
    _make(database)
    database.execute("INSERT INTO figures SELECT * FROM older")
    database.execute("DROP TABLE older")


def _marks(database: sqlite3.Connection) -> tuple[int, int]:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (found,) = database.execute("PRAGMA user_version").fetchone()
    return application, found


def _prune(database: sqlite3.Connection) -> None:
    (rows,) = database.execute("SELECT COUNT(*) FROM figures").fetchone()
    if rows <= ROWS_MOST:
        return
    oldest = "SELECT measured_at FROM figures ORDER BY measured_at LIMIT 1 OFFSET ?"
    (end,) = database.execute(oldest, (ROWS_MOST // 10,)).fetchone()
    database.execute("DELETE FROM figures WHERE measured_at < ?", (end,))


def _read(text: str) -> Latency | None:
    """Return a figure; None for what an automl of another kind has written."""
    try:
        return Latency.from_json(json.loads(text))
    except ValueError:
        return None


def _answers(figure: Latency, asked: Asked) -> bool:
    if asked.throughput and figure.images_per_s is None:
        return False
    return figure.calm_ms <= 0 or any(abs(figure.calm_ms - calm_ms) <= SAME_MS for calm_ms in asked.calm_ms)
