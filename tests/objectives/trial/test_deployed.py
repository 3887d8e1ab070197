"""A real trial under a gate of many bounds: its confidence chosen, its metrics measured, or stopped before training."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from defaults import CPU, protocol_of
from recorder import Recorder
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate
from window_detector import write_windows

from objectives.data.dataset import Dataset
from objectives.deploy.accuracy import SCORE_CONFIDENCE, detect_all, score
from objectives.deploy.confidence import Rule
from objectives.deploy.detector import Detector
from objectives.deploy.kept_detections import read_kept
from objectives.deploy.matches import match
from objectives.deploy.operating_point import choose
from objectives.deploy.runtimes.open import open_artifact
from objectives.records.bounds.figures import Figures
from objectives.records.gate import Gate
from objectives.records.paths import TrialPaths
from objectives.records.records import Latency, Outcome
from objectives.trial.deployed import DeployedFile
from objectives.trial.job import Half, TrialJob
from objectives.trial.trial import run_trial
from reports.detections.counts import confidence_grid, count_over
from reports.detections.matched import match_split

pytestmark = pytest.mark.seconds
QUICK = {"processes": 1, "processes_max": 1, "images_min": 10, "cap_s": 0.3, "warmup_s": 0.05}
MODULE = """
def found(detections, confidence):
    return sum(int((one.scores > confidence).sum()) for one in detections)

def bad(detections):
    return 1 / 0
"""


@pytest.fixture(scope="module")
def trained(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TrialJob, Recorder]]:
    """A trial that has learnt a little, with a rule for its confidence and two metrics of the user's own."""
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "metrics_of_a_trial.py").write_text(MODULE)
    sys.path.append(str(folder))
    own = [
        {"_target_": "metrics_of_a_trial.found", "min": 1},
        {"_target_": "metrics_of_a_trial.bad", "name": "bad", "min": 1},
    ]
    job = quick_job(
        blocks,
        folder,
        tiny_candidate({**QUICK_STEPS, "size.pixels": 96, "train.lr0": 0.004}),
        images=blocks.splits["val"][:16],
        epochs=4,
        rungs=1,
        gate=Gate(f1_min=0.0, file_mb_max=100, memory_mb_max=5000, own=own),
        protocol=protocol_of(confidence="best_f1", **QUICK),
    )
    told = Recorder()
    ending = run_trial(job, told)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    yield job, told
    sys.path.remove(str(folder))
    sys.modules.pop("metrics_of_a_trial", None)


def test_the_confidence_is_chosen_by_the_file_s_detections_and_written_into_it(
    trained: tuple[TrialJob, Recorder],
) -> None:
    job, told = trained
    model = TrialPaths(job.folder).model
    detector = Detector(open_artifact(model, CPU), SCORE_CONFIDENCE)
    found = detect_all(detector, job.images)
    chosen = choose(match(found, job.images, job.classes, ("all",)).values(), Rule())
    assert detector.meta.confidence == told.of("accuracy")[-1].confidence == chosen.confidence
    assert Detector(open_artifact(model, CPU)).confidence == chosen.confidence  # as deployed
    assert protocol_of(confidence=0.4).confidence_of(detector.meta) == chosen.confidence
    onnx.checker.check_model(onnx.load(str(model)))
    again = score(found, job.images, job.classes, "val", chosen.confidence)
    assert replace(told.of("accuracy")[-1], own=None) == again
    best = max(score(found, job.images, job.classes, "val", c / 50).f1 or 0 for c in range(1, 50))
    assert (again.f1 or 0) >= best


def test_as_deployed_the_file_finds_what_its_record_says(trained: tuple[TrialJob, Recorder]) -> None:
    """Run at the chosen confidence itself, NMS and all, it finds what was counted above it."""
    job, told = trained
    deployed = detect_all(Detector(open_artifact(TrialPaths(job.folder).model, CPU)), job.images)
    again = score(deployed, job.images, job.classes, "val", 0.0)
    accuracy = told.of("accuracy")[-1]
    assert (again.precision, again.recall, again.f1) == (accuracy.precision, accuracy.recall, accuracy.f1)
    assert accuracy.own is not None
    assert accuracy.own["found"] == sum(len(one.scores) for one in deployed)


