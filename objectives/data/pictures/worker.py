"""A process that examines image files: lists of paths come in, a row a picture goes out.

`python -m objectives.data.pictures.worker`, started by `objectives.data.pictures.workers`. A file that brings a decoder
down, or that keeps one busy for ever, takes this process along and not the program.
"""

import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import cv2
import msgspec

from objectives.data.pictures.examine import examine
from objectives.data.pictures.rows import to_row

LENGTH_BYTES = 4
READY = "ready"  # the first message of all


def send(stream: BinaryIO, message: object) -> None:
    """Write one message, its length first."""
    data = msgspec.msgpack.encode(message)
    stream.write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read one message, encoded; empty if the other end has closed."""
    return _read(stream, int.from_bytes(_read(stream, LENGTH_BYTES), "big"))


def _read(stream: BinaryIO, count: int) -> bytes:
    """Read so many bytes, of a pipe that gives them in parts; none if it ends before."""
    data = b""
    while len(data) < count and (part := stream.read(count - len(data))):
        data += part
    return data if len(data) == count else b""


def main() -> None:
    """Examine what is asked for, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes the pipe
    cv2.setNumThreads(1)  # one process a core
    send(sys.stdout.buffer, READY)
    while message := receive(sys.stdin.buffer):
        for path in msgspec.msgpack.decode(message, type=list[bytes]):
            send(sys.stdout.buffer, to_row(examine(Path(os.fsdecode(path)))))


if __name__ == "__main__":
    main()
