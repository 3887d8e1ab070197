"""Opens the journal of a pipeline: SQLite in its folder, or a database server."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from search.operate.journal.alone import LeasedOperating, LockedOperating, NoOperating
from search.operate.journal.journal import Journal
from search.operate.journal.tables import JournalTables
from search.operate.paths import PipelinePaths
from search.settings.pipeline.pipeline_settings import PipelineSettings
from search.study.database.connect import IDLE_TRANSACTION_S, is_server, make_engine
from search.study.sqlite_check import LOCK_WAIT_S
from search.study.store import store_errors
from search.study.study_file import shown_url
from spaces.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def paths_of(settings: PipelineSettings) -> PipelinePaths:
    """Return the files of a pipeline."""
    return PipelinePaths(settings.root, settings.deployed)


def open_journal(settings: PipelineSettings, *, to_read: bool = False) -> Journal:
    """Open the journal of a pipeline.

    Args:
        settings: of the pipeline.
        to_read: nothing is made or written, whatever is called; a pipeline without a journal has no facts.

    Raises:
        StoreError: the database cannot be used.
    """
    tables, url, path = JournalTables(), settings.store.url, paths_of(settings).journal
    if url and not is_server(url):
        raise StoreError(
            f"store.url: must name a database server, or null for SQLite in {path}; got '{shown_url(url)}'"
        )
    what = shown_url(url) if url else str(path)
    with store_errors(what):
        if url and to_read:
            return Journal(_server_to_read(url, tables), tables, settings.name, what, NoOperating(settings.name))
        if url:
            engine = make_engine(url, IDLE_TRANSACTION_S)
            _make(engine, tables)
            return Journal(engine, tables, settings.name, what, LeasedOperating(settings.name, url, engine, tables))
        if to_read:
            return Journal(_file_to_read(path, tables), tables, settings.name, what, NoOperating(settings.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = _file(path, "rwc")
        _make(engine, tables)
        lock = LockedOperating(settings.name, paths_of(settings).lock)
        return Journal(engine, tables, settings.name, what, lock)


def _make(engine: "Engine", tables: JournalTables) -> None:
    """Make the tables; two processes may do so at once."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        tables.all.create_all(engine)
    except SQLAlchemyError:  # another process was faster by a moment
        if set(tables.all.tables) - set(inspect(engine).get_table_names()):
            raise


def _server_to_read(url: str, tables: JournalTables) -> "Engine":
    from sqlalchemy import inspect

    engine = make_engine(url, IDLE_TRANSACTION_S)
    if set(tables.all.tables) - set(inspect(engine).get_table_names()):
        return _empty(tables)
    return engine.execution_options(postgresql_readonly=True) if engine.dialect.name == "postgresql" else engine


def _file_to_read(path: Path, tables: JournalTables) -> "Engine":
    from sqlalchemy import inspect

    if path.is_file():
        engine = _file(path, "rw", to_read=True)
        if not set(tables.all.tables) - set(inspect(engine).get_table_names()):
            return engine
    return _empty(tables)


def _empty(tables: JournalTables) -> "Engine":
    """Return a database in memory, that nobody else sees, and that takes nothing once it has its tables."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", poolclass=StaticPool)
    tables.all.create_all(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    return engine


def _file(path: Path, mode: str, *, to_read: bool = False) -> "Engine":
    """Return an engine whose transactions take the right to write when they begin: a read within one stays true.

    Its journal is SQLite's own kind, as of studies: a kill or a power cut loses nothing that was written. Who comes
    next plays it back, which writes to the file; so `to_read` opens it for that as well, and refuses all other writes.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    url = f"file:{quote(str(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        line = sqlite3.connect(url, uri=True, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
        if to_read:
            line.execute("PRAGMA query_only = ON")
        return line

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if to_read else "BEGIN IMMEDIATE")

    return engine
