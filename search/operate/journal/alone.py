"""Who operates a pipeline: one process at a time, by a kernel lock beside an SQLite file, by a lease in a server."""

import fcntl
import os
import socket
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from search.operate.journal.tables import JournalTables
from search.study.claims.held import HeldLeases
from search.study.claims.lease_table import NOBODY, LeaseTable
from search.study.claims.renewal import Renewal
from search.study.store import store_errors
from spaces.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

OPERATES = 0  # what is leased
OPERATING_LEASE_S = 60.0  # a process that has not renewed its lease for so long operates no more


class OperatedElsewhere(StoreError):
    """Another process operates the pipeline."""


class Operating(ABC):
    """The right to operate one pipeline."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have it within the block.

        Raises:
            OperatedElsewhere: another process has it.
        """

    def check(self, connection: "Connection") -> None:  # noqa: B027  # a lock of the kernel cannot be lost
        """Check within a transaction that the right was not lost meanwhile.

        Raises:
            StoreError: it was.
        """

    def _refusal(self, who: str) -> OperatedElsewhere:
        return OperatedElsewhere(f"operate: pipeline '{self.name}' is operated by {who}; wait for it, or end it there")


class NoOperating(Operating):
    """For who only reads."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be with others: nothing is written."""
        yield


class LockedOperating(Operating):
    """By a lock of the kernel on a file, which is free as soon as its process has ended, however that went."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name)
        self.path = path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock; who finds it taken reads in the file who has it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                who = os.pread(descriptor, 4096, 0).decode(errors="replace")
                raise self._refusal(who or "another process") from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, this_process().encode(), 0)
            yield
        finally:
            os.close(descriptor)


class LeasedOperating(Operating):
    """By a lease in the database, by the database's clock; a thread renews it.

    A process that was frozen, or cut off, for longer than a lease loses it: what it would write then is refused.
    """

    def __init__(
        self, name: str, url: str, engine: "Engine", tables: JournalTables, lease_s: float = OPERATING_LEASE_S
    ) -> None:
        super().__init__(name)
        self._url, self._engine, self._tables, self.lease_s = url, engine, tables, lease_s
        self._key = f"pipeline/{name}"  # no study's name: these have no slash
        self._table, self._held, self._holder = LeaseTable(engine, self._key), HeldLeases(), uuid.uuid4().hex
        self._is_alone = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lease, and renew it."""
        with store_errors("database of the journal"):
            self._table.make()
            self._take()
            renewal = Renewal(self._url, self._key, self._holder, self._held, self.lease_s, self.lease_s)
        self._is_alone = True
        try:
            yield
        finally:
            self._is_alone = False
            renewal.end()
            with store_errors("database of the journal"), self._auto() as connection:
                self._table.free(connection, self._holder)

    def check(self, connection: "Connection") -> None:
        """Hold the lease until the transaction's end."""
        if self._is_alone and not self._table.stands(connection, self._holder, self._held.fences([OPERATES])):
            raise StoreError(
                f"operate: pipeline '{self.name}': this process was cut off for longer than {self.lease_s:g} s, "
                "and may be operated by another one now; give the line again"
            )

    def _take(self) -> None:
        with self._auto() as connection:
            before = self._table.look(connection, OPERATES)
            if before is None:
                taken = self._table.add(connection, OPERATES, self._holder, self.lease_s)
            elif before.holder != NOBODY and before.left_s > 0:
                taken = False
            else:
                taken = self._table.pass_on(connection, OPERATES, before, self._holder, self.lease_s)
            if not taken:
                raise self._refusal(self._who(connection))
            now = self._table.look(connection, OPERATES)
            self._held.add(OPERATES, now.fence if now else 0)
            self._sign(connection)

    def _sign(self, connection: "Connection") -> None:
        from sqlalchemy import delete, insert

        rows = self._tables.operators
        connection.execute(delete(rows).where(rows.c.pipeline == self.name))
        connection.execute(insert(rows), {"pipeline": self.name, "who": this_process()})

    def _who(self, connection: "Connection") -> str:
        from sqlalchemy import select

        rows = self._tables.operators
        found = connection.scalar(select(rows.c.who).where(rows.c.pipeline == self.name))
        return str(found or "another process")

    @contextmanager
    def _auto(self) -> "Iterator[Connection]":
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection


def this_process() -> str:
    """Return this process in words."""
    begun = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    return f"process {os.getpid()} on {socket.gethostname()}, begun {begun:%Y-%m-%d %H:%M:%S} UTC"
