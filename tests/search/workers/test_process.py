"""A trial's process: its last word, or how it died; its limits; nothing of it is left when it ends."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from quick_search import lines_of, taken, wait_until

from objectives.machine.process_tree import Usage, is_dead
from objectives.records.failures import Failure
from objectives.records.paths import TrialPaths
from objectives.records.records import Death, Ending, Latency, Outcome
from objectives.trial.job import TrialJob, Word
from search.workers.process import TAIL_LINES, Limits, TrialProcess, kernel_kills, log_tail, machine_memory_bytes
from spaces.candidate import Candidate

Make = Callable[..., Candidate]
Begin = Callable[..., TrialProcess]


@pytest.fixture
def job(tiny_job: TrialJob) -> TrialJob:
    """The job of a real trial that does not end by itself meanwhile."""
    return replace(tiny_job, epochs=200)


@pytest.fixture
def quick(job: TrialJob) -> TrialJob:
    """The job of a trial of milliseconds."""
    return replace(job, run="quick_trainer:run_trial", epochs=4)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starter of a trial; what is left of it in the end is ended."""
    started: list[TrialProcess] = []

    def start(job: TrialJob, limits: Limits | None = None, *faults: str) -> TrialProcess:
        (tmp_path / "faults").mkdir(exist_ok=True)
        for fault in faults:
            (tmp_path / "faults" / f"{fault}-0").touch()
        started.append(TrialProcess(job, tmp_path / "ultralytics", limits))
        return started[-1]

    yield start
    for process in started:
        process.end()


def until(messages: Iterator[tuple[Any, ...]], *wanted: object) -> list[tuple[Any, ...]]:
    """Read messages until one begins as wanted."""
    seen = []
    for message in messages:
        seen.append(message)
        if message[: len(wanted)] == wanted:
            return seen
    raise AssertionError(f"{wanted} never came: {seen}")


def end_of(process: TrialProcess) -> Ending:
    """Let a trial go on to its end, whatever it asks, and return that."""
    for message in process.messages():
        if message[0] == "rung":
            process.answer(Word.GO_ON)
    assert message[0] == "ended"
    assert isinstance(message[1], Ending)
    return message[1]


def death_of(end: Ending) -> Death:
    assert end.death is not None
    return end.death


def processes_in(folder: Path) -> list[int]:
    """Return the living processes whose trial works in a folder, by what they have open there."""
    found = []
    for process in psutil.process_iter():
        try:
            outputs = {str(Path(f"/proc/{process.pid}/fd/{n}").readlink()) for n in (1, 2)}
        except OSError:
            continue
        if any(output.startswith(str(folder)) for output in outputs) and not is_dead(process):
            found.append(process.pid)
    return found


def is_gone(pid: int) -> bool:
    try:
        return is_dead(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


# Real trials


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"head.kind": "nsm"}, "head.kind: 'nsm' is no head; nearest: nms"),
        ({"backbone.name": "lcnet_o50"}, "lcnet_o50"),
    ],
)
def test_trial_that_cannot_be_built_says_why(
    begin: Begin, job: TrialJob, make_candidate: Make, choices: dict[str, str], told: str
) -> None:
    process = begin(replace(job, candidate=make_candidate(choices)))
    *stages, (word, ending) = list(process.messages())
    assert stages == [("stage", "build")]
    assert word == "ended"
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, Failure.NOT_BUILDABLE)
    assert told in ending.reason
    assert "\n" not in ending.reason
    assert "Traceback" in TrialPaths(job.folder).log.read_text()
    assert told in death_of(ending).log_tail
    assert processes_in(job.folder) == []


def test_child_that_cannot_write_its_log_is_a_failed_trial(begin: Begin, quick: TrialJob) -> None:
    quick.folder.write_text("a file where the trial's folder should be")
    end = end_of(begin(quick))
    assert (end.outcome, end.error_class) == (Outcome.FAILED, Failure.ERROR)
    assert end.reason.startswith("FileExistsError: ")
    assert death_of(end).log_tail == ""


def test_trial_tells_its_latency_before_it_trains(begin: Begin, job: TrialJob) -> None:
    seen = until(begin(job).messages(), "stage", "train")
    assert [message[1] for message in seen if message[0] == "stage"] == ["build", "latency", "train"]
    (latency,) = [message[1] for message in seen if message[0] == "latency"]
    assert isinstance(latency, Latency)
    assert latency.p50_ms > 0


def is_measuring(pid: int) -> bool:
    """Whether this is the measuring process, its job read and its imports done."""
    try:
        process = psutil.Process(pid)
        return "objectives.latency.probe" in process.cmdline() and sum(process.cpu_times()[:2]) > 1.5
    except psutil.NoSuchProcess:
        return False


