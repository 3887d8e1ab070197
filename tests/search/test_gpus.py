"""Searches on made machines with GPUs: who trains where, what a trial sees, and want of the GPU's memory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_gpus import FIRST, PARTED, PARTS, SECOND, TWO, build_nvml, machine
from quick_search import lines_of, taken, wait_until
from small_data import CARD, yolo

from objectives.records.failures import Failure
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.study.store import load_study

AUTOML = Path(sys.executable).with_name("automl")
ONE = "NVIDIA A100-SXM4-40GB;40"
SMALL, LARGE = "NVIDIA GeForce RTX 3060;12", "NVIDIA A100-SXM4-80GB;80"
Search = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nvml(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(4)}
    return yolo(tmp_path_factory.mktemp("data"), labels, CARD)


@pytest.fixture
def search(nvml: Path, data: Path, tmp_path: Path) -> Iterator[Search]:
    """Starter of searching processes, each on a machine with these GPUs; `name` is the machine's."""
    begun: list[subprocess.Popen[str]] = []
    (tmp_path / "smoke" / "faults").mkdir(parents=True)

    def start(gpus: str, *overrides: str, name: str = "here") -> "subprocess.Popen[str]":
        line = [str(AUTOML), "search", "conf=smoke", f"data.root={data}", "data=folder", f"store.folder={tmp_path}"]
        quick = ["trial.run=gpu_trainer:run_trial", "trial.epochs=4", "store.free_mb_min=1", "pruner=none"]
        usual = ["sampler=random", "baseline=none", "budget.trials=2", "experience=none"]
        environment = machine(nvml, gpus, tmp_path / name, SEEN=str(tmp_path))
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        begun.append(subprocess.Popen([*line, *quick, *usual, *overrides], env=environment, **pipes))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def plant(folder: Path, *faults: str) -> None:
    for fault in faults:
        (folder / "smoke" / "faults" / f"{fault}-0").touch()


def release(folder: Path, fault: str, count: int = 1) -> None:
    """Let trials go on that are held, once so many are."""
    wait_until(lambda: len(taken(folder / "smoke" / "faults", fault)) == count)
    for file in taken(folder / "smoke" / "faults", fault):
        file.unlink()


def well(process: "subprocess.Popen[str]") -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    return out


def seen(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "seen.jsonl").read_text().splitlines()]


def stored(folder: Path) -> list[TrialRecord]:
    return trial_records(load_study(folder, "smoke", None))


def begins(folder: Path) -> list[tuple[int, str]]:
    return [(number, what) for number, _, what in lines_of(folder / "smoke") if "begins" in what]


@pytest.mark.slow
@pytest.mark.seconds
def test_a_trial_sees_its_own_gpu_alone_and_the_server_has_started_no_cuda(search: Search, tmp_path: Path) -> None:
    plant(tmp_path, "trial0epoch2-hold", "trial1epoch2-hold")
    process = search(TWO, "workers=2")
    release(tmp_path, "trial?epoch2-hold", count=2)
    well(process)
    found = seen(tmp_path)
    assert sorted(one["listed"] for one in found) == [FIRST, SECOND]
    for one in found:
        assert (one["device"], one["count"], one["loaded"]) == ("0", 1, True)
        assert [one[what] for what in ("started", "forked_from_started", "driver")] == [False] * 3
    sessions = StudyRecord.of(load_study(tmp_path, "smoke", None)).sessions
    (card,) = [session.machine for session in sessions.values()]
    assert card is not None
    assert (card.gpu, card.gpu_memory_mb, card.kind) == (ONE.split(";")[0], 40000, ONE.split(";")[0])
    assert [t.resources.machine for t in stored(tmp_path) if t.resources] == [card.kind] * 2


@pytest.mark.slow
@pytest.mark.seconds
def test_parts_of_a_board_have_a_training_each(search: Search, tmp_path: Path) -> None:
    plant(tmp_path, "trial0epoch2-hold", "trial1epoch2-hold")
    process = search(PARTED, "workers=2")
    release(tmp_path, "trial?epoch2-hold", count=2)
    well(process)
    assert sorted(one["listed"] for one in seen(tmp_path)) == sorted(PARTS)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_gpu_has_as_many_trainings_as_share_says(search: Search, tmp_path: Path) -> None:
    plant(tmp_path, *(f"trial{n}epoch2-hold" for n in range(3)))
    process = search(ONE, "workers=3", "gpu.share=2", "gpu.memory_mb=1000", "budget.trials=3")
    wait_until(lambda: len(taken(tmp_path / "smoke" / "faults", "trial?epoch2-hold")) == 2)
    time.sleep(2.5)  # longer than between two looks for a place
    assert len(begins(tmp_path)) == 2
    release(tmp_path, "trial?epoch2-hold", count=2)
    release(tmp_path, "trial2epoch2-hold")
    well(process)
    assert [one["listed"] for one in seen(tmp_path)] == [FIRST] * 3


