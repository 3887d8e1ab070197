"""`automl workers`: who searches a study, as a list, as JSON, and asked to end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from command_line import Done, automl

from objectives.records.study_record import StudyRecord
from search.study.store import open_storage, storage_url

pytestmark = pytest.mark.seconds

HOLDER = """
import sys, time
from pathlib import Path
import optuna
from objectives.records.study_parts.parts import WorkRecord
from objectives.records.study_record import StudyRecord
from objectives.machine.card import MachineCard
from search.study.claims.kernel_locks import KernelClaims
from search.study.sessions import Session
from search.study.store import load_study
folder = Path(sys.argv[1])
study = load_study(folder.parent, folder.name, None)
card = MachineCard("box", 8, 32000, "NVIDIA H100", 80000, "NVIDIA H100")
session = Session(study, KernelClaims(folder), machine=card)
session._work = [WorkRecord(int(word), "train", 4) for word in sys.argv[2:]]
session.beat(now=True)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a study `shelf`, which nobody searches."""
    folder = tmp_path / "runs" / "shelf"
    folder.mkdir(parents=True)
    storage = open_storage(storage_url(folder, None))
    study = optuna.create_study(study_name="shelf", storage=storage, directions=["maximize", "minimize"])
    study.set_user_attr("automl.version", 1)
    return folder


@contextmanager
def searching(folder: Path, *work: tuple[int, ...]) -> Iterator[list[int]]:
    """Have processes in the study, each with its trials; yield their numbers."""
    processes = []
    for trials in work:
        line = [sys.executable, "-c", HOLDER, str(folder), *map(str, trials)]
        processes.append(subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        processes[-1].stdout.readline()  # type: ignore[union-attr]  # a pipe
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.communicate(b"")


def workers(folder: Path, *options: str) -> Done:
    return automl("workers", "shelf", *options, folder=folder.parents[1])


def asked(folder: Path) -> frozenset[str]:
    study = optuna.load_study(study_name="shelf", storage=open_storage(storage_url(folder, None)))
    return StudyRecord.of(study).asked_to_end


def test_nobody_is_no_error(folder: Path) -> None:
    done = workers(folder)
    assert (done.returncode, done.stdout) == (0, "nobody searches shelf just now\n")
    assert workers(folder, "--format", "json").stdout == ""
    assert "there is no 'other'" in automl("workers", "other", folder=folder.parents[1]).stderr


def test_processes_are_listed_and_asked_idle_ones_first(folder: Path) -> None:
    host = os.uname().nodename
    with searching(folder, (4,), (), (7, 8)) as pids:
        done = workers(folder)
        for text in (
            f"{host}:{pids[0]}",
            "NVIDIA H100",
            "4 (train, epoch 4)",
            "idle",
            "7 (train, epoch 4)",
            "8 (train, epoch 4)",
        ):
            assert text in done.stdout
        assert "asked" not in done.stdout
        done = workers(folder, "--end", "1")
        assert asked(folder) == {"1"}
        assert "1 worker asked to end: trials stay at their last checkpoint" in done.stdout
        workers(folder, "--end", "1")  # of those that were not asked yet: the one with fewer trials
        assert asked(folder) == {"0", "1"}
        seen = [json.loads(line) for line in workers(folder, "--format", "json").stdout.splitlines()]
        assert [(one["pid"], one["asked_to_end"]) for one in seen] == list(zip(pids, (True, True, False), strict=True))
        assert seen[2]["kind"] == "NVIDIA H100"
        assert seen[2]["work"] == [{"trial": number, "stage": "train", "epoch": 4} for number in (7, 8)]
        refused = workers(folder, "--end", "2")
        assert (refused.returncode, asked(folder)) == (2, {"0", "1"})
        assert "1 worker can be asked, got 2" in refused.stderr
        refused = workers(folder, "--end", f"{host}:1")
        assert (refused.returncode, f"no worker '{host}:1'; nearest: {host}:" in refused.stderr) == (2, True)
        assert workers(folder, "--end", f"{host}:{pids[2]}").returncode == 0
        assert asked(folder) == {"0", "1", "2"}


def test_all_are_asked(folder: Path) -> None:
    with searching(folder, (4,), ()):
        assert "2 workers asked to end" in workers(folder, "--all").stdout
        assert asked(folder) == {"0", "1"}


def test_options_that_mean_nothing_are_refused(folder: Path) -> None:
    with searching(folder, ()):
        done = workers(folder, "--all", "--end", "2")
        assert (done.returncode, done.stderr) == (
            2,
            "automl: --end: means nothing beside --all, got 2; give one of the two\n",
        )
        done = workers(folder, "--end", "0")
        assert (done.returncode, done.stderr) == (2, "automl: --end: must be 1 or more, or HOST:PID, got 0\n")
        assert asked(folder) == frozenset()
