"""Training: what was sampled is what is trained, rungs, resuming, and agreement with Ultralytics' validator."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from objectives.accuracy import SCORE_CONFIDENCE, detect_all, score
from objectives.arguments import TrainingPlan, trainer_arguments
from objectives.artifact import export_onnx, head_of
from objectives.assembly import assemble
from objectives.dataset import Dataset
from objectives.device import Device
from objectives.inference import ArtifactMeta, Detector, open_network
from objectives.layout import lay_out
from objectives.records import Rung
from objectives.training import CHECKPOINT, Diverged, Progress, train_phase
from spaces.candidate import Candidate

SIZE_PX = 96


def candidate(**changes: Any) -> Candidate:
    base = {
        "backbone.name": "lcnet_050",
        "neck.width": 16,
        "neck.depth": 1,
        "head.kind": "nms",
        "size.pixels": SIZE_PX,
        "train.lr0": 0.004,
        "train.batch": 4,
        "train.nbs": 4,
    }
    return Candidate.of({**base, **{key.replace("__", "."): value for key, value in changes.items()}})


def train(dataset: Dataset, folder: Path, chosen: Candidate, epochs: int, on_rung: Any = lambda rung: False) -> Any:
    """Train and return the averaged network and the progress."""
    data_yaml = lay_out(dataset, folder.parent / "data")
    plan = TrainingPlan(data_yaml, folder, epochs, seed=1)
    _, model = assemble(chosen, dataset.classes, seed=1)
    progress = Progress()
    looks = range(1, epochs + 1) if epochs <= 6 else [epochs]
    network = train_phase(model, trainer_arguments(chosen, plan), progress, looks, looks, on_rung)
    return network, progress


def test_what_was_sampled_is_what_is_trained(blocks: Dataset, tmp_path: Path) -> None:
    chosen = candidate(
        train__optimizer="SGD",
        train__lr0=0.0123,
        train__lrf=0.2,
        train__momentum=0.87,
        train__weight_decay=0.0031,
        train__cosine=False,
        train__batch=4,
        train__nbs=8,
        train__box=6.5,
        train__cls=0.9,
        train__dfl=1.1,
        train__class_weights=0.5,
        train__close_mosaic=0.5,
        train__freeze=1,
        train__warmup=0.5,
        augment__policy="shelf",
        augment__noise=0.04,
        augment__mosaic=0.25,
    )
    train(blocks, tmp_path / "run", chosen, epochs=2)
    resolved = yaml.safe_load((tmp_path / "run" / "args.yaml").read_text())
    for ours, theirs in {
        "train.optimizer": "optimizer",
        "train.lr0": "lr0",
        "train.lrf": "lrf",
        "train.momentum": "momentum",
        "train.weight_decay": "weight_decay",
        "train.cosine": "cos_lr",
        "train.batch": "batch",
        "train.nbs": "nbs",
        "train.box": "box",
        "train.cls": "cls",
        "train.dfl": "dfl",
        "train.class_weights": "cls_pw",
        "train.freeze": "freeze",
        "size.pixels": "imgsz",
        "augment.mosaic": "mosaic",
    }.items():
        assert resolved[theirs] == chosen[ours], (ours, theirs)
    assert resolved["warmup_epochs"] == 1.0
    assert resolved["close_mosaic"] == 1
    assert (resolved["fliplr"], resolved["scale"], resolved["degrees"]) == (0.0, 0.3, 3.0)  # the policy's
    names = [t["transform"]["__class_fullname__"].rsplit(".")[-1] for t in resolved["augmentations"]]
    assert names == ["RandomGamma", "RandomBrightnessContrast", "GaussNoise", "MotionBlur"]
    assert resolved["augmentations"][2]["transform"]["std_range"][1] == 0.04  # the single magnitude over the policy's
    state = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=True)
    groups = state["optimizer"]["param_groups"]
    assert {group["initial_lr"] for group in groups} == {0.0123}
    assert {group["momentum"] for group in groups} <= {0.87, 0.8}  # 0.8 is where the warm-up begins
    decays = sorted({group["weight_decay"] for group in groups})
    assert decays == pytest.approx([0.0, 0.0031])  # two batches of 4 make one step of nbs 8


@pytest.mark.parametrize("head", ["nms", "end2end"])
def test_score_of_the_exported_file_agrees_with_ultralytics_validator(
    blocks: Dataset, tmp_path: Path, head: str
) -> None:
    network, progress = train(blocks, tmp_path / "run", candidate(head__kind=head), epochs=16)
    rung = progress.rungs[-1]
    assert rung.map > 0.1, "too weak a detector to compare scores"
    meta = ArtifactMeta(SIZE_PX, head_of(network), blocks.classes)
    path = export_onnx(network, meta, tmp_path / "model.onnx")
    detector = Detector(open_network(path, Device()), SCORE_CONFIDENCE)
    val = blocks.splits["val"]
    accuracy = score(detect_all(detector, val), val, blocks.classes, "val")
    assert accuracy.map == pytest.approx(rung.map, abs=0.01)
    assert accuracy.map50 == pytest.approx(rung.map50, abs=0.01)


class Cut(Exception):
    """The power went out."""


@pytest.mark.parametrize("cut_after", [1, 3])
def test_resumed_training_follows_the_uninterrupted_one(blocks: Dataset, tmp_path: Path, cut_after: int) -> None:
    chosen = candidate(head__kind="end2end", augment__policy="road", train__close_mosaic=0.5)
    whole, straight = train(blocks, tmp_path / "a" / "run", chosen, epochs=4)

    def cut(rung: Rung) -> bool:
        if rung.epoch == cut_after:
            raise Cut
        return False

    with pytest.raises(Cut):
        train(blocks, tmp_path / "b" / "run", chosen, epochs=4, on_rung=cut)
    seen: list[int] = []
    resumed, progress = train(
        blocks, tmp_path / "b" / "run", chosen, epochs=4, on_rung=lambda rung: bool(seen.append(rung.epoch))
    )
    assert seen == list(range(cut_after + 1, 5)), "an epoch was trained again"
    assert progress.rungs[-1].map == pytest.approx(straight.rungs[-1].map, abs=0.01)
    for (name, expected), actual in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4, msg=lambda text, n=name: f"{n}: {text}")


def test_finished_training_is_not_repeated(blocks: Dataset, tmp_path: Path) -> None:
    first, _ = train(blocks, tmp_path / "run", candidate(), epochs=1)
    again, progress = train(blocks, tmp_path / "run", candidate(), epochs=1)
    assert progress.rungs == []
    for expected, actual in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(expected, actual)


def test_pruner_stops_at_a_rung(blocks: Dataset, tmp_path: Path) -> None:
    _, progress = train(blocks, tmp_path / "run", candidate(), epochs=4, on_rung=lambda rung: rung.epoch == 2)
    assert progress.stopped
    assert [rung.epoch for rung in progress.rungs] == [1, 2]
    assert all(a.seconds < b.seconds for a, b in zip(progress.rungs, progress.rungs[1:], strict=False))


def test_divergence_is_told(blocks: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="loss was"):
        train(blocks, tmp_path / "run", candidate(train__lr0=1.0, train__optimizer="SGD", train__box=3e38), epochs=3)
