"""Other precisions of a trained detector: made of its file without training, scored as files of their own."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from defaults import CPU
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.deploy.accuracy import SCORE_CONFIDENCE, detect_all, score
from objectives.deploy.detector import Detector
from objectives.deploy.precision.convert import Converted
from objectives.deploy.runtimes.open import open_artifact
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.gate import Gate
from objectives.records.paths import TrialPaths
from objectives.records.records import Accuracy, Latency, Outcome
from objectives.trial.job import SilentListener, TrialJob
from objectives.trial.scoring import score_children
from objectives.trial.trial import run_trial
from spaces.network.family import Family

pytestmark = pytest.mark.seconds

PRUNED = {"prune.importance": "l1", "prune.ratio": 0.3, "prune.at": 0.5}
BOTH = Family({"deploy.precision": ("fp32", "int8")})
INT8 = {"deploy.precision": "int8"}


@dataclass
class Heard(SilentListener):
    """Keeps what comes, and gives orders."""

    orders: list[ChildrenOrder] = field(default_factory=list)
    reports: list[ChildrenReport] = field(default_factory=list)
    families: list[Family] = field(default_factory=list)
    latencies: list[tuple[bool, Latency]] = field(default_factory=list)
    accuracies: list[Accuracy] = field(default_factory=list)

    def family(self, family: Family) -> None:
        self.families.append(family)

    def latency(self, latency: Latency, trained: bool) -> None:
        self.latencies.append((trained, latency))

    def accuracy(self, accuracy: Accuracy) -> None:
        self.accuracies.append(accuracy)

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        self.reports.append(report)
        return self.orders.pop(0) if self.orders else None


@pytest.fixture(scope="module")
def parent(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialJob, Heard]:
    """The job of a pruned training that is not elastic, and what it reported."""
    job = quick_job(
        blocks,
        tmp_path_factory.mktemp("parent"),
        tiny_candidate({**QUICK_STEPS, **PRUNED, "size.pixels": 96, "train.lr0": 0.004}),
        images=blocks.splits["val"][:16],
        epochs=2,
        rungs=1,
        family=BOTH,
        training=tuple(image.path for image in blocks.splits["train"]),
    )
    heard = Heard()
    ending = run_trial(job, heard)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    return job, heard


def test_a_training_says_which_precisions_come_after(parent: tuple[TrialJob, Heard]) -> None:
    job, heard = parent
    assert heard.families == [BOTH]
    assert Converted.read(TrialPaths(job.folder).model) is None


@pytest.mark.slow
def test_another_precision_is_scored_without_training(parent: tuple[TrialJob, Heard]) -> None:
    job, heard = parent
    paths = TrialPaths(job.folder)
    before = paths.model.read_bytes()
    listener = Heard([ChildrenOrder(score=(INT8,))])
    assert score_children(job, listener) is None
    report = listener.reports[1]
    assert not report.failed
    (child,) = report.scored
    model = TrialPaths(job.folder / child.folder).model
    assert paths.model.read_bytes() == before
    said = Converted.read(model)
    assert said is not None
    assert said.calibration_images == min(64, len(job.training))
    detector = Detector(open_artifact(model, CPU), SCORE_CONFIDENCE)
    again = score(detect_all(detector, job.images), job.images, job.classes, "val")
    assert again.map == pytest.approx(child.accuracy.map, abs=1e-9)
    assert child.accuracy.split == heard.accuracies[0].split  # the same images as its parent's
    assert child.latency.p50_ms > 0
    assert child.resources.artifact_bytes == model.stat().st_size < 0.6 * len(before)
    assert child.resources.parameters < 0.8 * _unpruned(job)
    one, other = open_artifact(paths.model, CPU), detector.runtime
    blob = np.full((1, 3, 96, 96), 0.5, dtype=np.float32)
    assert np.abs(one.run(blob).copy() - other.run(blob)).mean() < 5.0


@pytest.mark.slow
def test_a_candidate_in_int8_is_timed_and_scored_in_int8(blocks: Dataset, tmp_path: Path) -> None:
    training = tuple(image.path for image in blocks.splits["train"])
    job = quick_job(blocks, tmp_path, tiny_candidate({**QUICK_STEPS, **INT8}), epochs=1, rungs=1, training=training)
    heard = Heard()
    run_trial(replace(job, images=job.images[:4]), heard)
    said = Converted.read(TrialPaths(job.folder).model)
    assert said is not None
    assert said.precision == "int8"
    (_, untrained), (_, trained) = heard.latencies
    assert untrained.file_bytes < 1.1 * trained.file_bytes  # in int8 before the training, too
    assert not TrialPaths(job.folder).untrained.exists()


@pytest.mark.slow
def test_a_bound_that_int8_alone_keeps_lets_a_training_in(blocks: Dataset, tmp_path: Path) -> None:
    job = quick_job(blocks, tmp_path, tiny_candidate(QUICK_STEPS), epochs=1, rungs=1, images=blocks.splits["val"][:4])
    heard = Heard()
    run_trial(replace(job, measure_only=True), heard)
    bound = Gate(file_mb_max=0.8 * heard.latencies[0][1].file_bytes / 1e6)
    for family, outcome in ((None, Outcome.OVER_BOUND), (BOTH, Outcome.FINISHED)):
        ending = run_trial(replace(job, gate=bound, family=family, latency=heard.latencies[0][1]), Heard())
        assert ending is not None
        assert ending.outcome == outcome


def _unpruned(job: TrialJob) -> int:
    from objectives.network.assembly import assemble
    from spaces.network.detector import count_parameters

    _, network = assemble(job.candidate, job.classes, 0)
    return count_parameters(network)
