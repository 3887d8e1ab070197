"""Rehearsals: a few real steps, what they tell, and that nothing else changes."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ultralytics.utils import callbacks

from objectives.records.records import Accuracy, Latency, Resources, Rung
from objectives.trial.job import RungDecision, TrialJob, TrialListener
from objectives.trial.rehearsal import TIMED_MOST, UNTIMED, rehearse, rehearse_export
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.description import describe
from spaces.network.detector import build_detector, count_parameters

pytestmark = pytest.mark.seconds

Make = Callable[..., Candidate]


class Told(TrialListener):
    """Keeps what a rehearsal tells; everything that only a trial tells is an error."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.shares: list[float] = []
        self.found: list[Resources] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def progress(self, epoch: int, share: float) -> None:
        self.shares.append(share)

    def latency(self, latency: Latency, trained: bool) -> None:
        raise AssertionError

    def rung(self, rung: Rung) -> RungDecision:
        raise AssertionError

    def accuracy(self, accuracy: Accuracy) -> None:
        raise AssertionError

    def resources(self, resources: Resources) -> None:
        self.found.append(resources)

    def warning(self, text: str) -> None:
        assert text.startswith("other processes kept the processor busy")


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Train on one core: threads that wait for each other would time whatever else the machine does."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def job(tiny_job: TrialJob, make_candidate: Make) -> TrialJob:
    """The job of a tiny detector, two epochs of four batches as a trial."""
    chosen = make_candidate({"train.batch": 12, "train.nbs": 12, "train.lr0": 1e9})  # lr0: is not taken over
    return replace(tiny_job, candidate=chosen, images=())


def test_a_few_batches_are_timed(job: TrialJob) -> None:
    told = Told()
    rehearse(job, told)
    assert told.stages == ["build", "train"]
    assert UNTIMED < len(told.shares) <= UNTIMED + TIMED_MOST
    resources = told.found[0]
    assert len(told.found) == 1
    assert resources.seconds.keys() == {"build", "setup", "step", "validation"}
    assert all(0 < seconds < 60 for seconds in resources.seconds.values())
    assert resources.seconds["validation"] < resources.seconds["step"]  # one image, not trained on, against twelve
    assert resources.parameters == count_parameters(build_detector(describe(job.candidate, job.classes), 1))
    assert resources.multiply_adds > 1e6
    assert resources.training_peak_bytes > 1e8  # torch alone


@pytest.mark.slow
def test_a_larger_detector_takes_longer(job: TrialJob, make_candidate: Make, tmp_path: Path) -> None:
    told = Told()
    rehearse(job, told)
    slow = {"backbone.name": "mobilenetv3_large_100", "size.pixels": 192, "train.batch": 12, "train.nbs": 12}
    rehearse(replace(job, candidate=make_candidate(slow), folder=tmp_path / "slow"), told)
    small, large = told.found
    assert large.seconds["step"] > 2 * small.seconds["step"]
    assert large.multiply_adds > 9 * small.multiply_adds  # by the area alone
    assert large.parameters > small.parameters


def test_the_hub_is_not_asked_and_no_callback_stays(job: TrialJob, make_candidate: Make) -> None:
    before = {event: len(handlers) for event, handlers in callbacks.default_callbacks.items()}
    told = Told()
    rehearse(replace(job, candidate=make_candidate({"train.pretrained": "hub"})), told)  # a hub would be a warning
    assert told.found
    assert {event: len(handlers) for event, handlers in callbacks.default_callbacks.items()} == before


def test_what_cannot_be_trained_is_told_and_no_callback_stays(job: TrialJob, make_candidate: Make) -> None:
    before = {event: len(handlers) for event, handlers in callbacks.default_callbacks.items()}
    with pytest.raises(SpaceError, match=r"train\.optimizer"):
        rehearse(replace(job, candidate=make_candidate({"train.optimizer": "Newton"})), Told())
    with pytest.raises(SpaceError, match="head"):
        rehearse(replace(job, candidate=make_candidate({"head.kind": "capsule"})), Told())
    assert {event: len(handlers) for event, handlers in callbacks.default_callbacks.items()} == before


@pytest.mark.slow
def test_the_file_is_as_deployed(job: TrialJob, make_candidate: Make, tmp_path: Path) -> None:
    told = Told()
    rehearse_export(job, told)
    pruned = make_candidate({"prune.importance": "l2", "prune.ratio": 0.5, "prune.at": 0.5})
    rehearse_export(replace(job, candidate=pruned, folder=tmp_path / "pruned"), told)
    whole, cut = told.found
    assert whole.artifact_bytes == (job.folder / "untrained.onnx").stat().st_size
    assert 0 < cut.artifact_bytes < 0.7 * whole.artifact_bytes
    assert whole.seconds["export"] > 0
