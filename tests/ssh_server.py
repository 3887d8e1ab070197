"""A real SSH server on loopback, by asyncssh in a process of its own: keys made for the test, a folder as the home.

What stands for the board is this machine: commands run here, with the home and the temporary folder of the "board".
`python tests/ssh_server.py FOLDER PORT` is the server's process; one word a line on its standard input orders it about.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import asyncssh
import psutil
import pytest

ALIAS = "pi5"
CONFIG_VARIABLE = "AUTOML_SSH_CONFIG"
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh program on this machine")


class SshServer:
    """A server that runs.

    Attributes:
        folder: keys, `known_hosts`, `config`.
        home: the home folder on the "board".
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        (folder / "tmp").mkdir(exist_ok=True)
        for name in ("host", "user", "other"):
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(folder / name))
            (folder / name).chmod(0o600)
        for name in ("host", "user"):
            asyncssh.read_private_key(str(folder / name)).write_public_key(str(folder / f"{name}.pub"))
        self._environment = dict(environment)
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.start()
        self.trust()
        self.write_config()

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def own(self) -> Path:
        """The folder of ours on the "board"."""
        return self.home / ".cache" / "automl" / "board"

    def start(self) -> None:
        """Listen, at the same port as before."""
        line = [sys.executable, __file__, str(self.folder), str(self.port), json.dumps(self._environment)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """Be gone, with all connections."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def cut(self) -> int:
        """Cut all connections at once; return how many there were."""
        return int(self.order("cut"))

    def order(self, word: str) -> str:
        """Have the server do something, and return what it answers."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def trust(self, key: str = "host") -> None:
        """Write a key into `known_hosts` as the board's."""
        public = asyncssh.read_private_key(str(self.folder / key)).export_public_key().decode().strip()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")

    def write_config(self, key: str = "user", **options: str) -> None:
        """Write the user's configuration of ssh."""
        values = {
            "HostName": "127.0.0.1",
            "Port": str(self.port),
            "User": "pi",
            "IdentityFile": f'"{self.folder / key}"',
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": f'"{self.folder / "known_hosts"}"',
            "GlobalKnownHostsFile": "/dev/null",
            **options,
        }
        lines = [f"Host {ALIAS}", *(f"  {name} {value}" for name, value in values.items())]
        self.config.write_text("\n".join(lines) + "\n")

    def processes(self) -> list[psutil.Process]:
        """Return the processes that run on the "board"."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("HOME") == str(self.home):
                    found.append(process)
        return found

    def partials(self) -> list[Path]:
        """Return what is half written on the "board"."""
        return list(self.own.rglob("*.partial*"))


@contextmanager
def ssh_server(folder: Path, **environment: str) -> Iterator[SshServer]:
    """Yield a server, and have the product use its configuration; variables are those of the "board"."""
    server = SshServer(folder, environment)
    before = os.environ.get(CONFIG_VARIABLE)
    os.environ[CONFIG_VARIABLE] = str(server.config)
    try:
        yield server
    finally:
        if before is None:
            del os.environ[CONFIG_VARIABLE]
        else:
            os.environ[CONFIG_VARIABLE] = before
        server.stop()


class _Server(asyncssh.SSHServer):
    """Keeps the connections, to cut them."""

    open: ClassVar[set[Any]] = set()

    def connection_made(self, conn: Any) -> None:
        self._connection = conn
        self.open.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.discard(self._connection)


async def _pump_in(source: Any, to: Any) -> None:
    """Pass a session's input on; it ends with the session's, or with the connection."""
    try:
        while data := await source.read(1 << 16):
            to.write(data)
            await to.drain()
    except (OSError, asyncssh.Error):
        pass
    finally:
        to.close()


async def _pump_out(source: Any, to: Any) -> None:
    """Pass a command's output on; where nobody takes it any more, it is thrown away."""
    while data := await source.read(1 << 16):
        with contextlib.suppress(OSError, asyncssh.Error):
            to.write(data)
            await to.drain()


async def _serve(folder: Path, port: int, environment: dict[str, str]) -> None:
    home = folder / "home"
    path = os.environ["PATH"]
    temporary = {"TMPDIR": str(folder / "tmp"), "AUTOML_LOCK_FOLDER": str(folder / "tmp")}
    values = {"HOME": str(home), **temporary, "PATH": path, "LANG": "C.UTF-8", **environment}

    async def run(process: Any) -> None:
        """Run a command as sshd does: by a shell; the end of the connection ends its input, and no more."""
        child = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            process.command or "true",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=home,
            env=values,
            start_new_session=True,
        )
        feed = asyncio.create_task(_pump_in(process.stdin, child.stdin))
        said = [_pump_out(child.stdout, process.stdout), _pump_out(child.stderr, process.stderr)]
        await asyncio.gather(*said)
        status = await child.wait()
        feed.cancel()
        with contextlib.suppress(OSError, asyncssh.Error):
            process.exit(status) if status >= 0 else process.exit_with_signal("TERM")

    server = await asyncssh.create_server(
        _Server,
        "127.0.0.1",
        port,
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "user.pub"),
        process_factory=run,
        encoding=None,
        reuse_address=True,
    )
    print(server.get_port(), flush=True)
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := (await orders.readline()).decode().strip():
        if order == "cut":
            connections = list(_Server.open)
            for connection in connections:
                connection.abort()
            print(len(connections), flush=True)
        elif order == "count":
            print(len(_Server.open), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])))
