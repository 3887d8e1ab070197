"""A scorer of children: cut from the parent's weights, with files that say what the figures say."""

import errno
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from defaults import CPU
from small_jobs import QUICK_STEPS, Orders, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.accuracy import SCORE_CONFIDENCE, detect_all, score
from objectives.deploy.confidence import Rule
from objectives.deploy.detector import Detector
from objectives.deploy.kept_detections import read_kept
from objectives.deploy.matches import evaluate
from objectives.deploy.operating_point import choose
from objectives.deploy.runtimes.open import open_artifact
from objectives.network.assembly import read_weights
from objectives.records.children import ChildrenOrder, ChildrenReport, Choices
from objectives.records.gate import Gate
from objectives.records.paths import TrialPaths
from objectives.records.records import Outcome
from objectives.trial import exported
from objectives.trial import job as job_module
from objectives.trial.job import TrialJob, halves
from objectives.trial.scoring import score_children
from objectives.trial.trial import run_trial
from spaces.candidate import Candidate
from spaces.errors import DataError
from spaces.network.family import Family

pytestmark = pytest.mark.seconds

FAMILY = Family({"size.pixels": (96, 64), "neck.depth": (2, 1), "slim.p4": (0.0, 0.5), "slim.neck": (0.0, 0.5)})
SMALL: Choices = {"size.pixels": 64, "neck.depth": 1, "slim.p4": 0.5, "slim.neck": 0.5}
OTHER: Choices = {"size.pixels": 96, "neck.depth": 2, "slim.p4": 0.5, "slim.neck": 0.0}


@pytest.fixture(scope="module")
def parent(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialJob]:
    """The job of a parent that has been trained for some epochs."""
    folder = tmp_path_factory.mktemp("parent")
    choices = {"neck.depth": 2, "size.pixels": 96, "train.lr0": 0.004, "train.elastic": True}
    job = quick_job(
        blocks,
        folder,
        tiny_candidate({**QUICK_STEPS, **choices}),
        number=3,
        images=blocks.splits["val"][:16],
        epochs=3,
        rungs=1,
        family=FAMILY,
        training=tuple(image.path for image in blocks.splits["train"]),
    )
    listener = Orders()
    ending = run_trial(job, listener)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    assert listener.families == [FAMILY]
    return job


@pytest.fixture(scope="module")
def worked(parent: TrialJob) -> Orders:
    """A scorer that has worked through two orders."""
    listener = Orders([ChildrenOrder(look_at=(SMALL, OTHER)), ChildrenOrder(score=(SMALL, OTHER))])
    assert score_children(parent, listener) is None
    return listener


def test_reports_come_order_by_order(worked: Orders) -> None:
    first, looks, scored = worked.reports
    assert first == ChildrenReport()
    assert [look.choices for look in looks.looks] == [SMALL, OTHER]
    assert [child.choices for child in scored.scored] == [SMALL, OTHER]
    assert not looks.failed
    assert not scored.failed


def test_a_look_is_what_the_file_scores(worked: Orders) -> None:
    looks, scored = worked.reports[1].looks, worked.reports[2].scored
    for look, child in zip(looks, scored, strict=True):
        assert look.map == pytest.approx(child.accuracy.map, abs=2e-3)


def test_the_figures_are_those_of_the_files(parent: TrialJob, worked: Orders) -> None:
    for child in worked.reports[2].scored:
        paths = TrialPaths(parent.folder / child.folder)
        detector = Detector(open_artifact(paths.model, CPU), SCORE_CONFIDENCE)
        assert detector.meta.size_px == child.choices["size.pixels"]
        again = score(detect_all(detector, parent.images), parent.images, parent.classes, "val")
        assert again.map == pytest.approx(child.accuracy.map, abs=1e-9)
        assert child.resources.artifact_bytes == paths.model.stat().st_size
        assert child.latency.p50_ms > 0
        kept = read_kept(paths.found)
        assert (kept.split, len(kept.found)) == (child.accuracy.split, child.accuracy.images)
    small, other = worked.reports[2].scored
    assert small.resources.multiply_adds < 0.5 * other.resources.multiply_adds
    assert small.folder != other.folder


@pytest.mark.slow
def test_a_child_s_confidence_is_chosen_for_its_own_file(parent: TrialJob) -> None:
    listener = Orders([ChildrenOrder(score=(SMALL,))])
    own = [{"_target_": "statistics.fmean", "name": "mean", "min": 0}]  # takes none of what it is given by name
    rule = replace(parent.protocol, confidence="recall_0.2")
    score_children(replace(parent, protocol=rule, gate=Gate(own=own, file_mb_max=0.001)), listener)
    (child,) = listener.reports[1].scored
    model = TrialPaths(parent.folder / child.folder).model
    meta = open_artifact(model, CPU).meta
    found = detect_all(Detector(open_artifact(model, CPU), SCORE_CONFIDENCE), parent.images)
    matches = evaluate(found, parent.images, parent.classes).matches
    chosen = choose([matches[name, "all"] for name in parent.classes], Rule(0.2))
    assert meta.confidence == child.accuracy.confidence == chosen.confidence
    assert bool(chosen.why_other) == any(chosen.why_other in text for text in listener.warnings if chosen.why_other)
    assert child.latency.file_bytes == model.stat().st_size
    assert child.accuracy.own == {"mean": None}
    again = score(found, parent.images, parent.classes, "val", meta.confidence)
    assert (again.recall, again.f1) == (child.accuracy.recall, child.accuracy.f1)


