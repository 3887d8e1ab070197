"""The contract of engines, on real ones: processes here, a Ray cluster, a Dask cluster, submitit's local processes.

Slurm itself is not to be had in a test: its path runs by submitit's executor of local processes.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fault_harness import Arena
from process_words import words_of, workers_among
from quick_search import LONG_S, wait_until

from search.cluster.engines.contract import ClusterEngine, ClusterError
from search.cluster.engines.make import make_engine
from search.cluster.task import WorkerEnd, WorkerTask
from search.settings.cluster.cluster_settings import ClusterSettings
from search.settings.settings import load_settings

SLOW = pytest.mark.slow
LINES = {
    "local": ["cluster=local"],
    "ray": ["cluster=ray", "cluster.address=local"],
    "dask": ["cluster=dask", "cluster.address=local"],
    "slurm": ["cluster=slurm", "cluster.address=local", "cluster.gpus=0"],
}
each = pytest.mark.parametrize(
    "name", ["local", *(pytest.param(name, marks=SLOW) for name in ("ray", "dask", "slurm"))], ids=str
)
pytestmark = pytest.mark.seconds


def settings_of(name: str, workers: int = 2) -> ClusterSettings:
    return load_settings(["conf=smoke", *LINES[name], f"cluster.workers={workers}"]).cluster


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """A search that would take minutes; no process of it is left behind."""
    arena = Arena(tmp_path / "arena", trials=1000, epochs=50, epoch_s=0.2)
    for name, value in arena.environment.items():
        monkeypatch.setenv(name, value)
    yield arena
    left = [one for one in arena.processes() if one.pid != os.getpid() and "workers.child" in " ".join(words_of(one))]
    for process in left:
        process.kill()
    assert left == []


def task_of(arena: Arena, index: int, *arguments: str) -> WorkerTask:
    line = (*arena.line[2:], *arguments, "cluster=none")
    return WorkerTask(index, "ab12", line, str(arena.root), str(arena.root / "logs" / f"{index}.txt"))


def started(
    engine: ClusterEngine, *tasks: WorkerTask
) -> tuple[list[threading.Thread], dict[int, WorkerEnd | Exception]]:
    ends: dict[int, WorkerEnd | Exception] = {}

    def run(task: WorkerTask) -> None:
        try:
            ends[task.index] = engine.run(task)
        except Exception as error:  # of the engine, of any kind: it is what the test looks at
            ends[task.index] = error

    engine.prepare(tasks)
    threads = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    return threads, ends


def workers_of(arena: Arena) -> list[psutil.Process]:
    return workers_among(arena.processes())


@each
@pytest.mark.parametrize("workers", [1, 2])
def test_each_task_ends_with_a_record_of_its_worker(name: str, workers: int, arena: Arena, tmp_path: Path) -> None:
    with make_engine(settings_of(name, workers), tmp_path / "logs") as engine:
        assert engine.words
        assert not engine.is_elsewhere
        assert engine.places() is None or engine.places() >= workers  # type: ignore[operator]  # not None
        threads, ends = started(engine, *(task_of(arena, i, "budget.trials=0") for i in range(workers)))
        for thread in threads:
            thread.join(LONG_S)
        assert engine.trouble() == ""
    assert set(ends) == set(range(workers))
    for index, end in ends.items():
        assert isinstance(end, WorkerEnd), end
        assert (end.index, end.code, end.host) == (index, 2, os.uname().nodename)
        assert end.message == "budget.trials: must be 1 or more, got 0"


@pytest.mark.slow
@each
def test_a_killed_worker_is_known_and_the_others_go_on(name: str, arena: Arena, tmp_path: Path) -> None:
    with make_engine(settings_of(name), tmp_path / "logs") as engine:
        _, ends = started(engine, *(task_of(arena, i) for i in range(2)))
        wait_until(lambda: len(workers_of(arena)) == 2)
        killed, other = workers_of(arena)
        killed.kill()
        wait_until(lambda: ends)
        (end,) = ends.values()
        assert isinstance(end, WorkerEnd), end
        assert (end.code, end.message) == (-9, "killed by SIGKILL")
        assert other.is_running()
    wait_until(lambda: not workers_of(arena), 40)  # what is left ends with the engine


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ray", "dask"])
def test_a_task_whose_own_process_is_lost_is_begun_anew(name: str, arena: Arena, tmp_path: Path) -> None:
    with make_engine(settings_of(name), tmp_path / "logs") as engine:
        _, ends = started(engine, *(task_of(arena, i) for i in range(2)))
        wait_until(lambda: len(workers_of(arena)) == 2)
        first, second = workers_of(arena)
        psutil.Process(first.ppid()).kill()
        wait_until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, 40)
        wait_until(lambda: len(workers_of(arena)) == 2)
        assert second.is_running()
        assert ends == {}
    wait_until(lambda: not workers_of(arena), 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ray", "dask"])
def test_a_head_that_is_lost_is_trouble_in_one_line(name: str, arena: Arena, tmp_path: Path) -> None:
    with make_engine(settings_of(name, 1), tmp_path / "logs") as engine:
        _, ends = started(engine, task_of(arena, 0))
        wait_until(lambda: workers_of(arena))
        own = psutil.Process(engine._process.pid)  # type: ignore[attr-defined]  # an EngineApart
        if name == "ray":  # the head is a process
            next(one for one in own.children(recursive=True) if "gcs_server" in one.name()).kill()
        else:  # the scheduler is a part of the engine's
            own.kill()
        wait_until(engine.trouble, 60)
        wait_until(lambda: ends)
        assert "\n" not in engine.trouble()
        assert ("head" if name == "ray" else "has ended") in engine.trouble()
        assert isinstance(ends[0], ClusterError)
    wait_until(lambda: not workers_of(arena), 60)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (["cluster=ray", "cluster.address=127.0.0.1:9"], "Ray's head at 127.0.0.1:9 does not answer"),
        (["cluster=ray", "cluster.address=ray://127.0.0.1:9"], "must be host:port of Ray's head, got 'ray://"),
        (["cluster=slurm"], "cluster=slurm: cannot be used here .*srun"),
        (["cluster=slurm", "cluster.address=box"], "Slurm is asked by sbatch where the line is given, got 'box'"),
        pytest.param(["cluster=dask", "cluster.address=tcp://127.0.0.1:9"], "cannot be reached .*tcp://", marks=SLOW),
        pytest.param(
            ["cluster=dask", "cluster.address=local", "cluster.gpus=1"], "resource GPU; start them", marks=SLOW
        ),
    ],
)
def test_what_cannot_be_reached_is_one_line(line: list[str], why: str, tmp_path: Path) -> None:
    engine = make_engine(load_settings(["conf=smoke", *line]).cluster, tmp_path)
    with pytest.raises(ClusterError, match=why) as caught, engine:
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "module"), [("ray", "ray"), ("dask", "distributed"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_names_its_extra(
    name: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, module, raising=False)
    with pytest.raises(ClusterError, match=rf"not installed here; pip install 'automl\[{name}\]'"):
        make_engine(settings_of(name), tmp_path / "logs").__enter__()


def test_what_lies_in_files_for_slurm_is_the_users_alone(tmp_path: Path) -> None:
    with make_engine(settings_of("slurm"), tmp_path / "logs"):
        assert (tmp_path / "logs" / "submitit").stat().st_mode & 0o077 == 0
