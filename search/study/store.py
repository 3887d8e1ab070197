"""The store: an Optuna study in SQLite (or any storage URL), and what it remembers of its search."""

import errno
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from objectives.data.dataset import Dataset
from objectives.data.packed import home_of_fetched
from objectives.latency.hosts.open import describe
from objectives.machine.locks import locked_folder
from objectives.records.attributes import VERSION
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, trial_records
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.database.connect import engine_arguments, holds_studies, is_server, no_driver
from search.study.provenance import provenance
from search.study.queued.baseline import enqueue_baseline
from search.study.queued.carried import check_list
from search.study.queued.known_good import enqueue
from search.study.sqlite_check import LOCK_WAIT_S, explained, file_of, holds_tables, is_full, of_another_optuna
from search.study.study_file import file_url, shown_url, studies_in, study_file
from search.study.terms.contract import Contract, check_contract
from search.study.terms.start_weights import PART
from spaces.dimension import Value
from spaces.errors import DiskFull, StoreError, nearest

if TYPE_CHECKING:
    import optuna

DIRECTIONS: tuple[Literal["maximize"], Literal["minimize"]] = "maximize", "minimize"  # mAP and latency


def storage_url(folder: Path, url: str | None) -> str:
    """Return the storage URL of a study folder."""
    return url or file_url(study_file(folder))


def open_storage(
    url: str, wait_s: float = LOCK_WAIT_S, *, to_read: bool = False, claims: Claims | None = None
) -> "optuna.storages.BaseStorage":
    """Open Optuna's storage; any failure of the database becomes one line.

    An SQLite file is looked at first, so that one that is damaged or another program's stays as it is. Its journal is
    SQLite's own kind: eight processes that wrote as fast as they could waited 0.7 s at most, and a kill or a power cut
    loses nothing that was written. A write-ahead log was faster by a third; it does not work on network disks.

    Args:
        url: of the storage.
        wait_s: seconds that each operation waits while another process has locked an SQLite file.
        to_read: no tables are made where there are none.
        claims: of a process that writes; in a database server, each of its writes stands on its leases.

    Raises:
        StoreError: it cannot be opened.
    """
    import optuna

    from search.study.storage.search_storage import SearchStorage
    from search.study.storage.sqlite_line import SqliteLine

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    what = shown_url(url)
    if is_server(url):
        with store_errors(what):
            return SearchStorage(_on_server(url, what, claims, to_read=to_read))
    with store_errors(what, wait_s):
        path = file_of(url)
        with locked_folder(path.parent) if path else nullcontext():
            is_made = path is not None and holds_tables(path, wait_s)
            if to_read and path and not is_made:
                raise StoreError(f"store: '{what}' holds no study; check the path")
            line = {"timeout": wait_s, "factory": SqliteLine}
            of_sqlite = {"connect_args": line} if url.startswith("sqlite") else {}
            try:
                storage = optuna.storages.RDBStorage(url, engine_kwargs=of_sqlite, skip_table_creation=is_made)
                return SearchStorage(storage)
            except RuntimeError as error:
                raise StoreError(of_another_optuna(what)) from error
            except ImportError as error:  # the database's driver
                raise _unusable(what, error) from error


def _on_server(url: str, what: str, claims: Claims | None, *, to_read: bool) -> "optuna.storages.RDBStorage":
    """Open the storage of a database server; the first process with claims makes its tables."""
    from optuna.storages import RDBStorage
    from sqlalchemy.pool import NullPool

    from search.study.claims.leases import LeaseClaims
    from search.study.storage.fenced import FencedStorage

    try:
        if isinstance(claims, LeaseClaims):
            with claims.alone():
                return FencedStorage(url, claims)
        if to_read and not holds_studies(url):
            raise StoreError(f"store: '{what}' holds no study; check the name of the database")
        arguments = {**engine_arguments(url), "poolclass": NullPool}  # nobody closes such a storage: no line stays open
        return RDBStorage(url, arguments, skip_table_creation=to_read)
    except ImportError as error:
        raise no_driver(url, error) from error
    except RuntimeError as error:
        raise StoreError(of_another_optuna(what)) from error


@contextmanager
def store_errors(what: str, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Turn the database's errors into a StoreError of one line; a full disk, whoever met it, into DiskFull."""
    import sqlalchemy.exc
    from optuna.exceptions import StorageInternalError

    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, OSError) as error:
        cause = _cause(error)
        if is_full(cause) or (isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)):
            raise DiskFull(f"store: '{what}' finds no room on its disk; free some, and it goes on") from error
        if isinstance(cause, sqlite3.Error):
            raise StoreError(explained(cause, what, wait_s)) from error
        if isinstance(error, OSError):
            raise  # not the database's
        raise _unusable(what, cause) from error


def _unusable(what: str, cause: BaseException) -> StoreError:
    reason = " ".join(str(cause).split())[:200]
    check = "host, port, database, user and password" if is_server(what) else "the path and its rights"
    return StoreError(f"store: '{what}' cannot be used ({reason}); check {check}, or name another")


def _cause(error: BaseException) -> BaseException:
    """Return the database's own error below SQLAlchemy's and Optuna's."""
    inner = getattr(error, "orig", None) or (
        error.__cause__ if type(error).__name__ == "StorageInternalError" else None
    )
    return _cause(inner) if inner else error


