"""Whether a store has been written since it was read: looked at several times a second, and never a lock on it."""

import os
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.study.database.connect import IDLE_TRANSACTION_S, is_server, make_engine
from search.study.sqlite_check import file_of
from search.study.study_file import study_file

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SAME_TICK_S = 0.05  # two writes so shortly after one another may leave one time; some file systems count in 10 ms
POLL_FILE_S, POLL_SERVER_S = 0.25, 0.5

GONE = None


@dataclass(frozen=True)
class Stamp:
    """What changes with each write: two that are equal, nothing was written between.

    Attributes:
        identity: of the study: another one of its name has another.
        written: what changes.
    """

    identity: Hashable
    written: Hashable


class StoreWatch:
    """Looks whether the store of one study has been written.

    An SQLite file is not opened for it: its time and size show every transaction. SQLite's locks are POSIX locks, which
    a process loses as soon as it closes the file anywhere, so that a file that is read must not be opened beside.

    Attributes:
        poll_s: seconds between two looks.
    """

    def __init__(self, name: str, folder: Path, url: str | None) -> None:
        """Take which study it is; nothing is looked at yet.

        Args:
            name: the study's.
            folder: where studies live.
            url: of the storage, if it is not SQLite in the study's folder.
        """
        self._name, self._url = name, url
        self._path = study_file(folder / name) if url is None else file_of(url)
        self.poll_s = POLL_SERVER_S if self._path is None else POLL_FILE_S
        self._look: Callable[[], Stamp | None] | None = None

    def stamp(self) -> Stamp | None:
        """Return what changes with each write; GONE where the file is not there.

        Raises:
            SQLAlchemyError: a database server does not answer.
        """
        if self._path is not None:
            return file_stamp(self._path)
        if self._look is None:
            assert self._url is not None
            self._look = _server_look(self._url, self._name)
        return self._look()


def file_stamp(path: Path) -> Stamp | None:
    """Return what changes with each write to an SQLite file, in a journal of its own kind or a write-ahead log."""
    try:
        main = path.stat()
    except OSError:
        return GONE
    try:
        log: os.stat_result | None = path.with_name(f"{path.name}-wal").stat()
    except OSError:
        log = None
    parts = [(one.st_ino, one.st_size, one.st_mtime_ns) for one in (main, log) if one is not None]
    newest_s = max(one[2] for one in parts) / 1e9
    is_settled = abs(time.time() - newest_s) > SAME_TICK_S
    return Stamp(main.st_ino, (*parts, None if is_settled else time.monotonic_ns()))


def _server_look(url: str, name: str) -> Callable[[], Stamp | None]:
    """Return what looks at a study of a database server: one statement, over a line of its own that stays open."""
    from sqlalchemy.pool import SingletonThreadPool

    if not is_server(url):  # a database that nobody else writes to
        return lambda: Stamp(0, 0)
    engine = make_engine(url, IDLE_TRANSACTION_S, poolclass=SingletonThreadPool)

    def look() -> Stamp | None:
        with engine.connect() as connection:
            return _counted(connection, name)

    return look


def _counted(connection: "Connection", name: str) -> Stamp | None:
    """Return numbers of a study's rows, and sums of hashes of what is written in place: ended trials never change."""
    from optuna.storages._rdb import models
    from optuna.trial import TrialState
    from sqlalchemy import BigInteger, cast, func, select

    study, trial = models.StudyModel, models.TrialModel
    of_study, of_trial = models.StudyUserAttributeModel, models.TrialUserAttributeModel
    in_words = func.hashtext if connection.dialect.name == "postgresql" else func.crc32

    def summed(column: Any) -> Any:
        return func.coalesce(func.sum(cast(in_words(column), BigInteger)), 0)

    named = connection.execute(select(study.study_id).where(study.study_name == name)).scalar()
    if named is None:
        return GONE
    states = select(trial.state, func.count(), func.max(trial.trial_id)).where(trial.study_id == named)
    trials = connection.execute(states.group_by(trial.state)).all()
    own = select(func.count(), summed(of_study.value_json)).where(of_study.study_id == named)
    unfinished = trial.state.in_((TrialState.RUNNING, TrialState.WAITING))
    theirs = select(func.count(), summed(of_trial.value_json)).join(trial, trial.trial_id == of_trial.trial_id)
    theirs = theirs.where(trial.study_id == named, unfinished)
    counted = sorted((str(state), *numbers) for state, *numbers in trials)
    return Stamp(named, (*counted, *connection.execute(own).one(), *connection.execute(theirs).one()))