def test_its_detections_are_kept_and_count_as_the_record_does(blocks: Dataset, tmp_path: Path) -> None:
    job = quick_job(blocks, tmp_path, tiny_candidate(QUICK_STEPS), protocol=protocol_of(confidence="best_f1", **QUICK))
    paths, on = TrialPaths(job.folder), Half(job.images[1:9], "val, held out")
    paths.folder.mkdir(parents=True)
    write_windows(paths.model)
    deployed = DeployedFile(job, paths, on, lambda _: None, lambda: None)
    deployed.settle()
    accuracy = deployed.score(Latency(1, 2, 1, 1, 0.5, 30, 1, True, "", "d", 0))
    kept = read_kept(paths.found)
    split = match_split(kept, job.images, job.classes)
    assert (kept.split, kept.confidence, split.lost) == ("val, held out", accuracy.confidence, 0)
    assert [one.key for one in split.images] == list(range(1, 9))
    grid = confidence_grid(split)
    at = count_over(split, grid).at(grid.index(split.confidence))
    assert (at.precision, at.recall, at.f1) == (accuracy.precision, accuracy.recall, accuracy.f1)
    assert at.hits > 8
    found = detect_all(Detector(open_artifact(paths.model, CPU), SCORE_CONFIDENCE), on.images)
    again = score(found, on.images, job.classes, "val", grid[20])
    assert count_over(split, grid).at(20).f1 == again.f1


def test_a_metric_that_raises_costs_its_value_alone(trained: tuple[TrialJob, Recorder]) -> None:
    job, told = trained
    assert told.of("accuracy")[-1].own is not None
    assert told.of("accuracy")[-1].own["bad"] is None
    (warning,) = [text for text in told.of("warning") if "gate.own" in text]
    assert warning == "trial 0: gate.own: 'bad' was not measured: ZeroDivisionError: division by zero"
    missed = job.gate.missed(Figures.of(told.of("latency")[-1], told.of("accuracy")[-1]))
    assert {judged.bound.setting for judged in missed} >= {"own.bad.min"}
    assert not {judged.bound.setting for judged in missed} & {"file_mb_max", "memory_mb_max", "f1_min"}


def test_a_sign_of_life_is_given_before_each_image_and_each_metric(trained: tuple[TrialJob, Recorder]) -> None:
    job, told = trained
    beats: list[None] = []
    on = Half(job.images[:3], job.split)
    deployed = DeployedFile(job, TrialPaths(job.folder), on, lambda _: None, lambda: beats.append(None))
    deployed.confidence = 0.25
    deployed.score(told.of("latency")[-1])
    assert len(beats) == len(on.images) + len(job.gate.own or ())


def test_the_latency_says_how_large_the_file_is(trained: tuple[TrialJob, Recorder]) -> None:
    job, told = trained
    size = TrialPaths(job.folder).model.stat().st_size
    assert abs(told.of("latency")[-1].file_bytes - size) < 200  # of metadata
    assert told.of("latency")[-1].peak_bytes > 10**7


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        (Gate(file_mb_max=0.1), "breaks file <= 0.1 MB ("),
        (Gate(memory_mb_max=1), "breaks memory <= 1 MB ("),
        (Gate(throughput_min=1e6), "breaks throughput >= 1e+06 images/s ("),
        (Gate(file_mb_max=0.1, p50_ms_max=0.01), "breaks p50 <= 0.01 ms and file <= 0.1 MB ("),
    ],
)
@pytest.mark.slow
def test_bounds_that_need_no_training_stop_a_trial_before_it(
    few_blocks: Dataset, tmp_path: Path, gate: Gate, why: str
) -> None:
    told = Recorder()
    ending = run_trial(quick_job(few_blocks, tmp_path, tiny_candidate(), gate=gate), told)
    assert ending is not None
    assert ending.outcome == Outcome.OVER_BOUND
    assert f"untrained; {why}" in ending.reason
    assert "train" not in told.of("stage")
    known = quick_job(few_blocks, tmp_path / "known", tiny_candidate(), gate=gate, latency=told.of("latency")[-1])
    again = run_trial(known, Recorder())  # by a figure that is known already, without a file
    assert again is not None
    assert again.reason == ending.reason


@pytest.mark.slow
def test_a_memory_that_is_not_known_stops_nothing(few_blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    job = quick_job(few_blocks, tmp_path, tiny_candidate(), measure_only=True)
    run_trial(job, told)
    shared = replace(told.of("latency")[-1], peak_bytes=0)  # timed beside other files
    goes_on = quick_job(few_blocks, tmp_path, tiny_candidate(), gate=Gate(memory_mb_max=1), latency=shared, epochs=1)
    ending = run_trial(goes_on, told)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