def create_study(
    settings: Settings,
    dataset: Dataset,
    storage: "optuna.storages.BaseStorage",
    known: Sequence[Mapping[str, Value]] = (),
    enqueue_first: Callable[["optuna.Study"], None] = lambda _: None,
) -> "optuna.Study":
    """Open the study of the settings' name, or create it; a study of another contract is refused.

    One whose making was cut, in a file of its own or in a database server, is made again: the version is written last.
    To be called while no other process chooses, where claims reach other machines.

    Args:
        settings: the search's.
        dataset: its data set.
        storage: where the study is kept.
        known: candidates that a study which is made now tries behind those of `start`.
        enqueue_first: queues what such a study begins with behind its baseline; called again after a cut.

    Raises:
        StoreError: the study was made with another contract, by a newer automl, or not by automl.
    """
    import optuna

    with locked_folder(settings.folder), store_errors(settings.name):
        if settings.name in optuna.get_all_study_names(storage):
            study = optuna.load_study(study_name=settings.name, storage=storage)
            if not (_may_be_half_made(settings.store.url) and _is_half_made(study)):
                check_version(study)
                check_contract(study, settings, dataset)
                check_list(study, settings)
                _follow(study, dataset)
                return study
        else:
            study = optuna.create_study(study_name=settings.name, storage=storage, directions=DIRECTIONS)
        enqueue_baseline(study, settings)
        enqueue_first(study)
        for candidate in (*settings.start, *known):
            enqueue(study, candidate, settings.space)
        record_contract(study, settings, dataset)
        return study


def existing_study(settings: Settings, storage: "optuna.storages.BaseStorage") -> "optuna.Study | None":
    """Return the study of the settings' name, as far as it is made; None if there is none yet."""
    import optuna

    with store_errors(settings.name):
        if settings.name not in optuna.get_all_study_names(storage):
            return None
        return optuna.load_study(study_name=settings.name, storage=storage)


def has_begun(settings: Settings) -> bool:
    """Whether the study of the settings' name is there already.

    Raises:
        StoreError: its store cannot be opened.
    """
    import optuna

    if settings.store.url is None:
        return study_file(settings.folder).exists()
    with store_errors(settings.name):
        return settings.name in optuna.get_all_study_names(open_storage(settings.store.url))


def _follow(study: "optuna.Study", dataset: Dataset) -> None:
    """Store where a data set of equal contents lies now: exports name the place."""
    card = dataset.to_json()
    is_fetched = dataset.root.is_relative_to(home_of_fetched())
    if StudyRecord.of(study).data["root"] != card["root"] and not is_fetched:
        StudyWriter(study).data(card)


def record_contract(
    study: "optuna.Study", settings: Settings, dataset: Dataset, before: Contract | None = None
) -> None:
    """Store what a study is a study of; the version last: with it the study is whole.

    Args:
        study: the study.
        settings: its settings.
        dataset: its data set.
        before: contract of the study that a fork is made of: weights that its trials began without stay away.
    """
    weights = {PART: Contract.of(settings, dataset, before).fingerprints[PART]}
    StudyWriter(study).whole(
        settings=json.loads(shown_url(json.dumps(settings.to_json()))),
        provenance=provenance(settings.seed),
        fingerprints={**Contract.of(settings, dataset).fingerprints, **weights},
        device=describe(settings.device),
        data=dataset.to_json(),
        gate=settings.gate,
        devices={device.name: describe(device) for device in settings.targets[1:]},
    )


def _may_be_half_made(url: str | None) -> bool:
    """Whether a study without a version may be one that automl began: any other SQLite file is somebody's."""
    return url is None or is_server(url)


def _is_half_made(study: "optuna.Study") -> bool:
    """Whether automl was cut while it made a study: no version yet, nothing of another program's."""
    begun = any(trial.phase is not Phase.WAITING for trial in trial_records(study))
    directions = tuple(direction.name.lower() for direction in study.directions)
    return not begun and directions == DIRECTIONS and StudyRecord.of(study).is_untouched


def load_study(folder: Path, name: str, url: str | None, claims: Claims | None = None) -> "optuna.Study":
    """Open an existing study, to read it, or to write with claims on it.

    Raises:
        StoreError: there is no such study.
    """
    import optuna

    if url is None and not study_file(folder / name).exists():
        known = studies_in(folder)
        hint = nearest(name, known) or (f"; known: {', '.join(known)}" if known else "; none was started yet")
        raise StoreError(f"study: there is no '{name}' in '{folder}'{hint}")
    if url is not None and _is_missing_file(url):
        raise StoreError(f"store: '{shown_url(url)}' does not exist; check the path")
    storage = open_storage(storage_url(folder / name, url), to_read=True, claims=claims)
    with store_errors(name):
        names = optuna.get_all_study_names(storage)
        if name not in names:
            raise StoreError(f"study: the store holds no '{name}'{nearest(name, names)}")
        study = optuna.load_study(study_name=name, storage=storage)
        check_version(study)
        return study


def _is_missing_file(url: str) -> bool:
    """Whether a URL names an SQLite file that is not there; opening it would make it."""
    path = file_of(url)
    return path is not None and not path.is_file()


def check_version(study: "optuna.Study") -> None:
    """Check that a study was made whole, by an automl that is not newer than this one.

    Raises:
        StoreError: it was not.
    """
    stored = StudyRecord.of(study)
    written = stored.version
    if written is None and stored.is_fork:
        raise StoreError(f"study: the fork '{study.study_name}' was cut; give the line that began it again")
    if written is None:
        raise StoreError(f"study: '{study.study_name}' was not made by automl; name another with name=...")
    if written > VERSION:
        raise StoreError(f"study: '{study.study_name}' was written by a newer automl (format {written}); update automl")
