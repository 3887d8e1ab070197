"""The table of leases in a study's database: who holds what, until when, by the database's clock."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.study.database.connect import clock_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

TABLE = "automl_leases"
NOBODY = ""
CHOICE, QUEUE = -1, -2  # what is leased: the right to choose; the place at the head of those who wait for it
STUDY_LENGTH, HOLDER_LENGTH = 512, 32  # characters; the first as Optuna has it


@dataclass(frozen=True)
class Lease:
    """A row of the table.

    Attributes:
        holder: names a process; NOBODY if it was given back.
        fence: grows whenever the holder changes.
        left_s: seconds until it runs out; negative: since it has.
    """

    holder: str
    fence: int
    left_s: float


class LeaseTable:
    """The leases of one study; each method is one statement, on a connection of the caller's."""

    def __init__(self, engine: "Engine", study: str) -> None:
        from sqlalchemy import BigInteger, Column, Double, MetaData, String, Table

        self._engine, self._study, self._now = engine, study, clock_of(engine)
        self._rows = Table(
            TABLE,
            MetaData(),
            Column("study", String(STUDY_LENGTH), primary_key=True),
            Column("what", BigInteger, primary_key=True, autoincrement=False),
            Column("holder", String(HOLDER_LENGTH), nullable=False, index=True),
            Column("fence", BigInteger, nullable=False),
            Column("until", Double, nullable=False),
        )

    def make(self) -> None:
        """Make the table, and the rows of the choice; several processes may do so at once."""
        from sqlalchemy import inspect
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self._rows.create(self._engine, checkfirst=True)
        except SQLAlchemyError:  # another process was faster by a moment
            if not inspect(self._engine).has_table(TABLE):
                raise
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for what in (CHOICE, QUEUE):
                if self.look(connection, what) is None:
                    self.add(connection, what, NOBODY, 0.0)

    def look(self, connection: "Connection", what: int) -> Lease | None:
        """Return a lease as it stands; None if there was never one."""
        from sqlalchemy import select

        rows = self._rows
        found = connection.execute(
            select(rows.c.holder, rows.c.fence, rows.c.until - self._now).where(*self._of(what))
        ).first()
        return Lease(*found) if found else None

    def add(self, connection: "Connection", what: int, holder: str, lease_s: float) -> bool:
        """Add a lease that was never there, outside of transactions; False if another process was faster."""
        from sqlalchemy import insert
        from sqlalchemy.exc import IntegrityError

        values = {"study": self._study, "what": what, "holder": holder, "fence": 1, "until": self._now + lease_s}
        try:
            connection.execute(insert(self._rows).values(values))
        except IntegrityError:
            return False
        return True

    def pass_on(self, connection: "Connection", what: int, before: Lease, holder: str, lease_s: float) -> bool:
        """Let a lease that stands as `before` pass to a holder; False if another process was faster."""
        from sqlalchemy import update

        rows, grows = self._rows, 0 if before.holder == holder else 1
        as_before = (rows.c.fence == before.fence, rows.c.holder == before.holder)
        changed = connection.execute(
            update(rows)
            .where(*self._of(what), *as_before)
            .values(holder=holder, fence=before.fence + grows, until=self._now + lease_s)
        )
        return changed.rowcount == 1

    def free(self, connection: "Connection", holder: str, whats: Collection[int] | None = None) -> None:
        """Give back what a holder has of these, or all of it."""
        from sqlalchemy import update

        rows = self._rows
        some = () if whats is None else (rows.c.what.in_(whats),)
        mine = (rows.c.study == self._study, rows.c.holder == holder)
        connection.execute(update(rows).where(*mine, *some).values(holder=NOBODY))

    def wait_in_line(self, connection: "Connection") -> None:
        """Wait, in a transaction, until all who came before have been at the head of the line.

        The server keeps the order of those who wait for a row.
        """
        from sqlalchemy import select

        connection.execute(select(self._rows.c.what).where(*self._of(QUEUE)).with_for_update())

    def renew(
        self, connection: "Connection", holder: str, lease_s: Mapping[int, float]
    ) -> tuple[dict[int, int], float]:
        """Renew leases, in a transaction.

        The rows are locked in one order everywhere: a write and a renewal of one process never wait for each other.

        Args:
            connection: to the database.
            holder: the process.
            lease_s: what it holds -> seconds from now on.

        Returns:
            What the process still holds of these -> its fence, and the database's time.
        """
        from sqlalchemy import case, select, update

        rows = self._rows
        mine = (rows.c.study == self._study, rows.c.holder == holder, rows.c.what.in_(list(lease_s)))
        locked = select(rows.c.what, rows.c.fence).where(*mine).order_by(rows.c.what).with_for_update()
        held = {row.what: row.fence for row in connection.execute(locked)} if lease_s else {}
        if held:
            seconds = case({what: lease_s[what] for what in held}, value=rows.c.what)
            connection.execute(update(rows).where(*mine).values(until=self._now + seconds))
        return held, float(connection.execute(select(self._now)).scalar_one())

    def stands(self, connection: "Connection", holder: str, fences: Mapping[int, int]) -> set[int]:
        """Return which of these leases a process still holds; they cannot change before this transaction's end."""
        from sqlalchemy import select

        rows = self._rows
        mine = (rows.c.study == self._study, rows.c.holder == holder, rows.c.what.in_(list(fences)))
        locked = select(rows.c.what, rows.c.fence).where(*mine).order_by(rows.c.what).with_for_update(read=True)
        return {what for what, fence in connection.execute(locked) if fences[what] == fence}

    def living(self, connection: "Connection") -> dict[int, str]:
        """Return what is held by any process -> its holder."""
        from sqlalchemy import select

        rows = self._rows
        held = (rows.c.study == self._study, rows.c.holder > NOBODY, rows.c.until > self._now)
        return {row.what: row.holder for row in connection.execute(select(rows.c.what, rows.c.holder).where(*held))}

    def _of(self, what: int):  # type: ignore[no-untyped-def]  # SQLAlchemy's expressions
        return self._rows.c.study == self._study, self._rows.c.what == what
