"""Searches of two processes on a database server that is cut off, killed, and whose processes die and freeze.

Nothing is lost and nothing is twice: real processes by the installed script, a real PostgreSQL, trials of milliseconds.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import optuna
import psutil
import pytest
from cut_line import CutLine, cut_line
from fault_harness import NAME, Arena
from optuna.trial import FrozenTrial, TrialState
from postgres_server import PostgresServer, postgres_server
from quick_search import settings_of, wait_until
from sqlalchemy.pool import NullPool

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.artifacts.stored_files import artifacts_of
from objectives.records.records import Rung
from objectives.records.study_record import SessionRecord, StudyRecord, StudyWriter
from search.loop.housekeeping import GONE_S
from search.loop.run import open_search, run_to_its_end
from search.study.files.place import open_place
from search.study.sessions import covered_s
from search.study.store import load_study
from search.view.base import View

LEASE_S = 2.0
LONG_S = 120.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@dataclass
class OnServer(Arena):
    """A study on a database server, that two processes search through a line that can be cut."""

    url: str = ""
    searchers: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def start(self) -> None:
        super().start()
        assert self.searcher is not None
        self.searchers.append(self.searcher)

    def wait(self, *, but: "tuple[subprocess.Popen[str], ...]" = ()) -> None:
        """Wait until all processes have ended well."""
        for searcher in self.searchers:
            code = searcher.wait(LONG_S)
            assert code == 0 or searcher in but, self.output

    def stored(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    @cached_property
    def storage(self) -> optuna.storages.RDBStorage:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return optuna.storages.RDBStorage(self.url, {"poolclass": NullPool})

    @property
    def study(self) -> optuna.Study:
        return optuna.load_study(study_name=NAME, storage=self.storage)

    @property
    def output(self) -> str:
        return (self.root / "output.txt").read_text()

    def has_trained(self, epochs: int) -> bool:
        return self.epochs_trained().total() >= epochs

    def check(self) -> None:
        """Check that nothing is double, half done or left out."""
        assert "Traceback" not in self.output, self.output[-5000:]
        trials = self.stored()
        assert [trial.number for trial in trials] == list(range(self.trials))
        assert [trial.state for trial in trials] == [TrialState.COMPLETE] * self.trials
        trained = self.epochs_trained()
        for trial in trials:
            assert {epoch for number, epoch in trained if number == trial.number} == set(range(1, self.epochs + 1))
            rungs = [rung["epoch"] for rung in trial.user_attrs[keys.RUNGS]]
            assert rungs == sorted(set(rungs))
            assert rungs[-1] == self.epochs
        sessions = StudyRecord.of(self.study).sessions.values()
        assert covered_s(span for session in sessions for span in session.spans) > 0


@contextmanager
def searched(root: Path, server: PostgresServer, trials: int = 14) -> Iterator[tuple[OnServer, CutLine]]:
    """Two processes that search one study, each of two trials at once."""
    database = server.new_database()
    with cut_line(server.port) as line:
        overrides = (f"store.url={server.url(database, line.port)}", f"store.lease_s={LEASE_S}", "store.wait_s=60")
        arena = OnServer(root / "arena", trials, workers=2, epoch_s=0.05, overrides=overrides, url=server.url(database))
        try:
            arena.start()
            arena.start()
            yield arena, line
        finally:
            for process in arena.processes():
                process.kill()


def restarted(server: PostgresServer, away_s: float) -> None:
    server.stop(signal.SIGQUIT)
    time.sleep(away_s)
    server.start()


def cut(line: CutLine, away_s: float) -> None:
    line.cut()
    time.sleep(away_s)
    line.mend()


@pytest.mark.slow
@pytest.mark.parametrize("breaks", ["the line", "the server", "the line for long"])
def test_a_database_that_is_away_costs_nothing(tmp_path: Path, server: PostgresServer, breaks: str) -> None:
    with searched(tmp_path, server) as (arena, line):
        ways: dict[str, Callable[[], None]] = {
            "the line": lambda: cut(line, 0.3),
            "the server": lambda: restarted(server, 1.5),
            "the line for long": lambda: cut(line, 2.5 * LEASE_S),
        }
        for trained in (3, 20, 40):
            wait_until(lambda least=trained: arena.has_trained(least))
            ways[breaks]()
        arena.wait()
        arena.check()
        assert arena.repeated() == 0
        assert len(StudyRecord.of(arena.study).sessions) == 2
        if breaks == "the line for long":
            assert "is away (" in arena.output
            assert "is back after " in arena.output
            assert "was taken over" not in arena.output


@pytest.mark.slow
def test_trials_of_a_process_that_dies_go_on_elsewhere(tmp_path: Path, server: PostgresServer) -> None:
    with searched(tmp_path, server) as (arena, _):
        wait_until(lambda: arena.has_trained(10))
        dead = arena.searchers[0]
        dead.kill()
        arena.wait(but=(dead,))
        arena.check()
        assert arena.repeated() <= 2


@pytest.mark.slow
def test_a_process_that_freezes_loses_its_trials_and_learns_it(tmp_path: Path, server: PostgresServer) -> None:
    """All of its processes freeze, as by a machine that is suspended."""
    with searched(tmp_path, server, trials=24) as (arena, _):
        wait_until(lambda: arena.has_trained(10))
        tree = [psutil.Process(arena.searchers[0].pid)]
        tree[0].suspend()
        tree += tree[0].children(recursive=True)
        for process in tree[1:]:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        theirs = {trial.number for trial in arena.stored() if trial.state is TrialState.RUNNING}
        ended = {TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED}
        wait_until(lambda: all(trial.state in ended for trial in arena.stored() if trial.number in theirs))
        for process in reversed(tree):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        arena.wait()
        arena.check()
        assert "was taken over by another process while this one was away" in arena.output


class CutAtARung(View):
    """A view whose user gives Ctrl-C while the database is away."""

    def __init__(self, server: PostgresServer) -> None:
        self._server, self.at = server, 0.0

    def rung(self, number: int, rung: Rung) -> None:
        self._server.stop(signal.SIGQUIT)
        self.at = time.monotonic()
        raise KeyboardInterrupt


@pytest.mark.seconds
def test_ctrl_c_while_the_database_is_away_ends_at_once(
    tmp_path: Path, server: PostgresServer, few_blocks: Dataset
) -> None:
    url = server.url(server.new_database())
    settings = settings_of(tmp_path, f"store.url={url}", "baseline=none", "store.wait_s=60")
    try:
        view = CutAtARung(server)
        with pytest.raises(KeyboardInterrupt), open_search(settings, few_blocks, view) as search:
            run_to_its_end(search)
        assert time.monotonic() - view.at < 20
    finally:
        server.start()
    study = load_study(settings.folder.parent, settings.name, url)
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING]  # cut, and taken up by the next search


def test_what_a_process_has_uploaded_stays_that_may_be_cut_off_only(
    tmp_path: Path, server: PostgresServer, few_blocks: Dataset
) -> None:
    """Its lease ran out between an upload and the list; it comes back, lists the file, and goes on."""
    overrides = (f"store.url={server.url(server.new_database())}", f"store.artifacts={tmp_path / 'artifacts'}")
    with open_search(settings_of(tmp_path, *overrides), few_blocks, View()) as search:
        found = artifacts_of(search.study)
        assert found is not None
        place = open_place(found.url)
        now_s = search.claims.time_s()
        for key, silent_s, ended in ((7, 60.0, False), (8, GONE_S + 60.0, False), (9, 60.0, True)):
            span = [now_s - silent_s - 1.0, now_s - silent_s]
            StudyWriter(search.study).session(key, SessionRecord("another", 1, "/runs", [span], ended))
            place.write(f"{found.prefix}/trials/0000/weights.pt.{key}.0123456789ab", BytesIO(b"weights"))
        with search.claims.alone():
            search.keeping.tidy()
        wait_until(lambda: len(list(place.names(""))) == 1, 20)
        search.keeping.files.close()
        assert [name.split(".")[-2] for name in place.names("")] == ["7"]
