"""A real MLflow server on loopback: a free port, a folder of its own, ended by its process id."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTS_MOST_S = 240.0  # twenty seconds on two busy cores
ENDS_MOST_S = 60.0
QUESTION = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"  # the first one takes the longest


@contextmanager
def mlflow_server(folder: Path, artifacts: Path | None = None) -> Iterator[str]:
    """Yield the URL of a server that keeps all it has in a folder; files in `artifacts`, if that is another."""
    folder.mkdir(parents=True)
    url = f"http://127.0.0.1:{free_port()}"
    line = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", url.rpartition(":")[2]]
    line += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    line += ["--artifacts-destination", str(artifacts or folder / "artifacts")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        _await(url, server, folder / "log.txt")
        yield url
    finally:
        _end(server)


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: the group is its own."""
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(ENDS_MOST_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_MOST_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}{QUESTION}", timeout=20):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.2)
