"""Writing logs of predictions: lines appended, each by one write, so that several servers may share a file."""

import os
from collections.abc import Iterable
from pathlib import Path

from objectives.predictions.line import line_of
from objectives.predictions.record import PredictionRecord


def append(path: Path, records: Iterable[PredictionRecord]) -> None:
    """Append answers to a file of JSON lines, which is made if need be, with its folder.

    Each line is one write to a file that is open for appending: on a local disk the lines of several processes never
    mix. A line that a killed process or a full disk has cut short is closed first, so that it spoils no other.
    """
    lines = [line_of(record) for record in records]
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        if _is_torn(descriptor):
            os.write(descriptor, b"\n")
        for line in lines:
            if os.write(descriptor, line) != len(line):
                raise OSError(f"'{path}': a line was cut short; the disk is full")
    finally:
        os.close(descriptor)


def _is_torn(descriptor: int) -> bool:
    """Whether a file ends within a line: other processes write whole lines at once, so this one stays so."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
