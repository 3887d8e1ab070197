"""A real S3 server on loopback, in a process of its own: tests stop it and start it again, its objects stay with it.

`python tests/s3_server.py PORT` runs one until it is killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from postgres_server import free_port

LONG_S = 30.0
# Any names: the server checks none. A client finds the server by AWS_ENDPOINT_URL.
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass
class S3Server:
    """A server with one bucket.

    Attributes:
        port: that it listens on.
        process: its own; SIGSTOP makes it silent, SIGCONT lets it go on with all its objects.
    """

    port: int
    process: "subprocess.Popen[bytes]"
    bucket: str = "studies"

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the variables by which a client finds the server, through another port if one is given."""
        return {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}"}

    def client(self) -> "boto3.client":
        """Return a client."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def freeze(self) -> None:
        """Answer nothing any more, and let callers wait."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server with an empty bucket."""
    port = free_port()
    line = [sys.executable, __file__, str(port)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = S3Server(port, process)
    try:
        until = time.monotonic() + LONG_S
        while True:
            try:
                server.client().create_bucket(Bucket=server.bucket)
                break
            except Exception:  # whatever a client raises while nothing listens yet
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        yield server
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Serve."""
    os.environ.update(KEYS)
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False)
    server.start()
    signal.pause()


if __name__ == "__main__":
    main()