@pytest.mark.slow
@pytest.mark.seconds
def test_a_training_waits_for_the_memory_beside_another(search: Search, tmp_path: Path) -> None:
    """Two of 25 GB do not fit into 40, so they train one after the other, and none is lost."""
    plant(tmp_path, "trial0epoch2-hold")
    process = search(ONE, "workers=2", "gpu.share=2", "gpu.memory_mb=25000")
    wait_until(lambda: taken(tmp_path / "smoke" / "faults", "trial0epoch2-hold"))
    time.sleep(2.5)
    assert [number for number, _ in begins(tmp_path)] == [0]
    release(tmp_path, "trial0epoch2-hold")
    well(process)
    assert [t.phase for t in stored(tmp_path)] == [Phase.FINISHED] * 2
    assert [number for number, _ in begins(tmp_path)] == [0, 1]


@pytest.mark.slow
@pytest.mark.seconds
def test_want_of_memory_beside_another_is_tried_again_alone_with_the_same_batch(search: Search, tmp_path: Path) -> None:
    plant(tmp_path, "trial0epoch2-hold", "trial1epoch2-hold", "trial0epoch3-device")
    process = search(ONE, "workers=2", "gpu.share=2")
    wait_until(lambda: len(taken(tmp_path / "smoke" / "faults", "trial?epoch2-hold")) == 2)
    time.sleep(0.5)  # each looks around meanwhile
    release(tmp_path, "trial?epoch2-hold", count=2)
    well(process)
    zero, one = stored(tmp_path)
    assert [t.phase for t in (zero, one)] == [Phase.FINISHED] * 2
    (attempt,) = zero.attempts
    assert (attempt.error_class, zero.batch_divisor) == (Failure.GPU_SHARED, 1)
    assert [what.partition(", ")[2] for number, what in begins(tmp_path) if number == 0] == ["batch by 1"] * 2


@pytest.mark.slow
@pytest.mark.seconds
def test_a_trial_too_large_for_one_gpu_is_left_for_a_larger_one(search: Search, tmp_path: Path) -> None:
    plant(tmp_path, "trial0epoch2-hold", "trial0epoch3-device", "trial1epoch2-hold")
    small = search(SMALL, name="small")
    wait_until(lambda: taken(tmp_path / "smoke" / "faults", "trial0epoch2-hold"))
    large = search(LARGE, name="large")
    wait_until(lambda: taken(tmp_path / "smoke" / "faults", "trial1epoch2-hold"))
    release(tmp_path, "trial0epoch2-hold")
    wait_until(lambda: stored(tmp_path)[0].attempts)
    time.sleep(2.5)  # the small one looks for work meanwhile
    assert [number for number, _ in begins(tmp_path)] == [0, 1]
    release(tmp_path, "trial1epoch2-hold")
    well(small)
    well(large)
    zero = stored(tmp_path)[0]
    (attempt,) = zero.attempts
    assert attempt.death is not None
    assert (attempt.error_class, attempt.death.gpu_memory_mb) == (Failure.GPU_TOO_SMALL, 12000)
    assert (zero.phase, zero.batch_divisor) == (Phase.FINISHED, 1)
    assert zero.resources is not None
    assert zero.resources.machine == LARGE.split(";")[0]


@pytest.mark.slow
@pytest.mark.seconds
def test_without_a_larger_gpu_half_the_batch_is_tried(search: Search, tmp_path: Path) -> None:
    """A larger one is in the machine, but has fallen off the bus; a note says so."""
    plant(tmp_path, "trial0epoch3-device")
    out = well(search(f"{LARGE};lost,{SMALL}"))
    assert out.count("gpu: GPU 0 is left out: NVML: GPU is lost") == 1
    zero = stored(tmp_path)[0]
    assert [attempt.error_class for attempt in zero.attempts] == [Failure.OUT_OF_DEVICE_MEMORY]
    assert (zero.phase, zero.batch_divisor) == (Phase.FINISHED, 2)
