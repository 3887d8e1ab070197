"""A study, read: the trials, the front and what meets the gate, as they stand now."""

from pathlib import Path

from objectives.records.study_record import StudyRecord
from reports.table.table import StudyTable
from reports.table.table import read_study as read_table
from search.study.store import load_study, open_storage, store_errors
from search.study.study_file import shown_url


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


def own_studies(url: str) -> list[str]:
    """Return the names of the studies of a storage that automl has made whole, sorted.

    Raises:
        StoreError: the storage cannot be used, or holds no tables of Optuna's.
    """
    import optuna

    storage = open_storage(url, to_read=True)
    with store_errors(shown_url(url)):
        names = optuna.get_all_study_names(storage)
        studies = (optuna.load_study(study_name=name, storage=storage) for name in names)
        return sorted(study.study_name for study in studies if StudyRecord.of(study).version is not None)
