"""The journal: facts are numbered without gaps, images are there once, one process operates; in SQLite and a server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres_server

from search.operate.journal.alone import LeasedOperating, OperatedElsewhere
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.journal import Journal
from search.operate.journal.open import open_journal, paths_of
from search.operate.journal.state import state_of
from search.settings.pipeline.pipeline_settings import PipelineSettings, load_pipeline
from spaces.errors import StoreError

BEGAN = datetime(2026, 1, 5, 6, tzinfo=UTC)
DIES_WRITING = """
import os, signal, sqlite3, sys
line = sqlite3.connect(sys.argv[1], isolation_level=None)
line.execute("PRAGMA cache_size = 1")  # pages go to the file before the transaction ends
line.execute("BEGIN IMMEDIATE")
line.execute("CREATE TABLE half (words)")
line.executemany("INSERT INTO half VALUES (?)", [("x" * 2000,)] * 200)
os.kill(os.getpid(), signal.SIGKILL)
"""
HOLDS = """
import sys
from search.operate.journal.open import open_journal
from search.settings.pipeline.pipeline_settings import load_pipeline
with open_journal(load_pipeline(sys.argv[1:])).alone():
    print("held", flush=True)
    sys.stdin.read()
"""


def line_of(folder: Path, *more: str) -> list[str]:
    return ["pipeline=base", "name=p", f"folder={folder}", f"deployments={folder}/d", "data.root=embedded", *more]


def settings_of(folder: Path, *more: str) -> PipelineSettings:
    return load_pipeline(line_of(folder, *more))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.seconds)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> PipelineSettings:
    if request.param == "sqlite":
        return settings_of(tmp_path)
    server: PostgresServer = request.getfixturevalue("server")
    return settings_of(tmp_path, f"store.url={server.url(server.new_database())}")


@pytest.fixture
def journal(settings: PipelineSettings) -> Iterator[Journal]:
    with closing(open_journal(settings)) as opened:
        yield opened


def image_of(name: str, hours: float = 0.0) -> StreamImage:
    at = BEGAN + timedelta(hours=hours)
    figures = {"brightness": 0.5}
    return StreamImage(
        name * 64, f"{name}.jpg", f"images/{name}.jpg", at, "c", 64, 48, "0" * 16, figures, ImageStatus.NEW
    )


def test_facts_come_back_as_they_were_recorded(journal: Journal, settings: PipelineSettings) -> None:
    made = [
        journal.record(FactKind.ROUND_BEGUN, BEGAN, {"why": ["it is dark"], "kinds": ["drift"]}, 1),
        journal.record(FactKind.LOOKED, BEGAN + timedelta(microseconds=1), {}),
    ]
    assert [fact.number for fact in made] == [1, 2]
    with closing(open_journal(settings)) as again:
        assert again.facts() == made
        assert again.state() == state_of(made)
    with closing(open_journal(replace(settings, name="q"))) as other:
        assert other.facts() == []


def test_numbers_have_no_gaps_when_several_write_at_once(journal: Journal, settings: PipelineSettings) -> None:
    def write(_: int) -> None:
        with closing(open_journal(settings)) as mine:
            for _ in range(5):
                mine.record(FactKind.ALERTED, BEGAN, {"what": "dark"})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [fact.number for fact in journal.facts()] == list(range(1, 21))


def test_images_are_there_once_and_marked(journal: Journal) -> None:
    a, b, c = image_of("a", 2), image_of("b", 1), image_of("c", 3)
    assert journal.add_images([a, b, a]) == 2
    assert journal.add_images([replace(a, path="other.jpg"), c]) == 1
    assert journal.images() == [b, a, c]
    assert journal.known_hashes() == {"a" * 64, "b" * 64, "c" * 64}
    journal.mark_images([a.sha256, c.sha256], ImageStatus.LABELLED, 2, {c.sha256: "recent"})
    changed = (
        replace(a, status=ImageStatus.LABELLED, round=2),
        replace(c, status=ImageStatus.LABELLED, round=2, split="recent"),
    )
    assert journal.images(ImageStatus.LABELLED) == list(changed)
    assert journal.images(ImageStatus.NEW, ImageStatus.ASKED) == [b]
    counts = [journal.count_images(ImageStatus.LABELLED, number) for number in (None, 1, 2)]
    assert counts == [2, 0, 2]


def test_a_moment_without_a_zone_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="time zone"):
        journal.record(FactKind.LOOKED, datetime(2026, 1, 5), {})


def test_one_process_operates_and_who_comes_second_learns_who(journal: Journal, settings: PipelineSettings) -> None:
    with closing(open_journal(settings)) as second:
        with (
            journal.alone(),
            pytest.raises(OperatedElsewhere, match=rf"operated by process {os.getpid()} on .*, begun 20"),
        ):
            second.alone().__enter__()
        with second.alone():  # given back
            second.record(FactKind.LOOKED, BEGAN, {})


@pytest.mark.seconds
def test_a_killed_process_operates_no_more(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, *line_of(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child, closing(open_journal(settings_of(tmp_path))) as mine:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(OperatedElsewhere, match=f"process {child.pid} "):
            mine.alone().__enter__()
        child.send_signal(signal.SIGKILL)
        child.wait()
        with mine.alone():
            pass


@pytest.mark.seconds
def test_a_lease_that_was_lost_lets_nothing_be_written(server: PostgresServer, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"store.url={server.url(server.new_database())}")
    with closing(open_journal(settings)) as frozen, closing(open_journal(settings)) as other:
        operating = frozen._operating
        assert isinstance(operating, LeasedOperating)
        with frozen.alone():
            with other._engine.begin() as connection:  # as if it had been frozen for a minute
                connection.exec_driver_sql("UPDATE automl_leases SET until = 0")
            with other.alone():
                with pytest.raises(StoreError, match="cut off for longer than 60 s"):
                    frozen.record(FactKind.LOOKED, BEGAN, {})
                other.record(FactKind.LOOKED, BEGAN, {"of": "other"})
        assert [fact.words for fact in other.facts()] == [{"of": "other"}]


def test_reading_makes_and_changes_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "new")
    with closing(open_journal(settings, to_read=True)) as nothing:
        assert nothing.facts() == []
        with pytest.raises(StoreError):
            nothing.record(FactKind.LOOKED, BEGAN, {})
    assert not (tmp_path / "new").exists()
    with closing(open_journal(settings)) as made:
        made.record(FactKind.LOOKED, BEGAN, {})
    before = paths_of(settings).journal.read_bytes()
    with closing(open_journal(settings, to_read=True)) as reads:
        assert len(reads.facts()) == 1
        with pytest.raises(StoreError):
            reads.record(FactKind.LOOKED, BEGAN, {})
    assert paths_of(settings).journal.read_bytes() == before


@pytest.mark.seconds
def test_who_reads_after_a_kill_in_the_midst_of_writing_reads_what_was_whole(tmp_path: Path) -> None:
    with closing(open_journal(settings_of(tmp_path))) as made:
        made.record(FactKind.LOOKED, BEGAN, {"whole": True})
    path = paths_of(settings_of(tmp_path)).journal
    done = subprocess.run([sys.executable, "-c", DIES_WRITING, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    with closing(open_journal(settings_of(tmp_path), to_read=True)) as reads:
        assert [fact.words for fact in reads.facts()] == [{"whole": True}]
        with pytest.raises(StoreError):
            reads.record(FactKind.LOOKED, BEGAN, {})


@pytest.mark.parametrize("url", ["sqlite:///elsewhere.db", "nonsense"])
def test_a_store_that_is_no_server_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError, match=r"store\.url: must name a database server"):
        open_journal(settings_of(tmp_path, f"store.url={url}"))