def test_a_child_has_the_weights_of_its_parent(parent: TrialJob, worked: Orders) -> None:
    whole = read_weights(TrialPaths(parent.folder).weights)
    child = worked.reports[2].scored[1]
    weights = read_weights(TrialPaths(parent.folder / child.folder).weights)
    convolutions = [name for name, tensor in weights.items() if tensor.ndim == 4]
    cut = [name for name in convolutions if weights[name].shape != whole[name].shape]
    assert cut
    for name in convolutions:
        outputs, inputs = weights[name].shape[:2]
        if name not in cut:
            assert torch.equal(weights[name], whole[name])
        elif inputs == whole[name].shape[1]:  # of random weights the first channels stay
            assert torch.equal(weights[name], whole[name][:outputs])


def test_a_child_that_cannot_be_made_spoils_no_other(parent: TrialJob) -> None:
    wrong = {**SMALL, "slim.neck": 0.4}
    listener = Orders([ChildrenOrder(look_at=(wrong, SMALL))])
    score_children(parent, listener)
    report = listener.reports[1]
    assert [child.choices for child in report.failed] == [wrong]
    assert "0.4" in report.failed[0].reason
    assert [look.choices for look in report.looks] == [SMALL]


def test_weights_that_are_damaged_are_one_line(parent: TrialJob, tmp_path: Path) -> None:
    paths = TrialPaths(tmp_path)
    paths.weights.write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"weights: .* cannot be read"):
        score_children(replace(parent, folder=tmp_path), Orders())


@pytest.mark.slow
def test_children_are_chosen_and_reported_on_other_images_where_there_are_enough(
    parent: TrialJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen_by, reported_on = halves(parent.images, "val")
    assert chosen_by.images == reported_on.images == parent.images
    assert reported_on.name == "val"
    monkeypatch.setattr(job_module, "HELD_OUT_LEAST", 16)
    chosen_by, reported_on = halves(parent.images, "val")
    assert not {image.path for image in chosen_by.images} & {image.path for image in reported_on.images}
    assert len(chosen_by.images) + len(reported_on.images) == 16
    assert reported_on.name == "val, held-out half"
    listener = Orders([ChildrenOrder(score=(SMALL,))])
    score_children(parent, listener)
    accuracy = listener.reports[1].scored[0].accuracy
    assert (accuracy.split, accuracy.images) == ("val, held-out half", 8)
    assert np.isfinite(accuracy.map)


@pytest.mark.slow
def test_a_family_of_one_size_has_children(parent: TrialJob) -> None:
    family = Family({name: values for name, values in FAMILY.axes.items() if name != "size.pixels"})
    choices = {name: value for name, value in SMALL.items() if name != "size.pixels"}
    listener = Orders([ChildrenOrder(score=(choices,))])
    score_children(replace(parent, family=family), listener)
    report = listener.reports[1]
    assert not report.failed
    assert report.scored[0].latency.p50_ms > 0


def test_a_fault_that_may_pass_condemns_no_child(parent: TrialJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(exported, "export_as", full)
    listener = Orders([ChildrenOrder(score=(SMALL,))])
    with pytest.raises(OSError, match="no space"):
        score_children(parent, listener)
    assert listener.reports == [ChildrenReport()]


@pytest.mark.slow
@pytest.mark.parametrize("head", ["rtdetr", "end2end"])
def test_families_of_other_heads_are_trained(blocks: Dataset, parent: TrialJob, tmp_path: Path, head: str) -> None:
    few = replace(blocks, splits={"train": blocks.splits["train"][:8], "val": blocks.splits["val"][:8]})
    job = replace(
        parent,
        candidate=Candidate.of({**parent.candidate, "head.kind": head}),
        folder=tmp_path / "trial",
        data_yaml=lay_out(few, tmp_path / "data"),
        images=few.splits["val"],
        epochs=1,
    )
    listener = Orders([ChildrenOrder(look_at=(SMALL,), score=(SMALL,))])
    ending = run_trial(job, listener)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    score_children(replace(job, family=listener.families[0]), listener)
    assert not listener.reports[1].failed
    assert listener.reports[1].scored[0].accuracy.images == 8
