"""One trial from candidate to scored file, for each head, pruned and not."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from objectives.assembly import load_weights
from objectives.dataset import Dataset
from objectives.device import Device
from objectives.gate import Gate
from objectives.inference import read_image
from objectives.job import TrialJob, TrialListener, Word
from objectives.latency import LatencyProtocol
from objectives.layout import lay_out
from objectives.records import Accuracy, Latency, Outcome, Resources, Rung
from objectives.trial import run_trial
from spaces.candidate import Candidate

QUICK = LatencyProtocol(processes=1, processes_max=1, images_min=10, cap_s=0.3, warmup_s=0.05)


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

    def rung(self, rung: Rung) -> Word:
        self.rungs.append(rung)
        if rung.epoch == self.pause_at:
            return Word.PAUSE
        return Word.STOP if rung.epoch == self.stop_at else Word.GO_ON

    def accuracy(self, accuracy: Accuracy) -> None:
        self.accuracies.append(accuracy)

    def resources(self, resources: Resources) -> None:
        self.costs.append(resources)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def job(dataset: Dataset, folder: Path, gate: Gate | None = None, epochs: int = 2, **choices: Any) -> TrialJob:
    base = {
        "backbone.name": "lcnet_050",
        "neck.width": 16,
        "neck.depth": 1,
        "head.kind": "nms",
        "size.pixels": 64,
        "train.batch": 4,
        "train.nbs": 4,
    }
    chosen = Candidate.of({**base, **{key.replace("__", "."): value for key, value in choices.items()}})
    return TrialJob(
        number=0,
        candidate=chosen,
        folder=folder / "trial",
        classes=dataset.classes,
        data_yaml=lay_out(dataset, folder / "data"),
        images=dataset.splits["val"],
        split="val",
        epochs=epochs,
        rungs=2,
        eta=2.0,
        evaluate_every=0,
        seed=3,
        gate=gate or Gate(),
        device=Device(),
        protocol=QUICK,
        train_device="cpu",
        hub=False,
    )


@pytest.mark.parametrize(
    "choices",
    [
        {"head__kind": "nms"},
        {"head__kind": "end2end", "backbone__name": "yolo26", "backbone__width": 0.125, "backbone__depth": 0.5},
        {"head__kind": "rtdetr"},
        {"prune__importance": "l2", "prune__ratio": 0.4, "prune__at": 0.5},
    ],
    ids=["nms", "yolo26 end2end", "rtdetr", "pruned"],
)
def test_trial_leaves_a_scored_file(blocks: Dataset, tmp_path: Path, choices: dict[str, Any]) -> None:
    told = Recorder()
    work = job(blocks, tmp_path, **choices)
    ending = run_trial(work, told)
    assert ending.outcome == Outcome.FINISHED
    assert [trained for _, trained in told.latencies] == [False, True]
    assert [rung.epoch for rung in told.rungs] == [1, 2]
    assert told.accuracies[0].images == len(work.images)
    assert 0 <= told.accuracies[0].map <= told.accuracies[0].map50 <= 1
    left = {path.name for path in work.folder.iterdir()}
    assert left >= {"candidate.json", "model.yaml", "arguments.yaml", "model.onnx", "weights.pt", "detections.jpg"}
    assert not any("partial" in name or "training" in name or "untrained" in name for name in left)
    assert Candidate.from_json(json.loads((work.folder / "candidate.json").read_text())) == work.candidate
    onnx.checker.check_model(onnx.load(str(work.folder / "model.onnx")))
    assert read_image(work.folder / "detections.jpg").shape[1] > 400
    cost = told.costs[0]
    assert cost.artifact_bytes == (work.folder / "model.onnx").stat().st_size
    assert cost.parameters > 10_000
    assert cost.multiply_adds > 1_000_000
    assert cost.seconds.keys() >= {"build", "latency", "train", "export", "score"}


def test_pruned_weights_load_again(blocks: Dataset, tmp_path: Path) -> None:
    told, plain = Recorder(), Recorder()
    work = job(blocks, tmp_path, prune__importance="l1", prune__ratio=0.5, prune__at=0.5)
    run_trial(work, told)
    run_trial(job(blocks, tmp_path / "plain"), plain)
    assert told.costs[0].multiply_adds < 0.7 * plain.costs[0].multiply_adds
    network = load_weights(work.folder / "weights.pt")
    assert sum(p.numel() for p in network.parameters()) == told.costs[0].parameters
    with torch.no_grad():
        output = network(torch.zeros(1, 3, 64, 64))[0]
    assert np.isfinite(output.numpy()).all()


def test_over_the_bound_is_not_trained(blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    ending = run_trial(job(blocks, tmp_path, Gate(p95_ms_max=0.01)), told)
    assert ending.outcome == Outcome.OVER_BOUND
    assert "p95" in ending.reason
    assert "train" not in told.stages
    assert told.rungs == []


def test_stopped_at_a_rung_leaves_no_artifact(blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder(stop_at=1)
    work = job(blocks, tmp_path, prune__importance="l1", prune__ratio=0.3, prune__at=0.5)
    ending = run_trial(work, told)
    assert ending.outcome == Outcome.STOPPED
    assert [rung.epoch for rung in told.rungs] == [1]
    assert "prune" not in told.stages
    assert not (work.folder / "model.onnx").exists()


def test_a_paused_trial_goes_on_where_it_stood(blocks: Dataset, tmp_path: Path) -> None:
    paused = Recorder(pause_at=1)
    work = job(blocks, tmp_path)
    assert run_trial(work, paused) is None
    assert not (work.folder / "model.onnx").exists()
    assert paused.costs[0].seconds["train"] > 0
    known = paused.latencies[0][0]
    promoted = Recorder()
    ending = run_trial(replace(work, latency=known, trained_s=paused.rungs[0].seconds), promoted)
    assert ending is not None
    assert ending.outcome == Outcome.FINISHED
    assert [rung.epoch for rung in promoted.rungs] == [2]
    assert promoted.rungs[0].seconds > paused.rungs[0].seconds
    assert [trained for _, trained in promoted.latencies] == [True]


def test_measuring_alone_trains_nothing(blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    work = replace(job(blocks, tmp_path), measure_only=True)
    assert run_trial(work, told) is None
    assert told.stages == ["build", "latency"]
    assert told.latencies[0][0].p50_ms > 0


def test_no_trial_is_stopped_within_its_grace(blocks: Dataset, tmp_path: Path) -> None:
    told = Recorder()
    work = replace(job(blocks, tmp_path), grace=0.9)
    assert run_trial(work, told).outcome == Outcome.FINISHED
    assert [(rung.epoch, rung.decides) for rung in told.rungs] == [(1, False), (2, True)]
