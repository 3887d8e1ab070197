"""A connection to an SQLite file that gives its lock back with every transaction, however that was cut.

A statement that is not read to its end holds a shared lock on the file, even after its transaction was rolled back or
its connection was closed. Ctrl-C may come between a statement and the reading of its rows; the rows' cursor then lives
as long as the error's traceback, and every write of this and of other processes waits for it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import ref


class SqliteLine(sqlite3.Connection):
    """Ends what is left of its cursors' statements when a transaction is rolled back, and when it closes.

    Use `cursor()`: the short cut `execute` makes a cursor that nothing here sees.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._cursors: list[ref[sqlite3.Cursor]] = []  # no callback: an interrupt that came in one would be lost

    def cursor(self, factory: Callable[[sqlite3.Connection], Any] | None = None) -> Any:
        """Return a new cursor."""
        made = super().cursor(factory or sqlite3.Cursor)
        self._cursors.append(ref(made))
        return made

    def rollback(self) -> None:
        """Roll the transaction back; SQLAlchemy does so, too, with each connection that it gets back."""
        self._end_statements()
        super().rollback()

    def close(self) -> None:
        """Close the connection."""
        self._end_statements()
        super().close()

    def _end_statements(self) -> None:
        while self._cursors:
            cursor = self._cursors.pop()()
            if cursor is not None:
                with suppress(sqlite3.Error):  # of a connection that has closed already
                    cursor.close()
