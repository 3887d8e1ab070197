"""One database server for all tests of studies that need one."""

from collections.abc import Iterator

import pytest
from postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that no test stops; each test makes itself a database."""
    with postgres_server() as server:
        yield server
