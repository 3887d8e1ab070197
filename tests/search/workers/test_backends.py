"""The contract of every backend: what comes out of a trial, in which order, and how it ends."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from quick_search import lines_of
from quick_trainer import latency_of
from recorder import Event, Recorder

from objectives.machine.process_tree import is_dead
from objectives.records.failures import Failure
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Latency, Outcome
from objectives.trial.job import RungDecision, TrialJob
from search.workers.backend import Backend
from search.workers.measure import measure
from search.workers.registry import BACKENDS, check_backend, make_backend
from spaces.errors import SettingsError

Plant = Callable[..., None]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return make_backend(request.param, tmp_path / "ultralytics")


@pytest.fixture
def job(tiny_job: TrialJob) -> TrialJob:
    """The job of a trial of milliseconds, with rungs at epochs 1, 2 and 4."""
    return replace(tiny_job, run="quick_trainer:run_trial", epochs=4, rungs=3)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Layer of faults, as `quick_trainer.py` names them."""
    (tmp_path / "faults").mkdir()

    def touch(*faults: str) -> None:
        for fault in faults:
            (tmp_path / "faults" / f"{fault}-0").touch()

    return touch


def trained(folder: Path) -> list[int]:
    """Return the epochs that were trained in a study's folder, in order."""
    return [int(what.split()[1]) for _, _, what in lines_of(folder) if what.startswith("epoch")]


# To the end


def test_reports_come_in_order_and_the_ending_is_last(backend: Backend, job: TrialJob, tmp_path: Path) -> None:
    recorder = Recorder()
    assert backend.run(job, recorder) == Ending(Outcome.FINISHED, "")
    assert recorder.of("stage") == ["build", "train", "export", "score"]
    assert recorder.of("progress") == [1, 2, 3, 4]
    assert [rung.epoch for rung in recorder.of("rung")] == [1, 2, 4]
    assert [(latency, done) for _, latency, done in (e for e in recorder.events if e[0] == "latency")] == [
        (latency_of(job), False),
        (latency_of(job), True),
    ]
    kinds = [event[0] for event in recorder.events]
    assert kinds[:4] == ["stage", "latency", "stage", "progress"]
    assert kinds[-5:] == ["stage", "latency", "stage", "accuracy", "resources"]
    assert trained(tmp_path) == [1, 2, 3, 4]
    assert (job.folder / "model.onnx").is_file()


def test_what_is_started_is_of_the_job_and_ends_twice(backend: Backend, job: TrialJob) -> None:
    running = backend.start(job)
    assert running.job is job
    assert (running.pid == os.getpid()) == (backend.name == "inline")
    recorder, ended = Recorder(), None
    while ended is None:
        if running in backend.wait([running], 10.0):
            ended = running.receive(recorder)
            assert running.over_limit() is None
    assert ended.ending == Ending(Outcome.FINISHED, "")
    assert recorder.of("stage")[-1] == "score"
    running.end()
    running.end()


def test_one_that_is_ended_before_it_was_heard_does_no_more(backend: Backend, job: TrialJob, tmp_path: Path) -> None:
    running = backend.start(replace(job, epochs=100_000))
    running.end()
    done = trained(tmp_path)
    running.end()
    assert trained(tmp_path) == done


def test_with_no_trials_the_time_passes(backend: Backend) -> None:
    began = time.monotonic()
    assert not backend.wait([], 0.1)
    assert time.monotonic() - began >= 0.09


def test_tick_is_called_meanwhile(backend: Backend, job: TrialJob) -> None:
    ticks: list[float] = []
    backend.run(job, Recorder(), tick=lambda: ticks.append(time.monotonic()))
    assert ticks


# Rungs


@pytest.mark.parametrize(("decision", "ending"), [(RungDecision.PAUSE, None), (RungDecision.STOP, Outcome.STOPPED)])
def test_a_rung_is_answered(
    backend: Backend, job: TrialJob, tmp_path: Path, decision: RungDecision, ending: Outcome | None
) -> None:
    recorder = Recorder({2: decision})
    ended = backend.run(job, recorder)
    assert (ended and ended.outcome) == ending
    assert trained(tmp_path) == [1, 2]
    assert [rung.epoch for rung in recorder.of("rung")] == [1, 2]
    assert recorder.events[-1][0] == "resources"


def test_a_paused_trial_goes_on_from_its_checkpoint(backend: Backend, job: TrialJob, tmp_path: Path) -> None:
    first = Recorder({2: RungDecision.PAUSE})
    assert backend.run(job, first) is None
    again = Recorder()
    known = replace(job, latency=first.of("latency")[0], reported_epoch=2)
    assert backend.run(known, again) == Ending(Outcome.FINISHED, "")
    assert trained(tmp_path) == [1, 2, 3, 4]
    assert [rung.epoch for rung in again.of("rung")] == [4]


@pytest.mark.seconds
def test_a_trial_waits_at_its_rung_for_the_answer(backend: Backend, job: TrialJob, tmp_path: Path) -> None:
    seen: list[list[int]] = []

    def look(event: Event) -> None:
        if event[0] == "rung":
            time.sleep(0.1)
            seen.append(trained(tmp_path))

    backend.run(job, Recorder(hook=look))
    assert seen == [[1], [1, 2], [1, 2, 3, 4]]


