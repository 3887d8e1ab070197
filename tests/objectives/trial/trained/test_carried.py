"""A carried detector: scored by its own file and weights, also where its classes are others, and its children too."""

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from small_jobs import QUICK_STEPS, Orders, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.deploy.kept_detections import read_kept
from objectives.network.assembly import read_trained
from objectives.records.children import ChildrenOrder
from objectives.records.paths import TrialPaths
from objectives.records.records import Accuracy, Latency, Outcome, Resources
from objectives.trial.job import TrialJob
from objectives.trial.scoring import score_children
from objectives.trial.trained.carried import score_carried
from objectives.trial.trial import run_trial
from objectives.weights.shelf import sha256_of
from spaces.errors import DataError
from spaces.network.family import Family

pytestmark = [pytest.mark.seconds, pytest.mark.slow]

FAMILY = Family({"size.pixels": (96, 64), "slim.neck": (0.0, 0.5)})


@dataclass
class Heard(Orders):
    """Keeps what a trial measures, too."""

    accuracies: list[Accuracy] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    costs: list[Resources] = field(default_factory=list)

    def accuracy(self, accuracy: Accuracy) -> None:
        self.accuracies.append(accuracy)

    def latency(self, latency: Latency, trained: bool) -> None:
        if trained:
            self.latencies.append(latency)

    def resources(self, resources: Resources) -> None:
        self.costs.append(resources)


@pytest.fixture(scope="module")
def trained(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialJob, Accuracy]:
    """An elastic training in another study, and what it was scored there."""
    choices = {"size.pixels": 96, "train.lr0": 0.004, "train.elastic": True}
    job = quick_job(
        blocks,
        tmp_path_factory.mktemp("trained"),
        tiny_candidate({**QUICK_STEPS, **choices}),
        images=blocks.splits["val"][:16],
        epochs=6,
        rungs=1,
        family=FAMILY,
        training=tuple(image.path for image in blocks.splits["train"]),
    )
    heard = Heard()
    assert run_trial(job, heard) is not None
    return job, heard.accuracies[0]


def carried(trained: TrialJob, folder: Path) -> TrialJob:
    """Return the job of the same detector in a folder of a new study, which holds its files."""
    folder.mkdir()
    for name in ("weights.pt", "model.onnx"):
        shutil.copy2(trained.folder / name, folder / name)
    return replace(trained, folder=folder)


def of_classes(job: TrialJob, classes: tuple[str, ...]) -> TrialJob:
    """Return a job on the same images, whose boxes have the same names in another order, however they are written."""
    place = np.array([[name.lower() for name in classes].index(name) for name in job.classes])
    images = tuple(replace(image, classes=place[image.classes]) for image in job.images)
    return replace(job, classes=classes, images=images)


def of_class(accuracy: Accuracy, name: str) -> float:
    return accuracy.per_class[name].map


def test_of_the_same_classes_it_is_scored_by_the_file_that_came(
    trained: tuple[TrialJob, Accuracy], tmp_path: Path
) -> None:
    there, scored_there = trained
    job, heard = carried(there, tmp_path / "carried"), Heard()
    before = sha256_of(job.folder / "model.onnx")
    ending = score_carried(job, heard)
    assert ending.outcome == Outcome.FINISHED
    assert sha256_of(job.folder / "model.onnx") == before
    (accuracy,), (latency,), (costs,) = heard.accuracies, heard.latencies, heard.costs
    assert scored_there.map > 0
    assert accuracy.map == pytest.approx(scored_there.map, abs=1e-9)
    assert latency.p50_ms > 0
    assert costs.parameters > 0
    assert "train" not in costs.seconds
    assert heard.families == [FAMILY]
    paths = TrialPaths(job.folder)
    for path in (paths.candidate, paths.description, paths.arguments, paths.detections, paths.found):
        assert path.is_file()


@pytest.mark.parametrize("classes", [("blue", "red"), ("green", "Blue", "red")])
def test_of_other_classes_those_that_both_name_score_alike_and_a_new_one_nothing(
    trained: tuple[TrialJob, Accuracy], tmp_path: Path, classes: tuple[str, ...]
) -> None:
    there, scored_there = trained
    heard = Heard()
    job = replace(of_classes(there, classes), folder=carried(there, tmp_path / "carried").folder)
    for _ in range(2):  # the second time, what it came with is of the new classes by now
        score_carried(job, heard)
        assert read_trained(job.folder / "weights.pt")[1] == classes
    for accuracy in heard.accuracies:
        for name in ("red", "blue"):
            own = next(one for one in classes if one.lower() == name)
            assert of_class(accuracy, own) == pytest.approx(of_class(scored_there, name), abs=0.01)
    if "green" in classes:
        found = read_kept(job.folder / "found.npz")
        assert 0 not in {int(index) for one in found.found for index in one.classes}


def test_children_of_a_carried_training_are_cut_on_the_new_classes(
    trained: tuple[TrialJob, Accuracy], tmp_path: Path
) -> None:
    there, _ = trained
    job = replace(of_classes(there, ("blue", "red")), folder=carried(there, tmp_path / "carried").folder)
    score_carried(job, Heard())
    small = {"size.pixels": 64, "slim.neck": 0.5}
    heard = Heard(orders=[ChildrenOrder((small,), (small,))])
    score_children(job, heard)
    (report,) = (report for report in heard.reports if report.scored)
    assert not report.failed
    assert report.looks[0].map == pytest.approx(report.scored[0].accuracy.map, abs=0.02)
    assert set(report.scored[0].accuracy.per_class) <= {"blue", "red"}


def test_weights_of_another_network_are_refused_in_one_line(trained: tuple[TrialJob, Accuracy], tmp_path: Path) -> None:
    there, _ = trained
    job = replace(of_classes(there, ("blue", "red")), folder=carried(there, tmp_path / "carried").folder)
    wider = replace(job, candidate=tiny_candidate({"size.pixels": 96, "neck.width": 32}))
    with pytest.raises(DataError, match="carry: trial 0: weights: those of 2 classes are another network's") as caught:
        score_carried(wider, Heard())
    assert "\n" not in str(caught.value)
