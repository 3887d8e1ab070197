"""The journal's database: facts are appended, images are kept by their hashes; every method is one transaction."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from search.operate.journal.alone import Operating
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.state import PipelineState, state_of
from search.operate.journal.tables import JournalTables, fact_of, image_of, image_row, moment_text
from search.study.store import store_errors
from spaces.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

NUMBER_TRIES = 20  # at a fact's number, which two processes may want at once


class Journal:
    """Facts and images of one pipeline. Make it by `open_journal`, and close it.

    Attributes:
        name: of the pipeline.
        what: the database, as people know it, without passwords.
    """

    def __init__(self, engine: "Engine", tables: JournalTables, name: str, what: str, operating: Operating) -> None:
        self.name, self.what = name, what
        self._engine, self._tables, self._operating = engine, tables, operating
        self._read: list[Fact] = []  # facts never change: what was read once is not read again

    def facts(self) -> list[Fact]:
        """Return all facts, the oldest first."""
        from sqlalchemy import select

        rows = self._tables.facts
        mine = select(rows).where(rows.c.pipeline == self.name).order_by(rows.c.number)
        with self._reading() as connection:
            last = self._read[-1] if self._read else None
            new = [
                fact_of(row) for row in connection.execute(mine.where(rows.c.number >= last.number) if last else mine)
            ]
            if last is None or (new and new[0] == last):
                self._read += new[1:] if last else new
            else:  # somebody has put another journal in its place
                self._read = [fact_of(row) for row in connection.execute(mine)]
        return list(self._read)

    def state(self) -> PipelineState:
        """Return what the facts come to."""
        return state_of(self.facts())

    def record(self, kind: FactKind, at: datetime, words: Mapping[str, Any], number: int | None = None) -> Fact:
        """Append a fact, of the round `number`; it is on the disk once this returns."""
        values = {
            "pipeline": self.name,
            "kind": kind.value,
            "round": number,
            "at": moment_text(at),
            "words": json.dumps(words),
        }
        taken = self._numbered(values)
        return Fact(taken, kind, number, at, json.loads(json.dumps(words)))

    def images(self, *status: ImageStatus) -> list[StreamImage]:
        """Return the images of these statuses, or all, by time and hash."""
        from sqlalchemy import select

        rows = self._tables.images
        chosen = [rows.c.status.in_([one.value for one in status])] if status else []
        with self._reading() as connection:
            mine = select(rows).where(rows.c.pipeline == self.name, *chosen).order_by(rows.c.at, rows.c.sha256)
            return [image_of(row) for row in connection.execute(mine)]

    def count_images(self, status: ImageStatus, number: int | None = None, since: datetime | None = None) -> int:
        """Return how many images are of a status, of a round if one is named, and taken after a moment if one is."""
        from sqlalchemy import func, select

        rows = self._tables.images
        mine = [rows.c.pipeline == self.name, rows.c.status == status.value]
        mine += [rows.c.round == number] if number is not None else []
        mine += [rows.c.at > moment_text(since)] if since is not None else []
        with self._reading() as connection:
            return int(connection.execute(select(func.count()).select_from(rows).where(*mine)).scalar_one())

    def known_hashes(self) -> set[str]:
        """Return the SHA-256 of all images."""
        with self._reading() as connection:
            return self._known(connection)

    def add_images(self, images: Iterable[StreamImage]) -> int:
        """Add images that are not known yet; return how many were new."""
        from sqlalchemy import insert

        by_hash: dict[str, StreamImage] = {}
        for image in images:
            by_hash.setdefault(image.sha256, image)
        with self._writing() as connection:
            known = self._known(connection)
            new = [image_row(self.name, image) for sha256, image in by_hash.items() if sha256 not in known]
            if new:
                connection.execute(insert(self._tables.images), new)
        return len(new)

    def mark_images(self, hashes: Collection[str], status: ImageStatus, number: int, splits: Mapping[str, str]) -> None:
        """Change the status and the round of images, and the split of those that `splits` names by hash."""
        from sqlalchemy import bindparam, update

        rows = self._tables.images
        mine = (rows.c.pipeline == self.name, rows.c.sha256 == bindparam("of"))
        values = {"status": status.value, "round": number}
        with self._writing() as connection:
            if hashes:
                connection.execute(update(rows).where(*mine).values(values), [{"of": one} for one in hashes])
            if splits:
                to_split = update(rows).where(*mine).values(split=bindparam("to_split"))
                connection.execute(to_split, [{"of": one, "to_split": split} for one, split in splits.items()])

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other process from operating this pipeline.

        Raises:
            OperatedElsewhere: another one does; the line says which process, on which machine, since when.
        """
        return self._operating.alone()

    def close(self) -> None:
        """Close the lines to the database."""
        self._engine.dispose()

    # Own

    def _known(self, connection: "Connection") -> set[str]:
        from sqlalchemy import select

        rows = self._tables.images
        return set(connection.scalars(select(rows.c.sha256).where(rows.c.pipeline == self.name)))

    def _numbered(self, values: dict[str, Any]) -> int:
        """Insert a fact under the next number; a number that another process takes meanwhile is left to it."""
        from sqlalchemy import func, insert, select
        from sqlalchemy.exc import IntegrityError

        rows = self._tables.facts
        last = select(func.coalesce(func.max(rows.c.number), 0)).where(rows.c.pipeline == self.name)
        with store_errors(self.what):
            for _ in range(NUMBER_TRIES):
                try:
                    with self._transaction() as connection:
                        number = int(connection.execute(last).scalar_one()) + 1
                        connection.execute(insert(rows), {**values, "number": number})
                    return number
                except IntegrityError:
                    continue
        raise StoreError(f"journal: '{self.what}' is written by too many processes at once; give the line again")

    @contextmanager
    def _reading(self) -> "Iterator[Connection]":
        with store_errors(self.what), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> "Iterator[Connection]":
        with store_errors(self.what), self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> "Iterator[Connection]":
        """Open a transaction that is written whole or not at all, and only while this process may operate."""
        with self._engine.begin() as connection:
            self._operating.check(connection)
            yield connection
