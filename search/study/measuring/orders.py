"""Orders for latencies in a study's database: a table of their own, which is there once somebody has asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from objectives.latency.hosts.queue import Answer
from objectives.records.records import Latency
from spaces.errors import DeviceError

if TYPE_CHECKING:
    import optuna
    import sqlalchemy

ORDERS_TABLE = "automl_latency_orders"


@dataclass(frozen=True)
class StoredOrder:
    """An order that waits for its answer.

    Attributes:
        number: counts the orders of a database; no number comes twice.
        asker: key of the searching process that asks.
        device: name of the device in the study.
        body: the files, the images and the protocol: see `search.study.measuring.parcels`.
    """

    number: int
    asker: int
    device: str
    body: Mapping[str, Any]


class Orders:
    """The orders of one study. Each call is one short transaction on a connection of the study's own pool.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used, of all methods.
    """

    def __init__(self, study: "optuna.Study") -> None:
        """Take the study; nothing is read yet."""
        storage: Any = study._storage
        self._engine: sqlalchemy.Engine = getattr(storage, "_backend", storage).engine
        self._study = study._study_id
        self._is_made = False

    def is_made(self) -> bool:
        """Whether the table is there: whether anybody has ever asked."""
        import sqlalchemy

        self._is_made = self._is_made or sqlalchemy.inspect(self._engine).has_table(ORDERS_TABLE)
        return self._is_made

    def make(self) -> None:
        """Make the table unless it is there; two processes may do so at once."""
        import sqlalchemy

        if self.is_made():
            return
        try:
            self._table.create(self._engine, checkfirst=True)
        except sqlalchemy.exc.DBAPIError:
            if not self.is_made():
                raise

    def put(self, asker: int, device: str, body: Mapping[str, Any]) -> int:
        """Store an order and return its number."""
        values = {"study_id": self._study, "asker": asker, "device": device, "body": json.dumps(body)}
        with self._engine.begin() as connection:
            (number,) = connection.execute(self._table.insert().values(values)).inserted_primary_key or (0,)
        return int(number)

    def waiting(self, devices: Sequence[str]) -> list[StoredOrder]:
        """Return the orders for these devices without an answer, the oldest first."""
        return self._orders(self._table.c.answer.is_(None), self._table.c.device.in_(devices))

    def answered(self) -> list[StoredOrder]:
        """Return the orders with an answer that nobody has taken yet."""
        return self._orders(self._table.c.answer.is_not(None))

    def _orders(self, *conditions: Any) -> list[StoredOrder]:
        table = self._table
        asked = table.select().where(table.c.study_id == self._study, *conditions).order_by(table.c.number)
        with self._engine.connect() as connection:
            rows = connection.execute(asked).all()
        return [StoredOrder(row.number, row.asker, row.device, json.loads(row.body)) for row in rows]

    def waits(self, number: int) -> bool:
        """Whether an order is there still and has no answer."""
        return self._answer_text(number) == ""

    def answer(self, number: int, answer: Answer, by: str) -> None:
        """Answer an order, unless it was answered or dropped: the first answer stands."""
        table = self._table
        text = json.dumps({"by": by, **_to_json(answer)})
        change = table.update().where(table.c.number == number, table.c.answer.is_(None)).values(answer=text)
        with self._engine.begin() as connection:
            connection.execute(change)

    def answer_of(self, number: int) -> Answer | None:
        """Return the answer to an order; None while there is none.

        Raises:
            LookupError: the order is not there.
        """
        text = self._answer_text(number)
        if text is None:
            raise LookupError(number)
        return _from_json(json.loads(text)) if text else None

    def drop(self, number: int) -> None:
        """Remove an order; nothing happens if it is not there."""
        with self._engine.begin() as connection:
            connection.execute(self._table.delete().where(self._table.c.number == number))

    def _answer_text(self, number: int) -> str | None:
        import sqlalchemy

        asked = sqlalchemy.select(self._table.c.answer).where(self._table.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(asked).one_or_none()
        return None if row is None else row.answer or ""

    @cached_property
    def _table(self) -> "sqlalchemy.Table":
        import sqlalchemy as sa

        return sa.Table(
            ORDERS_TABLE,
            sa.MetaData(),
            # Numbers of orders are claimed: one that was dropped must not come again.
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("study_id", sa.Integer, nullable=False, index=True),
            sa.Column("asker", sa.BigInteger, nullable=False),
            sa.Column("device", sa.String(255), nullable=False),
            sa.Column("body", sa.Text, nullable=False),
            sa.Column("answer", sa.Text),
            sqlite_autoincrement=True,
        )


def _to_json(answer: Answer) -> dict[str, Any]:
    figures = [
        {"latency": one.to_json()} if isinstance(one, Latency) else {"error": str(one)} for one in answer.figures
    ]
    return {"figures": figures, "away": answer.away}


def _from_json(values: Mapping[str, Any]) -> Answer:
    figures = (
        Latency.from_json(one["latency"]) if "latency" in one else DeviceError(one["error"])
        for one in values["figures"]
    )
    return Answer(tuple(figures), values["away"])
