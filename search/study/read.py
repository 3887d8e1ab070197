"""A study, read: the trials, the front and what meets the gate, as they stand now."""

from pathlib import Path

from reports.table.table import StudyTable
from reports.table.table import read_study as read_table
from search.study.store import load_study


def read_study(name: str, folder: str | Path = "runs", url: str | None = None) -> StudyTable:
    """Read a study; a search may be writing to it.

    Args:
        name: the study's.
        folder: where studies live (`store.folder`).
        url: of the storage, if it is not SQLite in the study's folder (`store.url`).

    Raises:
        StoreError: there is no such study, or it cannot be read.
    """
    return read_table(load_study(Path(folder).expanduser().absolute(), name, url))
