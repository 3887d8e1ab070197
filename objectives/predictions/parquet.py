"""Logs of predictions as Parquet: the same fields as a line of JSON, detections a nested list; by pyarrow, an extra."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from objectives.machine.files import whole
from objectives.predictions.line import record_of_values, values_of
from objectives.predictions.record import PredictionRecord
from spaces.errors import DataError, first_line

PARQUET = ".parquet"
BATCH_ROWS = 4096  # that are in memory at once


def read_parquet(path: Path, since: datetime | None, add_bad: Callable[[str, str], None]) -> Iterator[PredictionRecord]:
    """Yield the answers of a file, batch by batch; groups of rows that end before `since` are not read.

    Args:
        path: the file.
        since: see above; rows of the other groups come whatever their time.
        add_bad: called with "FILE:ROW" and what is wrong, for each row that is no answer, and for a file that is none.

    Raises:
        DataError: pyarrow is not installed.
    """
    _check_installed(path)
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:  # no Parquet, or one that is being written: its end is missing
        add_bad(str(path), first_line(error))
        return
    with file:
        first_row = 0
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            if since is None or not _ends_before(group, since):
                yield from _of_group(file, number, lambda row, why: add_bad(f"{path}:{row}", why), first_row)
            first_row += group.num_rows


def write_parquet(path: Path, records: Iterable[PredictionRecord]) -> None:
    """Write answers as a file, whole.

    Raises:
        DataError: pyarrow is not installed.
    """
    _check_installed(path)
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([values_of(one) for one in records], schema=_schema())
    with whole(path) as partial:
        parquet.write_table(table, partial)


def _of_group(file: Any, number: int, add_bad: Callable[[int, str], None], row: int) -> Iterator[PredictionRecord]:
    for batch in file.iter_batches(BATCH_ROWS, row_groups=[number]):
        for values in batch.to_pylist():
            row += 1
            try:
                yield record_of_values(values)
            except DataError as error:
                add_bad(row, str(error))


def _ends_before(group: Any, since: datetime) -> bool:
    """Whether the statistics of a group of rows say that all its times lie before a moment."""
    columns = (group.column(i) for i in range(group.num_columns))
    time = next((one for one in columns if one.path_in_schema == "time"), None)
    if time is None or not time.is_stats_set or not time.statistics.has_min_max:
        return False
    last = time.statistics.max
    if not isinstance(last, datetime):  # times as text
        return False
    return (last.replace(tzinfo=UTC) if last.tzinfo is None else last) < since


def _schema() -> Any:
    import pyarrow as pa

    box = pa.struct([("class", pa.string()), ("score", pa.float64()), ("box", pa.list_(pa.float64()))])
    return pa.schema(
        [
            ("time", pa.timestamp("us", tz="UTC")),
            ("image", pa.string()),
            ("version", pa.string()),
            ("shadow", pa.bool_()),
            ("detections", pa.list_(box)),
            ("latency_ms", pa.float64()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("group", pa.string()),
            ("error", pa.string()),
        ]
    )


def _check_installed(path: Path) -> None:
    if find_spec("pyarrow") is None:
        raise DataError(f"'{path}' is Parquet, which needs pyarrow; install automl[parquet], or log JSON lines")
