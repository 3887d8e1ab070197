"""A store that is never harmed: files looked at before they are written, locks waited for, a full disk survived."""

import errno
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
import pytest

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from search.settings.settings import load_settings
from search.study.sqlite_check import file_of, holds_tables
from search.study.store import create_study, load_study, open_storage, storage_url, store_errors
from spaces.errors import DiskFull, StoreError

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""
WRITE = """
import sys
import optuna
from search.study.store import open_storage
trial = optuna.load_study(study_name="smoke", storage=open_storage(sys.argv[1])).ask()
for i in range(20):
    trial.set_user_attr(f"automl.key{i}", list(range(200)))
"""


@pytest.fixture
def store(tmp_path: Path, blocks: Dataset) -> Path:
    """The file of a study `smoke` with one told trial, in tmp_path / "smoke"."""
    settings = load_settings(["conf=smoke", f"store.folder={tmp_path}"])
    settings.folder.mkdir()
    study = create_study(settings, blocks, open_storage(storage_url(settings.folder, None)))
    study.tell(study.ask(), [0.5, 2.0])
    return StudyPaths(settings.folder).store


@contextmanager
def locked(path: Path, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """Have another process hold an exclusive lock for so long, or until it is killed."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
    assert process.returncode in (0, -signal.SIGKILL)


def state(path: Path) -> dict[str, str]:
    """Return the files of a folder and a digest of each."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(path.parent.iterdir())}


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def overwrite(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + os.urandom(4096) + whole[12288:])


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "noise": (lambda path: path.write_bytes(os.urandom(9000)), "(file is not a database); it was left as it is"),
    "text": (lambda path: path.write_text("no database"), "(file is not a database)"),
    "cut": (lambda path: os.truncate(path, path.stat().st_size // 2), "(database disk image is malformed)"),
    "page": (overwrite, "it was left as it is: bring back a copy, or start with name=NEW"),
    "revision": (
        lambda path: change(path, "UPDATE alembic_version SET version_num = 'v2.6.0.a'"),
        "upgrade a copy with optuna storage upgrade",
    ),
    "older tables": (lambda path: change(path, "DROP TABLE trial_heartbeats"), "another version of Optuna"),
    "newer automl": (
        lambda path: change(path, "UPDATE study_user_attributes SET value_json = '99' WHERE key = 'automl.version'"),
        "written by a newer automl (format 99); update automl",
    ),
}


@pytest.mark.seconds
@pytest.mark.parametrize("harm", HARM)
def test_store_that_cannot_be_used_is_told_and_left_as_it_is(
    tmp_path: Path, blocks: Dataset, store: Path, harm: str
) -> None:
    do, line = HARM[harm]
    do(store)
    before = state(store)
    settings = load_settings(["conf=smoke", f"store.folder={tmp_path}"])
    for use in (
        lambda: create_study(settings, blocks, open_storage(storage_url(store.parent, None))),
        lambda: load_study(tmp_path, "smoke", None),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert line in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    assert state(store) == before


def test_database_of_another_program_gets_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "contacts.db"
    change(path, "CREATE TABLE studies (name TEXT)", "CREATE TABLE people (name TEXT)")
    before = state(path)
    for to_read in (False, True):
        with pytest.raises(StoreError, match="belongs to another program, it holds no study; name another file"):
            open_storage(f"sqlite:///{path}", to_read=to_read)
    assert state(path) == before


def test_looking_into_an_empty_file_makes_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="holds no study; check the path"):
        load_study(tmp_path, "smoke", f"sqlite:///{path}")
    assert path.stat().st_size == 0
    open_storage(f"sqlite:///{path}")  # to search, it is as good as none
    assert holds_tables(path)


def test_tables_that_were_cut_while_being_made_are_completed(store: Path) -> None:
    empty = store.with_name("half.db")
    open_storage(f"sqlite:///{empty}")
    change(empty, "DROP TABLE trial_heartbeats", "DROP TABLE alembic_version", "DELETE FROM version_info")
    open_storage(f"sqlite:///{empty}")
    assert holds_tables(empty)


def test_half_a_transaction_of_a_killed_process_is_undone(tmp_path: Path, store: Path) -> None:
    killed = (
        "import os, signal, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('PRAGMA cache_size = 2')\n"  # so that pages reach the file before the end
        "connection.execute('CREATE TABLE more AS SELECT hex(zeroblob(400000)) AS text')\n"
        "connection.execute('UPDATE studies SET study_name = \"lost\"')\n"
        "connection.execute('UPDATE more SET text = hex(zeroblob(800000))')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", killed, str(store)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.with_name(f"{store.name}-journal").stat().st_size > 0
    study = load_study(tmp_path, "smoke", None)
    assert [t.values for t in study.get_trials()] == [[0.5, 2.0]]


@pytest.mark.seconds
def test_lock_that_lasts_is_told(tmp_path: Path, store: Path) -> None:
    url = f"sqlite:///{store}"
    with locked(store, 600.0) as holder:
        for to_read in (False, True):
            began = time.monotonic()
            with pytest.raises(StoreError, match=r"is locked by another process for 0\.3 s already; end it, or try"):
                open_storage(url, wait_s=0.3, to_read=to_read)
            assert time.monotonic() - began > 0.2
        holder.kill()
    assert len(optuna.get_all_study_names(open_storage(url, wait_s=0.5))) == 1


@pytest.mark.slow
def test_lock_that_ends_is_waited_for(tmp_path: Path, store: Path) -> None:
    with locked(store, 2.0):
        study = load_study(tmp_path, "smoke", None)
    assert len(study.get_trials()) == 1
    began = time.monotonic()
    with locked(store, 5.0):
        trial = study.ask()
        trial.set_user_attr(keys.FOLDER, "trials/00001")
        study.tell(trial, [0.6, 3.0])
    assert time.monotonic() - began >= 4.5
    assert [t.values for t in load_study(tmp_path, "smoke", None).get_trials()] == [[0.5, 2.0], [0.6, 3.0]]


@pytest.mark.slow
@pytest.mark.parametrize("line", [("show", "smoke", "0"), ("studies",), ("report", "smoke")])
def test_who_looks_waits_for_a_lock_too(tmp_path: Path, store: Path, line: tuple[str, ...]) -> None:
    automl = str(Path(sys.executable).with_name("automl"))
    with locked(store, 4.0):
        done = subprocess.run(
            [automl, *line, "--folder", "."], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert "smoke" in done.stdout


@pytest.mark.slow
@pytest.mark.seconds
def test_lock_that_lasts_while_writing_is_told_and_the_next_write_goes_through(store: Path) -> None:
    study = optuna.load_study(study_name="smoke", storage=open_storage(f"sqlite:///{store}", wait_s=0.3))
    with locked(store, 2.0), pytest.raises(StoreError, match="locked by another process"), store_errors("smoke", 0.3):
        study.set_user_attr("automl.note", 1)
    study.set_user_attr("automl.note", 2)
    assert study.user_attrs["automl.note"] == 2


@pytest.mark.seconds
@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing(store: Path) -> None:
    url = f"sqlite:///{store}"
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, url]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    written = optuna.load_study(study_name="smoke", storage=open_storage(url)).get_trials()[1:]
    assert sorted(trial.number for trial in written) == [1, 2, 3, 4]
    assert all(len(trial.user_attrs) == 20 for trial in written)


@pytest.fixture
def small_disk(disk_of_mb: Callable[[int], Path]) -> Path:
    return disk_of_mb(2)


def fill(path: Path) -> None:
    """Write a file until its disk is full."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(descriptor, bytes(4096)):
            pass
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - it is how the loop ends
    finally:
        os.close(descriptor)


@pytest.mark.slow
@pytest.mark.seconds
def test_full_disk_is_told_and_survived(small_disk: Path) -> None:
    path = small_disk / "study.db"
    study = optuna.create_study(
        study_name="smoke", storage=open_storage(f"sqlite:///{path}"), directions=["maximize", "minimize"]
    )
    trial = study.ask()
    trial.set_user_attr("automl.before", 1)
    ballast = small_disk / "ballast"
    fill(ballast)
    text = "x" * 100_000
    for write in (
        lambda: trial.set_user_attr("automl.note", text),
        lambda: study.set_user_attr("automl.note", text),
        lambda: study.enqueue_trial({}, {"note": text}),
        lambda: study.tell(trial, [0.5, 2.0]),
    ):
        with pytest.raises(DiskFull, match="finds no room on its disk; free some, and it goes on"), store_errors("s"):
            write()
    assert [t.user_attrs for t in study.get_trials()] == [{"automl.before": 1}]
    ballast.unlink()
    trial.set_user_attr("automl.note", text)
    study.tell(trial, [0.5, 2.0])
    again = optuna.load_study(study_name="smoke", storage=open_storage(f"sqlite:///{path}", to_read=True))
    assert [t.values for t in again.get_trials()] == [[0.5, 2.0]]
    assert again.get_trials()[0].user_attrs == {"automl.before": 1, "automl.note": text}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite:////a%3F/b%2520c.db", "/a?/b%20c.db"),
        ("sqlite:///b.db?timeout=3", "b.db"),
        ("sqlite+pysqlite:////a/b.db", "/a/b.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///file:x?mode=ro&uri=true", None),
        ("postgresql://me:secret@host/db", None),
    ],
)
def test_file_of_a_url(url: str, path: str | None) -> None:
    assert file_of(url) == (Path(path) if path else None)