def test_end_leaves_nothing_of_a_trial_that_measures(begin: Begin, job: TrialJob) -> None:
    process = begin(replace(job, protocol=replace(job.protocol, warmup_s=60)))  # measuring would go on for a minute
    until(process.messages(), "stage", "latency")
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    wait_until(lambda: any(is_measuring(below.pid) for below in psutil.Process(process.pid).children(recursive=True)))
    below = psutil.Process(process.pid).children(recursive=True)
    process.end()
    assert all(is_dead(each) for each in below)
    assert processes_in(job.folder) == []
    process.end()  # once more does no harm


# Deaths


@pytest.mark.parametrize(
    ("fault", "failure", "reason"),
    [
        ("sigkill", Failure.KILLED, "killed from outside (SIGKILL)"),
        ("sigterm", Failure.KILLED, "killed from outside (SIGTERM)"),
        ("sigsegv", Failure.CRASHED, "crashed with SIGSEGV"),
        ("sigabrt", Failure.CRASHED, "crashed with SIGABRT"),
        ("exit0", Failure.CRASHED, "the process exited with code 0 and no word"),
        ("exit3", Failure.CRASHED, "the process exited with code 3 and no word"),
        ("nan", Failure.DIVERGED, "Diverged: the training loss was nan after epoch 1"),
        ("device", Failure.OUT_OF_DEVICE_MEMORY, "OutOfMemoryError: CUDA out of memory"),
        ("full", Failure.DISK_FULL, "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_death_is_told_with_what_was_there(
    begin: Begin, quick: TrialJob, fault: str, failure: Failure, reason: str
) -> None:
    began = time.monotonic()
    end = end_of(begin(quick, None, f"trial0epoch2-{fault}"))
    assert (end.outcome, end.error_class) == (Outcome.FAILED, failure)
    assert end.reason.startswith(reason)
    assert 0 < death_of(end).seconds <= time.monotonic() - began
    assert death_of(end).memory_free_bytes > 1e6
    assert death_of(end).disk_free_bytes > 1e6
    assert Ending.from_json(end.to_json()) == end


def test_an_end_that_is_no_failure_has_no_death(begin: Begin, quick: TrialJob) -> None:
    assert end_of(begin(quick)) == Ending(Outcome.FINISHED, "")


def test_the_kernels_count_of_kills_is_read(tmp_path: Path) -> None:
    counters = tmp_path / "vmstat"
    assert kernel_kills(counters) == 0
    counters.write_text("pgfault 12\noom_kill 7\noom_kill_other 9\n")
    assert kernel_kills(counters) == 7
    counters.write_text("pgfault 12\n")
    assert kernel_kills(counters) == 0


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = TrialPaths(tmp_path).log
    assert log_tail(log) == ""
    log.write_bytes(b"\xff" + "".join(f"line {i}\n" for i in range(1000)).encode())
    lines = log_tail(log).splitlines()
    assert len(lines) == TAIL_LINES
    assert lines[-1] == "line 999"
    log.write_text("x" * 10_000)
    assert len(log_tail(log)) < 10_000


def test_the_machines_memory_is_at_most_what_is_there() -> None:
    assert 1e8 < machine_memory_bytes() <= psutil.virtual_memory().total


def test_a_control_group_takes_memory_away(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("1:name=systemd:/old\n0::/user.slice/job.scope\n")
    scope = tmp_path / "groups" / "user.slice" / "job.scope"
    scope.mkdir(parents=True)
    (scope / "memory.max").write_text("max\n")
    assert machine_memory_bytes(tmp_path / "groups", own) == psutil.virtual_memory().total
    (scope.parent / "memory.max").write_text("300000000\n")
    assert machine_memory_bytes(tmp_path / "groups", own) == 300_000_000
    (scope / "memory.max").write_text("200000000\n")
    assert machine_memory_bytes(tmp_path / "groups", own) == 200_000_000
    assert machine_memory_bytes(tmp_path / "none", tmp_path / "none") == psutil.virtual_memory().total


# Limits


def test_a_trial_over_its_time_is_ended_although_it_talks_all_the_time(begin: Begin, quick: TrialJob) -> None:
    """Its 100,000 epochs of milliseconds tell of themselves; somebody listens to each."""
    end = end_of(begin(replace(quick, epochs=100_000), Limits(timeout_s=1.0)))
    assert (end.error_class, end.reason) == (Failure.TIMED_OUT, "over its limit of 1 s (trial.timeout_s)")
    assert 1.0 < death_of(end).seconds < 60


@pytest.mark.parametrize("fault", ["hang", "stopped"])
def test_a_trial_without_a_sign_of_life_is_ended(begin: Begin, quick: TrialJob, fault: str) -> None:
    end = end_of(begin(quick, Limits(silence_s=1.5), f"trial0epoch2-{fault}"))
    assert (end.error_class, end.reason) == (Failure.TIMED_OUT, "no sign of life for 1.5 s (trial.silence_s)")
    assert processes_in(quick.folder) == []


def test_a_trial_over_its_memory_is_ended_and_its_peak_told(begin: Begin, quick: TrialJob) -> None:
    """It allocates for good, 16 MB at a time."""
    end = end_of(begin(quick, Limits(memory_bytes=900_000_000), "trial0epoch2-allocate"))
    assert end.error_class == Failure.OUT_OF_MEMORY
    told = re.fullmatch(r"(\d+) MB, over its limit of 900 MB \(trial.memory_mb\)", end.reason)
    assert told is not None
    assert int(told[1]) > 900
    assert death_of(end).peak_bytes > 900_000_000
    assert processes_in(quick.folder) == []


def test_a_trial_with_too_many_processes_is_ended_with_all_of_them(begin: Begin, quick: TrialJob) -> None:
    """Each is in a session of its own, and goes on when the trial is killed."""
    process = begin(quick, Limits(processes_max=12), "trial0epoch2-breed")
    below: set[psutil.Process] = set()
    for message in process.messages():
        if psutil.pid_exists(process.pid):
            below |= set(psutil.Process(process.pid).children(recursive=True))
        if message[0] == "rung":
            process.answer(Word.GO_ON)
    end = message[1]
    assert end.error_class == Failure.CRASHED
    assert re.fullmatch(r"\d+ processes, over its limit of 12 \(trial.processes_max\)", end.reason)
    assert death_of(end).processes > 12
    assert processes_in(quick.folder) == []
    assert all(is_dead(each) for each in below)


def test_what_a_trial_leaves_behind_ends_with_it(begin: Begin, quick: TrialJob, tmp_path: Path) -> None:
    """A process in a session of its own, whose parent is gone, while another trial of the same server lives on."""
    other = begin(replace(quick, number=1, folder=tmp_path / "other"), None, "trial1-hold")
    until(other.messages(), "stage", "train")
    process = begin(quick, None, "trial0-leave")
    end_of(process)
    (left,) = [int(what.split()[1]) for _, _, what in lines_of(tmp_path) if what.startswith("leaves")]
    assert psutil.pid_exists(left)
    process.end()
    wait_until(lambda: is_gone(left))
    next((tmp_path / "faults").glob("taken-trial1-hold-*")).unlink()
    assert end_of(other) == Ending(Outcome.FINISHED, "")


def test_what_is_told_is_the_cause_and_not_what_followed(begin: Begin, quick: TrialJob) -> None:
    """Too many processes come before their memory, memory before the time that it took, a limit before silence."""
    process = begin(quick, Limits(timeout_s=500.0, silence_s=5.0, memory_bytes=1000, processes_max=3), "trial0-hold")
    wait_until(lambda: taken(quick.folder.parent / "faults", "trial0-hold"))
    assert process._broken_limit(Usage(3, 10), process._heard + 6) is None  # it has told what nobody has read
    until(iter(process.receive, ()), "progress", 1)
    late = process._began + 501
    for seen, told in (
        (Usage(4, 10**6), "trial.processes_max"),
        (Usage(3, 10**6), "trial.memory_mb"),
        (Usage(3, 10), "trial.timeout_s"),
    ):
        assert told in (process._broken_limit(seen, late) or ("", ""))[1]
    assert "trial.silence_s" in (process._broken_limit(Usage(3, 10), process._heard + 6) or ("", ""))[1]
    assert process._broken_limit(Usage(3, 10), process._heard + 4) is None


def test_a_killed_trial_takes_what_it_started_along(begin: Begin, quick: TrialJob, tmp_path: Path) -> None:
    process = begin(quick, None, "trial0epoch1-leave", "trial0epoch3-hang")
    wait_until(lambda: [what for _, _, what in lines_of(tmp_path) if what == "epoch 2"])
    (left,) = [int(what.split()[1]) for _, _, what in lines_of(tmp_path) if what.startswith("leaves")]
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: is_gone(process.pid))
    process.answer(Word.STOP)  # nobody listens any more
    assert end_of(process).error_class == Failure.KILLED
    process.end()
    wait_until(lambda: is_gone(left))
