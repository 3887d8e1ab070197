"""A cut statement leaves no lock on the file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from sqlalchemy import text

from objectives.records.stored.rows import _session
from search.study.storage.sqlite_line import SqliteLine
from search.study.store import open_storage

ROWS = 500  # more than are read at once


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    """A study whose writes wait for locks for half a second."""
    storage = open_storage(f"sqlite:///{tmp_path}/study.db", wait_s=0.5)
    study = optuna.create_study(storage=storage, study_name="cut")
    for number in range(ROWS // 100):
        study.set_user_attr(f"key {number}", "x" * 10_000)
    return study


def cut_while_reading(study: optuna.Study) -> KeyboardInterrupt:
    """Return what cut a statement, and with its traceback all that the statement's frames hold."""
    try:
        with _session(study._storage._backend) as session:  # type: ignore[attr-defined]  # of SearchStorage
            rows = (
                session.connection()
                .execution_options(stream_results=True, max_row_buffer=1)
                .execute(text("SELECT * FROM study_user_attributes"))
            )
            assert rows.fetchone() is not None
            raise KeyboardInterrupt
    except KeyboardInterrupt as cut:
        return cut


def test_a_write_after_a_cut_reading_waits_for_nothing(study: optuna.Study) -> None:
    cut = cut_while_reading(study)
    study.set_user_attr("written", True)
    assert study.user_attrs["written"] is True
    assert cut.__traceback__ is not None


def test_another_process_writes_after_a_cut_reading(study: optuna.Study, tmp_path: Path) -> None:
    cut = cut_while_reading(study)
    with closing(sqlite3.connect(tmp_path / "study.db", timeout=0.1)) as other, other:
        other.execute("DELETE FROM study_user_attributes")
    assert cut.__traceback__ is not None


@pytest.mark.parametrize("end", ["rollback", "close"])
def test_a_line_ends_its_statements(end: str, tmp_path: Path) -> None:
    line = sqlite3.connect(tmp_path / "x.db", factory=SqliteLine)
    line.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3)")
    cursor = line.cursor().execute("SELECT x FROM t")
    assert cursor.fetchone() == (1,)
    with closing(sqlite3.connect(tmp_path / "x.db", timeout=0.05)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"), other:
            other.execute("DELETE FROM t")
        getattr(line, end)()
        with other:
            other.execute("DELETE FROM t")
    line.close()
    line.close()
