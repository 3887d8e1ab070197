"""Lines to a database server: which databases carry a study of several machines, their clock, and their time limits."""

import math
from typing import TYPE_CHECKING, Any

from spaces.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import URL, Engine

PACKAGES_OF_DRIVERS = {"psycopg": "'automl[postgresql]'", "MySQLdb": "mysqlclient"}  # others have their module's name
SERVERS = ("postgresql", "mysql", "mariadb")
CONNECT_S = 10  # a server that does not answer for so long counts as away
SILENT_LINE_S = 30  # likewise a line on which nothing is confirmed
IDLE_TRANSACTION_S = (
    10  # a transaction whose process says nothing for so long is ended: its process is frozen, or cut off
)
OF_LIBPQ = {
    "connect_timeout": CONNECT_S,
    "keepalives_idle": SILENT_LINE_S // 3,
    "keepalives_interval": SILENT_LINE_S // 6,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * SILENT_LINE_S,
}
OF_MYSQL = {"connect_timeout": CONNECT_S, "read_timeout": SILENT_LINE_S, "write_timeout": SILENT_LINE_S}
OF_DRIVERS: dict[str, dict[str, int]] = {"psycopg": OF_LIBPQ, "psycopg2": OF_LIBPQ, "pymysql": OF_MYSQL}


def is_server(url: str) -> bool:
    """Whether a storage URL names a database that processes on several machines share, with leases in it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).get_backend_name() in SERVERS
    except ArgumentError:
        return False


def engine_arguments(url: str, idle_s: float = IDLE_TRANSACTION_S) -> dict[str, Any]:
    """Return what SQLAlchemy's engine for a database server is made with; what the URL itself says goes first.

    Args:
        url: of the database.
        idle_s: seconds after which the server ends a transaction whose process says nothing.
    """
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    given = OF_DRIVERS.get(parsed.get_driver_name(), {})
    return {
        "isolation_level": "READ COMMITTED",  # each statement sees what others have committed by then
        "connect_args": {name: value for name, value in given.items() if name not in parsed.query},
        "pool_events": [(_ends_idle_transactions(parsed, idle_s), "connect")],
        "pool_pre_ping": parsed.get_backend_name() != "postgresql",  # these end lines that idle, see below
    }


def make_engine(url: str, idle_s: float, **arguments: Any) -> "Engine":
    """Return an engine for a database server.

    Args:
        url: of the database.
        idle_s: as of `engine_arguments`.
        arguments: further ones of SQLAlchemy's `create_engine`.

    Raises:
        StoreError: the database's driver is not installed.
    """
    from sqlalchemy import create_engine

    try:
        return create_engine(url, **engine_arguments(url, idle_s), **arguments)
    except ImportError as error:
        raise no_driver(url, error) from error


def holds_studies(url: str) -> bool:
    """Whether a database server has Optuna's tables; none are made.

    Raises:
        StoreError: the database's driver is not installed.
        SQLAlchemyError: the server cannot be used.
    """
    from sqlalchemy import inspect
    from sqlalchemy.pool import NullPool

    return inspect(make_engine(url, IDLE_TRANSACTION_S, poolclass=NullPool)).has_table("studies")


def no_driver(url: str, error: ImportError) -> StoreError:
    """Return what is wrong where a database's driver cannot be imported."""
    from sqlalchemy.engine import make_url

    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error  # Optuna wraps it
    kind, driver = make_url(url).get_backend_name(), cause.name
    package = PACKAGES_OF_DRIVERS.get(str(driver), driver)
    return StoreError(f"store.url: {kind} needs the driver '{driver}', which is not installed; pip install {package}")


def clock_of(engine: "Engine") -> "ColumnElement[float]":
    """Return the server's clock as it is read: seconds since 1970; a transaction's own time would stand still."""
    from sqlalchemy import Double, func, literal, literal_column

    if engine.dialect.name == "postgresql":
        return literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)", Double)
    return func.unix_timestamp(func.sysdate(literal(6)), type_=Double)


def _ends_idle_transactions(url: "URL", idle_s: float) -> Any:
    """Return a listener that has the server end a transaction whose process has gone silent within it.

    Such a process would keep the rows that it has locked for as long as it is frozen. MySQL knows of idle lines alone.
    """
    if url.get_backend_name() == "postgresql":
        line = f"SET idle_in_transaction_session_timeout = {round(1000 * idle_s)}"
    else:
        line = f"SET SESSION wait_timeout = {math.ceil(idle_s)}"

    def listen(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(line)
        connection.commit()

    return listen
