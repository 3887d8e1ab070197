"""One trial from candidate to scored file, for each head, pruned and not."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from small_jobs import QUICK_STEPS, quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.data.pictures.decode import read_image
from objectives.machine.cores import on_cores
from objectives.machine.device_locks import Patience, exclusive
from objectives.machine.files import remove_folders
from objectives.network.assembly import assemble
from objectives.network.pruning import prune_detector
from objectives.records.classify import classify
from objectives.records.failures import Failure
from objectives.records.gate import Gate
from objectives.records.paths import TrialPaths
from objectives.records.records import Accuracy, Latency, Outcome, Resources, Rung
from objectives.trial.job import RungDecision, TrialJob, TrialListener
from objectives.trial.plain_process import write_plain_checkpoint
from objectives.trial.trial import run_trial
from spaces.candidate import Candidate
from spaces.errors import DataError
from spaces.network.detector import count_multiply_adds

pytestmark = pytest.mark.seconds

ROOT = Path(__file__).parents[3]
CUT_HALFWAY = {"prune__importance": "l2", "prune__ratio": 0.4, "prune__at": 0.5}


@dataclass
class Recorder(TrialListener):
    """Keeps everything that a trial tells."""

    stop_at: int = 0
    pause_at: int = 0
    stages: list[str] = field(default_factory=list)
    latencies: list[tuple[Latency, bool]] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accuracies: list[Accuracy] = field(default_factory=list)
    costs: list[Resources] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)

    def progress(self, epoch: int, share: float) -> None:
        self.epochs.append(epoch)

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def latency(self, latency: Latency, trained: bool) -> None:
        self.latencies.append((latency, trained))

    def rung(self, rung: Rung) -> RungDecision:
        self.rungs.append(rung)
        if rung.epoch == self.pause_at:
            return RungDecision.PAUSE
        return RungDecision.STOP if rung.epoch == self.stop_at else RungDecision.GO_ON

    def accuracy(self, accuracy: Accuracy) -> None:
        self.accuracies.append(accuracy)

    def resources(self, resources: Resources) -> None:
        self.costs.append(resources)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def job(dataset: Dataset, folder: Path, gate: Gate | None = None, epochs: int = 2, **choices: Any) -> TrialJob:
    chosen = {key.replace("__", "."): value for key, value in choices.items()}
    candidate = tiny_candidate({**QUICK_STEPS, **chosen})
    return quick_job(dataset, folder, candidate, epochs=epochs, gate=gate or Gate())


@pytest.mark.parametrize(
    "choices",
    [
        {"head__kind": "nms"},
        {"head__kind": "end2end", "backbone__name": "yolo26", "backbone__width": 0.125, "backbone__depth": 0.5},
        pytest.param({"head__kind": "rtdetr"}, marks=pytest.mark.slow),
        CUT_HALFWAY,
    ],
    ids=["nms", "yolo26 end2end", "rtdetr", "pruned"],
)
def test_trial_leaves_a_scored_file(few_blocks: Dataset, tmp_path: Path, choices: dict[str, Any]) -> None:
    told = Recorder()
    work = job(few_blocks, tmp_path, **choices)
    ending = run_trial(work, told)
    assert ending.outcome == Outcome.FINISHED
    assert [trained for _, trained in told.latencies] == [False, True]
    assert [rung.epoch for rung in told.rungs] == [1, 2]
    assert told.accuracies[0].images == len(work.images)
    assert 0 <= told.accuracies[0].map <= told.accuracies[0].map50 <= 1
    left = {path.name for path in work.folder.iterdir()}
    assert left >= {"candidate.json", "model.yaml", "arguments.yaml", "model.onnx", "weights.pt", "detections.jpg"}
    assert not any("partial" in name or "untrained" in name for name in left)
    assert told.epochs[0] == 1
    assert sorted(set(told.epochs)) == [1, 2]
    assert Candidate.from_json(json.loads((work.folder / "candidate.json").read_text())) == work.candidate
    onnx.checker.check_model(onnx.load(str(work.folder / "model.onnx")))
    assert read_image(work.folder / "detections.jpg").shape[1] > 400
    cost = told.costs[0]
    assert cost.artifact_bytes == (work.folder / "model.onnx").stat().st_size
    assert cost.parameters > 10_000
    assert cost.multiply_adds > 1_000_000
    assert cost.seconds.keys() >= {"build", "latency", "train", "export", "score"}


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    content = torch.load(folder / "weights.pt", weights_only=True)
    found: dict[str, torch.Tensor] = content["state_dict"]
    return found


@pytest.mark.slow
def test_pruned_weights_load_again(few_blocks: Dataset, tmp_path: Path) -> None:
    told, plain = Recorder(), Recorder()
    work = job(few_blocks, tmp_path, prune__importance="l1", prune__ratio=0.5, prune__at=0.5)
    run_trial(work, told)
    run_trial(job(few_blocks, tmp_path / "plain"), plain)
    assert told.costs[0].multiply_adds < 0.7 * plain.costs[0].multiply_adds
    network = assemble(work.candidate, work.classes, seed=0)[1].eval()
    prune_detector(network, 0.5, "l1")
    network.load_state_dict(weights_of(work.folder))
    assert sum(p.numel() for p in network.parameters()) == told.costs[0].parameters
    with torch.no_grad():
        output = network(torch.zeros(1, 3, 64, 64))[0]
    assert np.isfinite(output.numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["yolo11", "yolo26"])
def test_a_backbone_of_ultralytics_is_cut_on_the_way(blocks: Dataset, tmp_path: Path, backbone: str) -> None:
    """Paused behind the cut, and taken up again: its network is built whole, cut, and gets the checkpoint's weights."""
    choices = {**CUT_HALFWAY, "backbone__name": backbone, "backbone__width": 0.25, "backbone__depth": 0.5}
    made = replace(job(blocks, tmp_path, epochs=4, **choices), evaluate_every=1)
    whole, paused, resumed = Recorder(), Recorder(pause_at=3), Recorder()
    run_trial(replace(made, folder=tmp_path / "uncut"), whole)
    assert run_trial(made, paused) is None
    known = {"latency": paused.latencies[0][0], "trained_s": paused.rungs[-1].seconds, "reported_epoch": 3}
    assert run_trial(replace(made, **known), resumed).outcome == Outcome.FINISHED
    assert [rung.epoch for rung in (*paused.rungs, *resumed.rungs)] == [1, 2, 3, 4]
    expected, found = weights_of(tmp_path / "uncut"), weights_of(made.folder)
    assert expected.keys() == found.keys()
    for name, actual in found.items():
        torch.testing.assert_close(actual, expected[name], rtol=1e-3, atol=1e-4)
    network = assemble(made.candidate, made.classes, seed=0)[1].eval()
    before = count_multiply_adds(network, 64)
    prune_detector(network, 0.4, "l2")
    network.load_state_dict(found)
    assert resumed.costs[0].multiply_adds == count_multiply_adds(network, 64) < 0.45 * before
    blob = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(blob))[0].numpy()
    (actual,) = onnxruntime.InferenceSession(str(made.folder / "model.onnx")).run(None, {"images": blob})
    np.testing.assert_allclose(actual, wanted, rtol=1e-3, atol=1e-3)
    assert "weights are of one that is cut" in write_plain_checkpoint(made.folder / "weights.pt", tmp_path / "plain.pt")
    assert not (tmp_path / "plain.pt").exists()


