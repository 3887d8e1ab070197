"""Errors of a database: which may be gone at the next try, and which never are."""

import psycopg
import pytest
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError

from search.study.database.away import Away, is_passing, reason_of
from spaces.errors import StoreError


def failed(error: Exception, kind: type[sqlalchemy.exc.DBAPIError] = sqlalchemy.exc.OperationalError) -> Exception:
    return kind("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (failed(psycopg.OperationalError("connection refused")), True),
        (failed(psycopg.errors.AdminShutdown("the server is shut down")), True),
        (failed(psycopg.errors.DeadlockDetected("deadlock")), True),
        (failed(psycopg.errors.TooManyConnections("too many")), True),
        (failed(psycopg.errors.IdleInTransactionSessionTimeout("idle"), sqlalchemy.exc.InternalError), True),
        (failed(psycopg.errors.UndefinedTable("no such table"), sqlalchemy.exc.ProgrammingError), False),
        (failed(psycopg.errors.StringDataRightTruncation("too long"), sqlalchemy.exc.DataError), False),
        (failed(Exception(2013, "lost connection")), True),  # as MySQL's drivers have it
        (failed(Exception(1146, "no such table")), False),
        (ValueError("another program's"), False),
    ],
)
def test_what_may_be_gone_at_the_next_try(error: Exception, passes: bool) -> None:
    assert is_passing(error) is passes
    wrapped = StorageInternalError("An exception is raised during the commit.")
    wrapped.__cause__ = error
    assert is_passing(wrapped) is passes


def test_the_reason_is_the_drivers() -> None:
    wrapped = StorageInternalError("An exception is raised during the commit.")
    wrapped.__cause__ = failed(psycopg.OperationalError("connection refused:\n  is it running?"))
    assert reason_of(wrapped) == "connection refused: is it running?"


def test_an_error_that_stays_is_raised_at_once() -> None:
    with pytest.raises(sqlalchemy.exc.OperationalError, match="no such table"):
        Away("here", 60.0).tried(_raise_of_a_table)


def _raise_of_a_table(_: bool) -> None:
    raise failed(psycopg.errors.UndefinedTable("no such table"))


def test_an_operation_is_given_whether_it_was_tried_before() -> None:
    tries: list[bool] = []

    def work(again: bool) -> str:
        tries.append(again)
        if len(tries) < 3:
            raise failed(psycopg.OperationalError("connection refused"))
        return "done"

    away = Away("here", 60.0)
    returned: list[int] = []
    away.on_return = lambda: returned.append(1)
    assert away.tried(work) == "done"
    assert (tries, returned) == ([False, True, True], [1])
    away.patient = False
    tries.clear()
    with pytest.raises(StoreError, match=r"'here' has been away \(connection refused\)"):
        away.tried(work)
