"""The task of a worker: it never raises, says in one line why its process ended, and takes that along when it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fault_harness import Arena
from process_words import words_of, workers_among
from quick_search import wait_until

from search.cluster.task import INTERRUPTED, WorkerEnd, WorkerTask, end_launch, end_workers, run_worker

pytestmark = pytest.mark.seconds

KILLED_HOLDER = """
import os, sys, pickle, threading
from search.cluster.task import run_worker
task = pickle.loads(bytes.fromhex(sys.argv[1]))
threading.Thread(target=run_worker, args=(task,)).start()
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerTask:
    """A worker whose search would take minutes."""
    arena = Arena(tmp_path / "arena", trials=1000, epochs=50, epoch_s=0.2)
    for name, value in arena.environment.items():
        monkeypatch.setenv(name, value)
    line = (*arena.line[2:], "cluster=none")
    return WorkerTask(0, "ab12", line, str(arena.root), str(tmp_path / "logs" / "0.txt"))


def children() -> list[psutil.Process]:
    return workers_among(psutil.Process().children(recursive=True))


def begun(task: WorkerTask) -> tuple[threading.Thread, list[WorkerEnd]]:
    """Run a task in a thread, and wait until its search runs."""
    events = Path(task.folder) / "runs" / "smoke" / "events.log"
    events.unlink(missing_ok=True)
    ends: list[WorkerEnd] = []
    thread = threading.Thread(target=lambda: ends.append(run_worker(task)))
    thread.start()
    wait_until(lambda: events.exists() and "epoch" in events.read_text())
    return thread, ends


def test_mistakes_are_one_line_and_no_exception(task: WorkerTask, tmp_path: Path) -> None:
    end = run_worker(replace(task, folder=str(tmp_path / "nowhere")))
    assert (end.code, end.has_failed) == (2, True)
    assert "nowhere' is not there; give the line in one that all machines have" in end.message
    end = run_worker(replace(task, arguments=("conf=smoke", "cluster=none", "budget.trials=0")))
    assert (end.code, end.message) == (2, "budget.trials: must be 1 or more, got 0")
    (tmp_path / "file").touch()
    assert "cannot be started" in run_worker(replace(task, log=str(tmp_path / "file" / "log.txt"))).message


@pytest.mark.slow
def test_a_killed_worker_is_lost_and_one_that_is_asked_ends_politely(task: WorkerTask) -> None:
    thread, ends = begun(task)
    (child,) = children()
    assert os.getsid(child.pid) == child.pid  # Ctrl-C in the terminal is not for it
    child.kill()
    thread.join(20)
    assert (ends[0].code, ends[0].is_lost, ends[0].message) == (-9, True, "killed by SIGKILL")
    thread, ends = begun(task)
    end_launch("another")
    assert thread.is_alive()
    end_launch(task.launch)
    thread.join(40)
    assert (ends[0].code, ends[0].is_lost, ends[0].has_failed) == (INTERRUPTED, False, False)
    assert children() == []


@pytest.mark.slow
def test_nobody_sees_a_password_in_the_list_of_processes(task: WorkerTask) -> None:
    secret = "store.url=postgresql+psycopg://me:geheim@127.0.0.1:1/db"
    ends: list[WorkerEnd] = []
    thread = threading.Thread(target=lambda: ends.append(run_worker(replace(task, arguments=("conf=smoke", secret)))))
    thread.start()
    words: list[str] = []

    def line_is_seen() -> bool:  # between its fork and its exec, a process has its parent's
        for one in children():
            words.extend(words_of(one))
        return any(word.startswith("store.url=") for word in words)

    wait_until(line_is_seen)
    thread.join(40)
    assert "store.url=postgresql+psycopg://me:***@127.0.0.1:1/db" in words
    assert not any("geheim" in word for word in words)
    assert "me:***@127.0.0.1:1/db' cannot be used" in ends[0].message  # and yet the worker had all of the line
    assert "geheim" not in Path(task.log).read_text()


@pytest.mark.slow
def test_workers_that_do_not_answer_are_ended_together(task: WorkerTask, tmp_path: Path) -> None:
    tasks = [replace(task, index=index, log=str(tmp_path / f"{index}.txt")) for index in range(3)]
    threads = [threading.Thread(target=run_worker, args=(one,)) for one in tasks]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(children()) == len(tasks))
    for child in children():
        child.suspend()
    began = time.monotonic()
    end_workers(tasks, wait_s=2.0)
    for thread in threads:
        thread.join(20)
    assert children() == []
    assert time.monotonic() - began < 2.0 * 2  # not one after the other


@pytest.mark.slow
def test_a_worker_ends_with_the_process_of_its_task(task: WorkerTask) -> None:
    import pickle

    holder = subprocess.Popen([sys.executable, "-c", KILLED_HOLDER, pickle.dumps(task).hex()])
    events = Path(task.folder) / "runs" / "smoke" / "events.log"
    wait_until(lambda: events.exists() and "epoch" in events.read_text())
    (child,) = children()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 40)