@pytest.mark.slow
def test_over_the_bound_is_not_trained(few_blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    ending = run_trial(job(few_blocks, tmp_path, Gate(p95_ms_max=0.01)), told)
    assert ending.outcome == Outcome.OVER_BOUND
    assert "p95" in ending.reason
    assert "train" not in told.stages
    assert told.rungs == []


@pytest.mark.slow
def test_another_study_takes_the_kept_latency_of_the_same_file(
    few_blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = []
    for study in ("one", "other"):
        told = Recorder()
        protocol = replace(job(few_blocks, tmp_path / study).protocol, cap_s=20.0)  # so that the figure is stable
        assert run_trial(replace(job(few_blocks, tmp_path / study), protocol=protocol, measure_only=True), told) is None
        ((latency, _),) = told.latencies
        found.append(latency)
    assert [latency.kept for latency in found] == [False, True]
    assert replace(found[1], kept=False) == found[0]


@pytest.mark.slow
def test_stopped_at_a_rung_leaves_no_artifact(few_blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder(stop_at=1)
    work = job(few_blocks, tmp_path, prune__importance="l1", prune__ratio=0.3, prune__at=0.5)
    ending = run_trial(work, told)
    assert ending.outcome == Outcome.STOPPED
    assert [rung.epoch for rung in told.rungs] == [1]
    assert "prune" not in told.stages
    assert not (work.folder / "model.onnx").exists()


def test_a_paused_trial_goes_on_where_it_stood(few_blocks: Dataset, tmp_path: Path) -> None:
    paused = Recorder(pause_at=1)
    work = job(few_blocks, tmp_path)
    assert run_trial(work, paused) is None
    assert not (work.folder / "model.onnx").exists()
    assert paused.costs[0].seconds["train"] > 0
    known = paused.latencies[0][0]
    promoted = Recorder()
    told = {"latency": known, "trained_s": paused.rungs[0].seconds, "reported_epoch": 1}
    ending = run_trial(replace(work, **told), promoted)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    assert [rung.epoch for rung in promoted.rungs] == [2]
    assert promoted.rungs[0].seconds > paused.rungs[0].seconds
    assert [trained for _, trained in promoted.latencies] == [True]


def test_measuring_alone_trains_nothing(few_blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    work = replace(job(few_blocks, tmp_path), measure_only=True)
    assert run_trial(work, told) is None
    assert told.stages == ["build", "latency"]
    assert told.latencies[0][0].p50_ms > 0


@pytest.mark.slow
def test_no_trial_is_stopped_within_its_grace(few_blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    work = replace(job(few_blocks, tmp_path), grace=0.9)
    assert run_trial(work, told).outcome == Outcome.FINISHED
    assert [(rung.epoch, rung.decides) for rung in told.rungs] == [(1, False), (2, True)]


class Cut(Exception):
    """The power went out."""


@dataclass
class Cutting(Recorder):
    """Is cut when a stage begins."""

    cut_at: str = ""

    def stage(self, name: str) -> None:
        super().stage(name)
        if name == self.cut_at:
            raise Cut


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["export", "score"])
def test_a_trial_cut_after_its_training_only_ends_it_again(few_blocks: Dataset, tmp_path: Path, stage: str) -> None:
    work = job(few_blocks, tmp_path)
    cut = Cutting(cut_at=stage)
    with pytest.raises(Cut):
        run_trial(work, cut)
    (work.folder / "model.onnx.partial").write_text("half")
    (work.folder / "training-1" / "checkpoint.pt.partial").write_text("half")
    told = Recorder()
    known = {"latency": cut.latencies[0][0], "reported_epoch": 2, "trained_s": cut.rungs[-1].seconds}
    assert run_trial(replace(work, **known), told).outcome == Outcome.FINISHED
    assert told.rungs == []
    assert told.costs[0].seconds["train"] < cut.rungs[-1].seconds, "it was trained again"
    assert told.accuracies[0].images == len(work.images)
    assert not list(work.folder.rglob("*.partial"))
    remove_folders(TrialPaths(work.folder).trainings)
    assert not list(work.folder.glob("training-*"))


@pytest.mark.slow
def test_a_rung_lost_on_the_way_is_told_before_anything_else(few_blocks: Dataset, tmp_path: Path) -> None:
    """A kill between the checkpoint and the message, at the last epoch before the cut that prunes."""

    class Lost(Recorder):
        def rung(self, rung: Rung) -> RungDecision:
            raise Cut

    work = job(few_blocks, tmp_path, prune__importance="l1", prune__ratio=0.3, prune__at=0.5)
    with pytest.raises(Cut):
        run_trial(work, Lost())
    told = Recorder(stop_at=1)
    assert run_trial(work, told).outcome == Outcome.STOPPED
    assert [rung.epoch for rung in told.rungs] == [1]
    assert set(told.epochs) <= {1}, "it trained on"
    told = Recorder()
    assert run_trial(work, told).outcome == Outcome.FINISHED
    assert [rung.epoch for rung in told.rungs] == [1, 2]
    assert {2} <= set(told.epochs) <= {1, 2}


KILLED = """
import os, pickle, signal, sys
from pathlib import Path
from objectives.trial.job import TrialListener, RungDecision
from objectives.trial.trial import run_trial

class Killer(TrialListener):
    def __init__(self, moment):
        self.moment = moment
    def kill_at(self, moment):
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)
    def stage(self, name):
        self.kill_at(name)
    def progress(self, epoch, share):
        self.kill_at(f"{epoch} {'later' if share else 'begins'}")
    def latency(self, latency, trained):
        self.kill_at(f"latency {trained}")
    def rung(self, rung):
        self.kill_at(f"rung {rung.epoch}")
        return RungDecision.GO_ON
    def accuracy(self, accuracy):
        self.kill_at("accuracy")
    def resources(self, resources):
        self.kill_at("resources")
    def warning(self, text):
        print("warning:", text)

run_trial(pickle.loads(Path(sys.argv[1]).read_bytes()), Killer(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_trial_killed_at_every_moment_ends_as_one_that_was_not(blocks: Dataset, tmp_path: Path) -> None:
    whole = Recorder()
    run_trial(job(blocks, tmp_path / "whole", epochs=4, **CUT_HALFWAY), whole)
    work = replace(job(blocks, tmp_path / "cut", epochs=4, **CUT_HALFWAY), latency=whole.latencies[0][0])
    (tmp_path / "job").write_bytes(pickle.dumps(work))
    moments = ["build", "1 begins", "rung 2", "prune", "3 begins", "rung 4", "export", "latency True", "score"]
    for moment in [*moments, "accuracy", "resources"]:
        line = [sys.executable, "-c", KILLED, str(tmp_path / "job"), moment]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
        assert done.returncode == -signal.SIGKILL, (moment, done.stdout, done.stderr)
        assert "warning:" not in done.stdout, moment
    told = Recorder()
    assert run_trial(replace(work, reported_epoch=4), told).outcome == Outcome.FINISHED
    assert told.rungs == []
    assert told.accuracies[0].map == pytest.approx(whole.accuracies[0].map, abs=0.01)
    expected = weights_of(tmp_path / "whole" / "trial")
    for name, actual in weights_of(work.folder).items():
        torch.testing.assert_close(actual, expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_another_measures_while_a_trial_trains(blocks: Dataset, tmp_path: Path) -> None:
    """The measurement is done before the training is, and its seconds are not the training's."""
    spans: list[tuple[float, float]] = []

    class Meeting(Recorder):
        def stage(self, name: str) -> None:
            super().stage(name)
            if name == "train":
                measurer.start()

        def rung(self, rung: Rung) -> RungDecision:
            began = time.monotonic()
            with exclusive(["cpu"], Patience()):  # as the searching process may, before it answers
                asked.append(time.monotonic() - began)
            return super().rung(rung)

    def measure() -> None:
        with exclusive(["cpu"], Patience()):
            began = time.monotonic()
            time.sleep(1.5)
            spans.append((began, time.monotonic()))

    asked: list[float] = []
    measurer = threading.Thread(target=measure)
    told = Meeting()
    began = time.monotonic()
    run_trial(job(blocks, tmp_path), told)
    whole_s = time.monotonic() - began
    measurer.join(timeout=60)
    assert spans
    assert spans[0][1] < began + whole_s
    assert sum(told.costs[0].seconds.values()) <= whole_s - 1.4
    assert told.rungs[-1].seconds <= told.costs[0].seconds["train"] + 0.1
    assert max(asked) < 10


@pytest.mark.usefixtures("all_cores")
@pytest.mark.slow
def test_a_trial_keeps_to_its_cores(few_blocks: Dataset, tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    seen: list[set[int]] = []

    class Looking(Recorder):
        def progress(self, epoch: int, share: float) -> None:
            seen.append(os.sched_getaffinity(0))

    core = max(before)
    run_trial(replace(job(few_blocks, tmp_path), cores=(core,)), Looking())
    assert seen
    assert all(cores == {core} for cores in seen)
    assert os.sched_getaffinity(0) == before
    with on_cores(()) as all_cores:
        assert all_cores == os.sched_getaffinity(0) == before


@pytest.mark.slow
def test_a_smaller_batch_is_what_is_trained(few_blocks: Dataset, tmp_path: Path) -> None:
    work = replace(job(few_blocks, tmp_path, train__batch=8, train__nbs=8), batch_divisor=2)
    run_trial(work, Recorder(stop_at=1))
    written = yaml.safe_load((work.folder / "arguments.yaml").read_text())
    assert (written["batch"], written["nbs"]) == (4, 8)


@pytest.mark.slow
def test_an_image_that_scoring_cannot_read_is_told(few_blocks: Dataset, tmp_path: Path) -> None:
    work = job(few_blocks, tmp_path)
    lost = tmp_path / "lost.png"
    lost.write_bytes(b"no picture")

    class Losing(Recorder):
        def stage(self, name: str) -> None:
            if name == "score":
                object.__setattr__(work, "images", (*work.images[:-1], replace(work.images[-1], path=lost)))

    with pytest.raises(DataError, match="cannot be decoded") as caught:
        run_trial(work, Losing())
    assert classify(caught.value) is Failure.DATA_UNREADABLE


def test_a_network_that_cannot_be_exported_is_told(
    few_blocks: Dataset, tmp_path: Path, break_forward: Callable[[], None]
) -> None:
    class Breaking(Recorder):
        def stage(self, name: str) -> None:
            if name == "latency":
                break_forward()

    with pytest.raises(Exception, match="export: this network cannot be exported") as caught:
        run_trial(job(few_blocks, tmp_path), Breaking())
    assert classify(caught.value) is Failure.EXPORT_FAILED
    assert not list((tmp_path / "trial").glob("*.onnx*"))


@pytest.fixture
def break_forward() -> Iterator[Callable[[], None]]:
    """Have every convolution that runs from now on raise."""
    handles = []

    def refuse(module: torch.nn.Module, _: Any) -> None:
        if isinstance(module, torch.nn.Conv2d):
            raise NotImplementedError("no such operator")  # as torch does for operators that a backend lacks

    yield lambda: handles.append(torch.nn.modules.module.register_module_forward_pre_hook(refuse))
    for handle in handles:
        handle.remove()
