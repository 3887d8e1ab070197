"""A launch: a lost worker is begun anew, one that failed is not, and none of them touches the others."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import pytest
from quick_search import settings_of, wait_until

from search.cluster.engines.contract import ClusterEngine
from search.cluster.launch import AGAIN_MOST, Launch, WorkerLost, tasks_of
from search.cluster.task import WorkerEnd, WorkerTask
from search.settings.settings import load_settings


class ScriptedEngine(ClusterEngine):
    """An engine whose tasks end as a script says, one word a run: "ok", "error", "killed", "lost"; then "ok"."""

    def __init__(self, script: Mapping[int, Sequence[str]]) -> None:
        self.script = {index: list(words) for index, words in script.items()}
        self.runs: Counter[int] = Counter()
        self.holds = threading.Event()
        self.holds.set()
        self.gone = ""

    def __enter__(self) -> Self:
        return self

    @property
    def words(self) -> str:
        return "a script"

    def run(self, task: WorkerTask) -> WorkerEnd:
        self.holds.wait(20)
        self.runs[task.index] += 1
        words = self.script.get(task.index)
        match words.pop(0) if words else "ok":
            case "lost":
                raise RuntimeError("the node is gone\nsecond line")
            case "killed":
                return WorkerEnd(task.index, "box", -9, "killed by SIGKILL")
            case "error":
                return WorkerEnd(task.index, "box", 2, "data.root: no such folder")
        return WorkerEnd(task.index, "box", 0)

    def trouble(self) -> str:
        return self.gone


def launched(folder: Path, engine: ScriptedEngine, workers: int) -> Launch:
    settings = settings_of(folder, "cluster=local", f"cluster.workers={workers}")
    launch = Launch(engine, tasks_of(settings, ["conf=smoke", "cluster=local", "cluster.workers=2"], folder))
    launch.start()
    return launch


def news_of(launch: Launch) -> list[WorkerEnd | WorkerLost]:
    found = []
    while not launch.news.empty():
        found.append(launch.news.get())
    return found


def test_a_worker_is_the_same_line_without_the_cluster(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "cluster=local", "cluster.workers=3")
    line = ["conf=smoke", "cluster=local", "cluster.workers=3", "+cluster.gpus=0", "data.root=a b"]
    tasks = tasks_of(settings, line, tmp_path / "logs")
    assert [task.index for task in tasks] == [0, 1, 2]
    assert {task.arguments for task in tasks} == {("conf=smoke", "data.root=a b", "cluster=none")}
    assert len({task.log for task in tasks}) == 3
    assert len({task.launch for task in tasks}) == 1
    assert tasks_of(settings, line, tmp_path)[0].launch != tasks[0].launch


def test_what_a_preset_says_of_a_cluster_is_undone_for_a_worker(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        "defaults: [smoke, override cluster: slurm, _self_]\n"
        "cluster: {workers: 2, partition: gpu, hours: 2, extra: {account: vision}}\n"
    )
    settings = load_settings([f"conf={preset}"])
    assert (settings.cluster.name, settings.cluster.workers) == ("slurm", 2)
    task, _ = tasks_of(settings, [f"conf={preset}"], tmp_path)
    assert load_settings(list(task.arguments)).cluster == load_settings(["conf=smoke"]).cluster


def test_lost_workers_are_begun_anew_and_others_go_on(tmp_path: Path) -> None:
    engine = ScriptedEngine({0: ["lost", "killed"], 1: ["error"]})
    launch = launched(tmp_path, engine, 3)
    wait_until(lambda: not launch.is_running)
    assert engine.runs == {0: 3, 1: 1, 2: 1}
    assert [launch.ends[i].code for i in range(3)] == [0, 2, 0]
    lost = [news for news in news_of(launch) if isinstance(news, WorkerLost)]
    assert [(news.end.message, news.again) for news in lost] == [
        ("the node is gone", True),
        ("killed by SIGKILL", True),
    ]
    assert launch.ends[1].has_failed


def test_a_worker_that_is_lost_too_often_is_missed(tmp_path: Path) -> None:
    engine = ScriptedEngine({0: ["killed"] * 9})
    launch = launched(tmp_path, engine, 2)
    wait_until(lambda: not launch.is_running)
    assert engine.runs == {0: 1 + AGAIN_MOST, 1: 1}
    assert launch.ends[0].is_lost


@pytest.mark.parametrize("why", ["stopped", "gone"])
def test_nothing_is_begun_anew_after_the_end(tmp_path: Path, why: str) -> None:
    engine = ScriptedEngine({0: ["lost"] * 9})
    engine.holds.clear()
    launch = launched(tmp_path, engine, 1)
    if why == "stopped":
        launch.stop()
    else:
        engine.gone = "the head does not answer"
    engine.holds.set()
    wait_until(lambda: not launch.is_running)
    assert engine.runs == {0: 1}
    assert len([news for news in news_of(launch) if isinstance(news, WorkerLost)]) == (why == "stopped")
