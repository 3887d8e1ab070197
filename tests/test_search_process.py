"""A trial's process: its last word, or how it died; its whole group ends with it."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from objectives.dataset import Dataset
from objectives.device import Device
from objectives.gate import Gate
from objectives.job import TrialJob, Word
from objectives.latency import LatencyProtocol
from objectives.layout import lay_out
from objectives.records import Latency, Outcome
from objectives.training import Diverged
from search.child import LOG, classify
from search.process import TrialProcess
from spaces.candidate import Candidate
from spaces.errors import DataError, DeviceError, SpaceError

Make = Callable[..., Candidate]
Begin = Callable[..., TrialProcess]


@pytest.fixture
def begin(tmp_path: Path, blocks: Dataset) -> Iterator[Begin]:
    """Starter of a trial of a candidate; its folder is tmp_path / "trial"."""
    started: list[TrialProcess] = []

    def start(candidate: Candidate, warmup_s: float = 0.05) -> TrialProcess:
        job = TrialJob(
            number=0,
            candidate=candidate,
            folder=tmp_path / "trial",
            classes=blocks.classes,
            data_yaml=lay_out(blocks, tmp_path / "data"),
            images=blocks.splits["val"],
            split="val",
            epochs=200,
            rungs=1,
            eta=2.0,
            evaluate_every=0,
            seed=1,
            gate=Gate(),
            device=Device(),
            protocol=LatencyProtocol(processes=1, processes_max=1, images_min=10, cap_s=0.4, warmup_s=warmup_s),
            train_device="cpu",
        )
        started.append(TrialProcess(job, tmp_path / "ultralytics"))
        return started[-1]

    yield start
    for process in started:
        process.end()


def group_of(pid: int) -> list[int]:
    """Return the living processes of a group."""
    living = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getpgid(process.pid) == pid and process.info["status"] != psutil.STATUS_ZOMBIE:
                living.append(process.pid)
        except ProcessLookupError:
            continue
    return living


def is_measuring(pid: int) -> bool:
    """Whether this is the measuring process, its job read and its imports done."""
    try:
        process = psutil.Process(pid)
        return "objectives.latency_probe" in process.cmdline() and sum(process.cpu_times()[:2]) > 1.5
    except psutil.NoSuchProcess:
        return False


def pid_of(process: TrialProcess) -> int:
    pid = process._process.pid
    assert pid is not None
    return pid


def until(messages: Iterator[tuple[Any, ...]], *wanted: object) -> list[tuple[Any, ...]]:
    """Read messages until one begins as wanted."""
    seen = []
    for message in messages:
        seen.append(message)
        if message[: len(wanted)] == wanted:
            return seen
    raise AssertionError(f"{wanted} never came: {seen}")


@pytest.mark.parametrize(
    ("choices", "error_class", "told"),
    [
        ({"head.kind": "nsm"}, "not buildable", "head.kind: 'nsm' is no head; nearest: nms"),
        ({"backbone.name": "lcnet_o50"}, "not buildable", "lcnet_o50"),
    ],
)
def test_trial_that_cannot_be_built_says_why(
    begin: Begin, make_candidate: Make, tmp_path: Path, choices: dict[str, str], error_class: str, told: str
) -> None:
    process = begin(make_candidate(choices))
    *stages, (word, ending) = list(process.messages())
    assert stages == [("stage", "build")]
    assert word == "ended"
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, error_class)
    assert told in ending.reason
    assert "\n" not in ending.reason
    log = (tmp_path / "trial" / LOG).read_text()
    assert "Traceback" in log
    assert not process._process.is_alive()


def test_child_that_cannot_write_its_log_is_a_failed_trial(begin: Begin, make_candidate: Make, tmp_path: Path) -> None:
    (tmp_path / "trial").write_text("a file where the trial's folder should be")
    *_, (word, ending) = list(begin(make_candidate()).messages())
    assert word == "ended"
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, "error")
    assert "FileExistsError" in ending.reason


@pytest.mark.parametrize(
    ("number", "error_class", "told"),
    [(signal.SIGKILL, "killed", "killed (SIGKILL)"), (signal.SIGSEGV, "crashed", "crashed with SIGSEGV")],
)
def test_killed_trial_is_a_failed_trial(
    begin: Begin, make_candidate: Make, number: signal.Signals, error_class: str, told: str
) -> None:
    process = begin(make_candidate())
    messages = process.messages()
    until(messages, "stage", "build")
    os.kill(pid_of(process), number)
    *_, (word, ending) = list(messages)
    assert word == "ended"
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, error_class)
    assert told in ending.reason


def test_end_leaves_nothing_of_the_group(begin: Begin, make_candidate: Make) -> None:
    process = begin(make_candidate(), warmup_s=60)  # measuring would go on for a minute
    until(process.messages(), "stage", "latency")
    pid = pid_of(process)
    assert os.getpgid(pid) == pid != os.getpgid(0)
    deadline = time.monotonic() + 60
    while not any(is_measuring(other) for other in group_of(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(group_of(pid)) >= 2
    process.end()
    deadline = time.monotonic() + 5
    while group_of(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert group_of(pid) == []
    process.end()  # once more does no harm
    process.answer(Word.STOP)  # nobody listens any more


def test_trial_tells_its_latency_before_it_trains(begin: Begin, make_candidate: Make) -> None:
    seen = until(begin(make_candidate()).messages(), "stage", "train")
    assert [message[1] for message in seen if message[0] == "stage"] == ["build", "latency", "train"]
    (latency,) = [message[1] for message in seen if message[0] == "latency"]
    assert isinstance(latency, Latency)
    assert latency.p50_ms > 0


class CudaOutOfMemory(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        (MemoryError(), "out of memory"),
        (CudaOutOfMemory("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full"),
        (OSError(errno.EACCES, "Permission denied"), "error"),
        (Diverged("the training loss was nan after epoch 3"), "diverged"),
        (SpaceError("backbone: 'x' is no timm model"), "not buildable"),
        (DeviceError("device=cpu: measuring 'x' failed"), "not measurable"),
        (DataError("checkpoint: 'x' cannot be read"), "not buildable"),
        (ValueError("shapes"), "error"),
        (KeyboardInterrupt(), "error"),
    ],
)
def test_failures_are_classed(error: BaseException, error_class: str) -> None:
    assert classify(error) == error_class