def test_another_candidate_is_measured_while_one_waits_at_its_rung(
    backend: Backend, job: TrialJob, tmp_path: Path
) -> None:
    other = replace(job, number=-1, folder=tmp_path / "ahead")
    found: list[Latency | Ending] = []

    def look(event: Event) -> None:
        if event[0] == "rung" and not found:
            found.append(measure(backend, other))

    assert backend.run(job, Recorder(hook=look)) == Ending(Outcome.FINISHED, "")
    assert found == [latency_of(other)]


# Measured only


def test_measured_only(backend: Backend, job: TrialJob, tmp_path: Path) -> None:
    recorder = Recorder()
    assert backend.run(replace(job, measure_only=True), recorder) is None
    assert recorder.of("latency") == [latency_of(job)]
    assert measure(backend, job) == latency_of(job)
    assert trained(tmp_path) == []


def test_what_cannot_be_measured_says_why(backend: Backend, job: TrialJob) -> None:
    ending = measure(backend, replace(job, run="quick_trainer:no_such_function"))
    assert isinstance(ending, Ending)
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, Failure.ERROR)
    assert ending.reason.startswith("AttributeError: ")


# Failures


@pytest.mark.parametrize(
    ("fault", "failure", "reason"),
    [
        ("nan", Failure.DIVERGED, "Diverged: the training loss was nan after epoch 1"),
        ("device", Failure.OUT_OF_DEVICE_MEMORY, "OutOfMemoryError: CUDA out of memory"),
        ("full", Failure.DISK_FULL, "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_failed_trial_has_a_class_a_reason_and_its_logs_end(
    backend: Backend, job: TrialJob, plant: Plant, fault: str, failure: Failure, reason: str
) -> None:
    plant(f"trial0epoch2-{fault}")
    recorder, began = Recorder(), time.monotonic()
    ending = backend.run(job, recorder)
    assert ending is not None
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, failure)
    assert ending.reason.startswith(reason)
    assert "\n" not in ending.reason
    assert ending.death is not None
    assert reason.split(": ", 1)[1] in ending.death.log_tail
    assert "Traceback" in TrialPaths(job.folder).log.read_text()
    assert 0 < ending.death.seconds <= time.monotonic() - began
    assert ending.death.memory_free_bytes > 1e6
    assert ending.death.disk_free_bytes > 1e6
    assert Ending.from_json(ending.to_json()) == ending
    assert [rung.epoch for rung in recorder.of("rung")] == [1]


def test_a_failed_trial_goes_on_from_its_checkpoint_with_half_the_batch(
    backend: Backend, job: TrialJob, plant: Plant, tmp_path: Path
) -> None:
    plant("trial0epoch3-device")
    assert backend.run(job, Recorder()) is not None
    again = Recorder()
    assert backend.run(replace(job, reported_epoch=2, batch_divisor=2), again) == Ending(Outcome.FINISHED, "")
    assert trained(tmp_path) == [1, 2, 3, 4]
    assert [what.split()[-1] for _, _, what in lines_of(tmp_path) if what.startswith("begins")] == ["1", "2"]


def test_a_log_that_cannot_be_written_is_a_failed_trial(backend: Backend, job: TrialJob) -> None:
    job.folder.write_text("a file where the trial's folder should be")
    ending = backend.run(job, Recorder())
    assert ending is not None
    assert (ending.outcome, ending.error_class) == (Outcome.FAILED, Failure.ERROR)
    assert ending.reason.startswith("FileExistsError: ")
    assert ending.death is not None
    assert ending.death.log_tail == ""


@pytest.mark.parametrize("error", [OSError("the store is gone"), KeyboardInterrupt()], ids=["an error", "ctrl-c"])
def test_what_the_listener_raises_is_no_failure_of_the_trial(
    backend: Backend, job: TrialJob, tmp_path: Path, error: BaseException
) -> None:
    """It comes out here; the trial is ended, and a later job takes it up from its checkpoint."""

    def strike(event: Event) -> None:
        if event[0] == "rung" and event[1].epoch == 2:
            raise error

    with pytest.raises(type(error)) as raised:
        backend.run(job, Recorder(hook=strike))
    assert raised.value is error or isinstance(error, KeyboardInterrupt)
    log = TrialPaths(job.folder).log
    assert not log.exists() or "the store is gone" not in log.read_text()
    again = Recorder()
    assert backend.run(replace(job, reported_epoch=1), again) == Ending(Outcome.FINISHED, "")
    assert [rung.epoch for rung in again.of("rung")] == [2, 4]
    assert trained(tmp_path) == [1, 2, 3, 4]


# By name


def test_an_unknown_backend_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError) as refused:
        check_backend("proces")
    assert str(refused.value) == ("trial.backend: unknown backend 'proces'; nearest: process; known: process, inline")


def test_inline_runs_one_trial_at_once() -> None:
    check_backend("process", workers=8)
    check_backend("inline", workers=1)
    with pytest.raises(SettingsError) as refused:
        check_backend("inline", workers=3)
    assert str(refused.value) == (
        "trial.backend: 'inline' runs 1 trial at once, got workers=3; give workers=1, or trial.backend=process"
    )


def test_what_a_backend_cannot_do_is_said_in_one_line() -> None:
    assert BACKENDS["process"].caveat == ""
    assert "limits" in BACKENDS["inline"].caveat
    assert "\n" not in BACKENDS["inline"].caveat


def test_a_backend_of_processes_leaves_none(job: TrialJob, tmp_path: Path) -> None:
    import psutil

    backend = make_backend("process", tmp_path / "ultralytics")
    running = backend.start(replace(job, epochs=100_000))
    process = psutil.Process(running.pid)
    running.end()
    assert is_dead(process)
