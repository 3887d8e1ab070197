"""Reading logs of predictions: a file or a folder of files, JSON lines or Parquet, streamed; nothing bad is silent."""

import gzip
import logging
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from objectives.predictions.line import record_of_line, time_of_line
from objectives.predictions.parquet import PARQUET, read_parquet
from objectives.predictions.record import PredictionRecord
from spaces.errors import DataError, first_line

NAMES_OF_LINES = re.compile(r"\.(jsonl|ndjson|json|log)([.-]\d[\d.-]*)?(\.gz)?$")
DISORDER = timedelta(days=1)  # several servers write a file: by how much its lines may be out of order
LOG_TAIL_BYTES = 1 << 16  # of a file, in which its last whole line is looked for
BAD_NAMED_MOST = 5  # bad lines that are named


@dataclass
class LogReport:
    """What reading a log has come to; it grows while the log is read.

    Attributes:
        answers: read, whatever their time.
        bad: lines that are no answer.
        named: the first of these, "FILE:LINE: what is wrong".
        torn: files whose last line is not whole: it is being written, and is read at the next look.
        older: files left out whole, since all in them is older than what was asked for.
        notes: files that could not be read, or are no logs, one line each.
    """

    answers: int = 0
    bad: int = 0
    named: list[str] = field(default_factory=list)
    torn: int = 0
    older: int = 0
    notes: list[str] = field(default_factory=list)

    def add_bad(self, where: str, why: str) -> None:
        """Count a line that is no answer; the first few are named."""
        self.bad += 1
        if len(self.named) < BAD_NAMED_MOST:
            self.named.append(f"{where}: {why}")

    @property
    def problems(self) -> tuple[str, ...]:
        """What people should know, one line each; empty where all is well."""
        bad = [f"stream.predictions: {self.bad} lines are no answers, as {self.named[0]}"] if self.bad else []
        return (*bad, *self.notes)


def read_predictions(
    path: Path, since: datetime | None = None, until: datetime | None = None, report: LogReport | None = None
) -> Iterator[PredictionRecord]:
    """Yield the answers of a log, in the order of its files' names and of their lines.

    Args:
        path: a file, or a folder with files in any folders below it. Names end in .jsonl, .ndjson, .json, .log (also
            with a number or a date behind, also .gz), or .parquet.
        since: answers from this moment on; files that end before it are not read. None: all.
        until: answers before this moment. None: all.
        report: what was read, and what could not be; where it is None, problems go to Python's log "automl", one line
            each.

    Raises:
        DataError: a Parquet file is there, and pyarrow is not.
    """
    filled = LogReport() if report is None else report
    for file in _files(path, filled):
        for record in _of_file(file, since, filled):
            filled.answers += 1
            if (since is None or record.at >= since) and (until is None or record.at < until):
                yield record
    if report is None:
        for line in filled.problems:
            logging.getLogger("automl").warning(line)


def _files(path: Path, report: LogReport) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        report.notes.append(f"stream.predictions: '{path}' is not there; nothing has been logged, or the path is wrong")
        return
    strange = []
    for file in sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith(".")):
        if NAMES_OF_LINES.search(file.name) or file.suffix == PARQUET:
            yield file
        else:
            strange.append(file.name)
    if strange:
        named = ", ".join(f"'{name}'" for name in strange[:3])
        report.notes.append(
            f"stream.predictions: {len(strange)} files are no logs by their names ({named}): they end in .jsonl, "
            ".ndjson, .json, .log, .gz of these, or .parquet"
        )


def _of_file(file: Path, since: datetime | None, report: LogReport) -> Iterator[PredictionRecord]:
    try:
        if file.suffix == PARQUET:
            yield from read_parquet(file, since, report.add_bad)
        elif since is not None and _ends_before(file, since - DISORDER):
            report.older += 1
        else:
            yield from _of_lines(file, report)
    except (OSError, EOFError, zlib.error) as error:  # removed meanwhile by rotation, or a .gz that is being written
        report.notes.append(f"stream.predictions: '{file}' was not read to its end ({first_line(error)})")


def _of_lines(file: Path, report: LogReport) -> Iterator[PredictionRecord]:
    with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.isspace():
                continue
            try:
                yield record_of_line(line)
            except DataError as error:
                if line.endswith(b"\n"):
                    report.add_bad(f"{file}:{number}", str(error))
                else:
                    report.torn += 1


def _ends_before(file: Path, moment: datetime) -> bool:
    """Whether all in a file is older: by its last whole line; of a .gz by when it was written, which gzip keeps."""
    if file.suffix == ".gz":
        return datetime.fromtimestamp(file.stat().st_mtime, UTC) < moment
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - LOG_TAIL_BYTES))
        lines = stream.read().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n") and not line.isspace()]
    last = time_of_line(whole[-1]) if whole else None
    return last is not None and last < moment
