"""The backend `process`: how a process died, its limits; nothing of it is left when it ends.

What holds for every backend is in test_backends.py.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest
from quick_search import lines_of, taken, wait_until
from recorder import Recorder

from objectives.machine.process_tree import Usage, is_dead
from objectives.records.failures import Failure
from objectives.records.paths import TrialPaths
from objectives.records.records import Death, Ending, Latency, Outcome
from objectives.trial.job import RungDecision, TrialJob
from search.workers.backend import LOOK_EVERY_S
from search.workers.limits import Limits
from search.workers.process import ProcessBackend, ProcessTrial, kernel_kills
from spaces.candidate import Candidate

Make = Callable[..., Candidate]
Begin = Callable[..., ProcessTrial]


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
    started: list[ProcessTrial] = []
    backend = ProcessBackend(tmp_path / "ultralytics")

    def start(job: TrialJob, limits: Limits | None = None, *faults: str) -> ProcessTrial:
        (tmp_path / "faults").mkdir(exist_ok=True)
        for fault in faults:
            (tmp_path / "faults" / f"{fault}-0").touch()
        started.append(backend.start(job, limits))
        return started[-1]

    yield start
    for process in started:
        process.end()


def step(process: ProcessTrial, recorder: Recorder) -> Ending | None:
    """Wait a moment for a message; return how the trial ended, if it was the last, or a limit was broken."""
    ready = wait(process.signs, LOOK_EVERY_S)
    ended = process.advance(recorder, ready=bool(ready))
    return ended and ended.ending


def until(process: ProcessTrial, *wanted: object) -> Recorder:
    """Take reports until one begins as wanted; return all."""
    recorder = Recorder()
    while not any(event[: len(wanted)] == wanted for event in recorder.events):
        assert step(process, recorder) is None, f"{wanted} never came: {recorder.events}"
    return recorder


def end_of(process: ProcessTrial, recorder: Recorder | None = None) -> Ending:
    """Let a trial go on to its end, whatever it asks, and return that."""
    recorder = recorder or Recorder()
    while (ending := step(process, recorder)) is None:
        pass
    return ending


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


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"head.kind": "nsm"}, "head.kind: unknown choice 'nsm'; nearest: nms"),
        ({"backbone.name": "lcnet_o50"}, "lcnet_o50"),
    ],
)
def test_trial_that_cannot_be_built_says_why(
    begin: Begin, job: TrialJob, make_candidate: Make, choices: dict[str, str], told: str
) -> None:
    recorder = Recorder()
    ending = end_of(begin(replace(job, candidate=make_candidate(choices))), recorder)
    assert recorder.events == [("stage", "build")]
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, Failure.NOT_BUILDABLE)
    assert told in ending.reason
    assert "\n" not in ending.reason
    assert "Traceback" in TrialPaths(job.folder).log.read_text()
    assert told in death_of(ending).log_tail
    assert processes_in(job.folder) == []


@pytest.mark.seconds
def test_trial_tells_its_latency_before_it_trains(begin: Begin, job: TrialJob) -> None:
    seen = until(begin(job), "stage", "train")
    assert seen.of("stage") == ["build", "latency", "train"]
    (latency,) = seen.of("latency")
    assert isinstance(latency, Latency)
    assert latency.p50_ms > 0


def is_measuring(pid: int) -> bool:
    """Whether this is the measuring process, its job read and its imports done."""
    try:
        process = psutil.Process(pid)
        return "objectives.latency.probe" in process.cmdline() and sum(process.cpu_times()[:2]) > 1.5
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.seconds
def test_end_leaves_nothing_of_a_trial_that_measures(begin: Begin, job: TrialJob) -> None:
    process = begin(replace(job, protocol=replace(job.protocol, warmup_s=60)))  # measuring would go on for a minute
    until(process, "stage", "latency")
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    wait_until(lambda: any(is_measuring(below.pid) for below in psutil.Process(process.pid).children(recursive=True)))
    below = psutil.Process(process.pid).children(recursive=True)
    process.end()
    assert all(is_dead(each) for each in below)
    assert processes_in(job.folder) == []
    process.end()  # once more does no harm


# Deaths


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("fault", "failure", "reason"),
    [
        ("sigkill", Failure.KILLED, "killed from outside (SIGKILL)"),
        ("sigterm", Failure.KILLED, "killed from outside (SIGTERM)"),
        ("sigsegv", Failure.CRASHED, "crashed with SIGSEGV"),
        ("sigabrt", Failure.CRASHED, "crashed with SIGABRT"),
        ("exit0", Failure.CRASHED, "the process exited with code 0 and no word"),
        ("exit3", Failure.CRASHED, "the process exited with code 3 and no word"),
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


def test_the_kernels_count_of_kills_is_read(tmp_path: Path) -> None:
    counters = tmp_path / "vmstat"
    assert kernel_kills(counters) == 0
    counters.write_text("pgfault 12\noom_kill 7\noom_kill_other 9\n")
    assert kernel_kills(counters) == 7
    counters.write_text("pgfault 12\n")
    assert kernel_kills(counters) == 0


# Limits


@pytest.mark.seconds
def test_a_trial_over_its_time_is_ended_although_it_talks_all_the_time(begin: Begin, quick: TrialJob) -> None:
    """Its 100,000 epochs of milliseconds tell of themselves; somebody listens to each."""
    end = end_of(begin(replace(quick, epochs=100_000), Limits(timeout_s=1.0)))
    assert (end.error_class, end.reason) == (Failure.TIMED_OUT, "over its limit of 1 s (trial.timeout_s)")
    assert 1.0 < death_of(end).seconds < 60


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("fault", ["hang", "stopped"])
def test_a_trial_without_a_sign_of_life_is_ended(begin: Begin, quick: TrialJob, fault: str) -> None:
    end = end_of(begin(quick, Limits(silence_s=1.5), f"trial0epoch2-{fault}"))
    assert (end.error_class, end.reason) == (Failure.TIMED_OUT, "no sign of life for 1.5 s (trial.silence_s)")
    assert processes_in(quick.folder) == []


@pytest.mark.seconds
def test_a_trial_over_its_memory_is_ended_and_its_peak_told(begin: Begin, quick: TrialJob) -> None:
    """It allocates for good, 16 MB at a time."""
    end = end_of(begin(quick, Limits(memory_bytes=900_000_000), "trial0epoch2-allocate"))
    assert end.error_class == Failure.OUT_OF_MEMORY
    told = re.fullmatch(r"(\d+) MB, over its limit of 900 MB \(trial.memory_mb\)", end.reason)
    assert told is not None
    assert int(told[1]) > 900
    assert death_of(end).peak_bytes > 900_000_000
    assert processes_in(quick.folder) == []


@pytest.mark.slow
@pytest.mark.seconds
def test_a_trial_with_too_many_processes_is_ended_with_all_of_them(begin: Begin, quick: TrialJob) -> None:
    """Each is in a session of its own, and goes on when the trial is killed."""
    process = begin(quick, Limits(processes_max=12), "trial0epoch2-breed")
    below: set[psutil.Process] = set()
    recorder, end = Recorder(), None
    while end is None:
        if psutil.pid_exists(process.pid):
            below |= set(psutil.Process(process.pid).children(recursive=True))
        end = step(process, recorder)
    assert end.error_class == Failure.CRASHED
    assert re.fullmatch(r"\d+ processes, over its limit of 12 \(trial.processes_max\)", end.reason)
    assert death_of(end).processes > 12
    assert processes_in(quick.folder) == []
    assert all(is_dead(each) for each in below)


@pytest.mark.seconds
def test_what_a_trial_leaves_behind_ends_with_it(begin: Begin, quick: TrialJob, tmp_path: Path) -> None:
    """A process in a session of its own, whose parent is gone, while another trial of the same server lives on."""
    other = begin(replace(quick, number=1, folder=tmp_path / "other"), None, "trial1-hold")
    until(other, "stage", "train")
    process = begin(quick, None, "trial0-leave")
    end_of(process)
    (left,) = [int(what.split()[1]) for _, _, what in lines_of(tmp_path) if what.startswith("leaves")]
    assert psutil.pid_exists(left)
    process.end()
    wait_until(lambda: is_gone(left))
    next((tmp_path / "faults").glob("taken-trial1-hold-*")).unlink()
    assert end_of(other) == Ending(Outcome.FINISHED, "")


@pytest.mark.seconds
def test_what_is_told_is_the_cause_and_not_what_followed(begin: Begin, quick: TrialJob) -> None:
    """Too many processes come before their memory, memory before the time that it took, a limit before silence."""
    process = begin(quick, Limits(timeout_s=500.0, silence_s=5.0, memory_bytes=1000, processes_max=3), "trial0-hold")
    wait_until(lambda: taken(quick.folder.parent / "faults", "trial0-hold"))
    assert process._broken_limit(Usage(3, 10), process._heard + 6) is None  # it has told what nobody has read
    until(process, "progress", 1)
    late = process._began + 501
    for seen, told in (
        (Usage(4, 10**6), "trial.processes_max"),
        (Usage(3, 10**6), "trial.memory_mb"),
        (Usage(3, 10), "trial.timeout_s"),
    ):
        assert told in (process._broken_limit(seen, late) or ("", ""))[1]
    assert "trial.silence_s" in (process._broken_limit(Usage(3, 10), process._heard + 6) or ("", ""))[1]
    assert process._broken_limit(Usage(3, 10), process._heard + 4) is None


@pytest.mark.seconds
def test_a_killed_trial_takes_what_it_started_along(begin: Begin, quick: TrialJob, tmp_path: Path) -> None:
    process = begin(quick, None, "trial0epoch1-leave", "trial0epoch3-hang")
    wait_until(lambda: [what for _, _, what in lines_of(tmp_path) if what == "epoch 2"])
    (left,) = [int(what.split()[1]) for _, _, what in lines_of(tmp_path) if what.startswith("leaves")]
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: is_gone(process.pid))
    process._answer(RungDecision.STOP)  # nobody listens any more
    assert end_of(process).error_class == Failure.KILLED
    process.end()
    wait_until(lambda: is_gone(left))
