"""`automl search ... cluster=...` as users give it: one view of all, one page, an end that loses nothing."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from fault_harness import Arena, check
from optuna.trial import TrialState
from postgres_server import postgres_server
from process_words import workers_among
from quick_search import LONG_S, taken, wait_until

from objectives.records.study_record import SessionRecord, StudyRecord
from search.study.store import load_study

pytestmark = pytest.mark.seconds

SLOW = pytest.mark.slow
ENGINES = {
    "local": ("cluster=local",),
    "ray": ("cluster=ray", "cluster.address=local"),
    "dask": ("cluster=dask", "cluster.address=local"),
    "slurm": ("cluster=slurm", "cluster.address=local", "cluster.gpus=0"),
}
each = pytest.mark.parametrize("engine", [pytest.param(name, marks=SLOW) for name in ENGINES], ids=str)


def arena_of(folder: Path, engine: str, trials: int, epoch_s: float = 0.02) -> Arena:
    overrides = (*ENGINES[engine], "cluster.workers=2")
    return Arena(folder / "arena", trials=trials, epoch_s=epoch_s, overrides=overrides)


def output(arena: Arena) -> str:
    return (arena.root / "output.txt").read_text()


def workers_of(arena: Arena) -> list[psutil.Process]:
    return workers_among(arena.processes())


@contextmanager
def launched(arena: Arena) -> Iterator["subprocess.Popen[str]"]:
    """Give the line; nothing of it is left in the end."""
    arena.start()
    assert arena.searcher is not None
    try:
        yield arena.searcher
    finally:
        for process in arena.processes():
            process.kill()
        arena.searcher.wait()


def finished(arena: Arena) -> int:
    """Return how many trials have trained to their end; the store may be half made yet."""
    return len(list(arena.folder.glob("trials/*/weights.pt")))


@each
def test_a_search_by_workers_is_a_search(engine: str, tmp_path: Path) -> None:
    arena = arena_of(tmp_path, engine, trials=12)
    with launched(arena) as line:
        assert line.wait(LONG_S) == 0
    check(arena)
    text = output(arena)
    assert text.count("the search ends: the budget is used") == text.count("Report: ") == 1
    assert [text.count(f"trial {number:3d}  ") for number in range(12)] == [1] * 12  # its end, and no "goes on"
    sessions = StudyRecord.of(load_study(arena.root / "runs", "smoke", None)).sessions
    assert len(sessions) == 2
    assert len({session.launch for session in sessions.values()}) == 1
    assert all(session.ended for session in sessions.values())
    logs = list((arena.folder / "workers").glob("*-?.txt"))
    assert len(logs) == 2
    assert all("the search ends" in log.read_text() and "Report" not in log.read_text() for log in logs)


@each
def test_ctrl_c_ends_all_and_the_same_line_goes_on(engine: str, tmp_path: Path) -> None:
    arena = arena_of(tmp_path, engine, trials=14, epoch_s=0.1)
    with launched(arena) as line:
        wait_until(lambda: finished(arena) >= 2)
        line.send_signal(signal.SIGINT)
        assert line.wait(LONG_S) == 130
        assert arena.processes() == []
        text = output(arena)
        assert "asked to end after the last checkpoint" in text
        assert "Interrupted after" in text
        assert 2 <= finished(arena) < 14
        arena.finish()
    check(arena)
    assert arena.repeated() <= 2 * 2  # an epoch at most of each that was cut


@pytest.mark.slow
def test_a_killed_view_takes_its_workers_along_and_a_killed_worker_costs_the_others_nothing(tmp_path: Path) -> None:
    arena = arena_of(tmp_path, "local", trials=30, epoch_s=0.1)
    with launched(arena) as line:
        wait_until(lambda: finished(arena) >= 2)
        killed = workers_of(arena)[0]
        killed.kill()
        wait_until(lambda: "killed by SIGKILL; it is begun anew" in output(arena))
        wait_until(lambda: len(workers_of(arena)) == 2)
        line.kill()
        line.wait()
        wait_until(lambda: not arena.processes(), 40)
        done = finished(arena)
        assert done < 30
        arena.finish()
    check(arena)
    assert all(trial.state is TrialState.COMPLETE for trial in arena.stored())


@pytest.mark.slow
def test_another_line_adds_workers_and_some_are_taken_away(tmp_path: Path) -> None:
    """Each of four workers has a trial that is held, so that no machine uses the budget up before all have begun."""
    arena = arena_of(tmp_path, "local", trials=12)
    arena.overrides = (*arena.overrides, "trial.silence_s=600")
    for i in range(4):
        (arena.faults / f"fault-hold-{i}").touch()
    with launched(arena) as line:
        wait_until(lambda: len(taken(arena.faults, "fault-hold")) == 2)
        with (arena.root / "second.txt").open("w") as log:
            second = subprocess.Popen(arena.line, cwd=arena.root, env=arena.environment, stdout=log, stderr=log)
        study = load_study(arena.root / "runs", "smoke", None)

        def alive() -> list[SessionRecord]:
            return [one for one in StudyRecord.of(study).sessions.values() if not one.ended]

        wait_until(lambda: len(taken(arena.faults, "fault-hold")) == len(alive()) == 4)
        second.send_signal(signal.SIGINT)  # ends its own alone
        assert second.wait(LONG_S) == 130
        assert len({one.launch for one in alive()}) == 1
        assert len(alive()) == 2
        program = arena.line[0]
        options = ["--folder", str(arena.root / "runs")]
        subprocess.run([program, "workers", "smoke", "--end", "1", *options], check=True, env=arena.environment)
        wait_until(lambda: len(alive()) == 1)
        for file in taken(arena.faults, "fault-hold"):
            file.unlink()
        assert line.wait(LONG_S) == 0
    check(arena)


@pytest.mark.slow
def test_a_mistake_of_all_workers_is_one_line(tmp_path: Path) -> None:
    arena = arena_of(tmp_path, "local", trials=2)
    arena.overrides = (*arena.overrides, f"data.root={tmp_path / 'nowhere'}")
    with launched(arena) as line:
        assert line.wait(LONG_S) == 2
    (last,) = [text for text in output(arena).splitlines() if text.startswith("automl: ")]
    assert last.startswith("automl: cluster: all 2 workers ended with an error; worker")
    assert "nowhere" in last


def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    arena = arena_of(tmp_path, "local", trials=2)
    arena.overrides = (*arena.overrides, "store.url=postgresql+psycopg://me:geheim@127.0.0.1:1/db")
    with launched(arena) as line:
        assert line.wait(LONG_S) == 2
    text = output(arena)
    assert "automl: store: 'postgresql+psycopg://me:***@127.0.0.1:1/db' cannot be used" in text
    assert "Traceback" not in text
    assert "geheim" not in text


@pytest.mark.slow
def test_ctrl_c_ends_all_while_the_database_is_away(tmp_path: Path) -> None:
    arena = arena_of(tmp_path, "local", trials=40, epoch_s=0.2)
    with postgres_server() as server:
        arena.overrides = (*arena.overrides, f"store.url={server.url(server.new_database())}")
        with launched(arena) as line:
            wait_until(lambda: finished(arena) >= 1)
            server.stop()
            wait_until(lambda: "cannot be used" in output(arena) or "waits" in output(arena))
            line.send_signal(signal.SIGINT)
            assert line.wait(LONG_S) == 130
            assert arena.processes() == []
    text = output(arena)
    assert "the page is not written" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_events_are_those_of_a_search(tmp_path: Path) -> None:
    arena = arena_of(tmp_path, "local", trials=4)
    line = [*arena.line, "--log-format", "json"]
    done = subprocess.run(line, cwd=arena.root, env=arena.environment, capture_output=True, text=True, check=True)
    events = [json.loads(text) for text in done.stdout.splitlines()]
    names = [event["event"] for event in events]
    assert (names[0], names[-1]) == ("search_started", "search_ended")
    assert events[0]["workers"] == 2
    for number in range(4):
        own = [event["event"] for event in events if event.get("trial") == number]
        assert (own[0], own[-1]) == ("trial_started", "trial_ended")
        assert own.count("trial_started") == own.count("trial_ended") == 1
    assert "workers  2 on processes on this machine" in done.stderr


@pytest.mark.slow
def test_workers_on_a_database_server_outlive_that_it_is_away(tmp_path: Path) -> None:
    with postgres_server() as server:
        database = server.new_database()
        arena = arena_of(tmp_path, "local", trials=20, epoch_s=0.1)
        arena.overrides = (*arena.overrides, f"store.url={server.url(database)}")
        options = ["--folder", str(arena.root / "runs"), "--store", server.url(database)]
        listed = [arena.line[0], "workers", "smoke", "--format", "json", *options]
        with launched(arena) as line:
            wait_until(lambda: finished(arena) >= 2)
            shown = subprocess.run(listed, capture_output=True, text=True, env=arena.environment, check=True).stdout
            assert len(shown.splitlines()) == 2
            server.stop()
            wait_until(lambda: "waiting: " in output(arena))
            assert line.poll() is None
            server.start()
            wait_until(lambda: "the search goes on" in output(arena))
            killed = workers_of(arena)[0]
            killed.kill()
            assert line.wait(LONG_S) == 0
        assert "the search ends: the budget is used" in output(arena)
        trials = load_study(arena.root / "runs", "smoke", server.url(database)).get_trials(deepcopy=False)
        assert [trial.number for trial in trials] == list(range(20))
        assert all(trial.state is TrialState.COMPLETE for trial in trials)
        for trial in trials:
            log = arena.folder / "trials" / f"{trial.number:05d}" / "epochs.log"
            assert set(map(int, log.read_text().split())) == set(range(1, arena.epochs + 1))
