"""Training: what was sampled is what is trained, rungs, resuming, and agreement with Ultralytics' validator."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from defaults import CPU
from torch.optim.optimizer import register_optimizer_step_post_hook
from ultralytics.cfg import DEFAULT_CFG
from ultralytics.models.rtdetr.val import RTDETRDataset

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.accuracy import SCORE_CONFIDENCE, detect_all, score
from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import Detector, letterbox, stretch
from objectives.deploy.export_onnx import export_onnx, head_of, meta_of
from objectives.deploy.runtimes.open import open_artifact
from objectives.network.assembly import assemble
from objectives.records.classify import classify
from objectives.records.failures import Diverged, Failure
from objectives.records.paths import CHECKPOINT
from objectives.records.records import Rung
from objectives.training import divergence
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.checkpoint import previous_of
from objectives.training.monitor import Monitor
from objectives.training.trainer import Progress, train_phase
from spaces.candidate import Candidate
from spaces.errors import DataError

pytestmark = pytest.mark.seconds

SIZE_PX = 96
PREVIOUS = previous_of(Path(CHECKPOINT)).name


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


def train(
    dataset: Dataset,
    folder: Path,
    chosen: Candidate,
    epochs: int,
    on_rung: Any = lambda rung: False,
    progress: Progress | None = None,
    monitor: Monitor | None = None,
    **changes: Any,
) -> Any:
    """Train and return the averaged network and the progress."""
    data_yaml = lay_out(dataset, folder.parent / "data")
    plan = TrainingPlan(data_yaml, folder, epochs, seed=1)
    _, model = assemble(chosen, dataset.classes, seed=1)
    progress = progress or Progress()
    looks = range(1, epochs + 1) if epochs <= 6 else [epochs]
    arguments = {**trainer_arguments(chosen, plan), **changes}
    network = train_phase(model, arguments, progress, looks, looks, on_rung, monitor)
    return network, progress


@dataclass
class Recorder(Monitor):
    """Keeps what a training tells between its batches, and may break in at one of them."""

    break_in: Callable[[int, float], None] = lambda epoch, share: None
    epochs: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def epoch(self, number: int) -> None:
        self.epochs.append(number)

    def batch(self, share: float) -> None:
        self.shares.append(share)
        self.break_in(self.epochs[-1], share)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def test_what_was_sampled_is_what_is_trained(few_blocks: Dataset, tmp_path: Path) -> None:
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
    train(few_blocks, tmp_path / "run", chosen, epochs=2)
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


@pytest.mark.parametrize("head", ["nms", pytest.param("end2end", marks=pytest.mark.slow)])
def test_score_of_the_exported_file_agrees_with_ultralytics_validator(
    blocks: Dataset, tmp_path: Path, head: str
) -> None:
    chosen = candidate(head__kind=head, train__lr0=0.015)  # it learns in half the time
    network, progress = train(blocks, tmp_path / "run", chosen, epochs=8)
    rung = progress.rungs[-1]
    assert rung.map > 0.1, "too weak a detector to compare scores"
    meta = ArtifactMeta(SIZE_PX, head_of(network), blocks.classes)
    path = export_onnx(network, meta, tmp_path / "model.onnx")
    detector = Detector(open_artifact(path, CPU), SCORE_CONFIDENCE)
    val = blocks.splits["val"]
    accuracy = score(detect_all(detector, val), val, blocks.classes, "val")
    assert accuracy.map == pytest.approx(rung.map, abs=0.01)
    assert accuracy.map50 == pytest.approx(rung.map50, abs=0.01)


def test_the_file_of_an_rtdetr_sees_images_as_ultralytics_validates_it(blocks: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "images" / "val"
    folder.mkdir(parents=True)
    wide = cv2.resize(cv2.imread(str(blocks.splits["val"][0].path)), (192, 96))
    cv2.imwrite(str(folder / "wide.png"), wide)
    chosen = candidate(head__kind="rtdetr")
    _, network = assemble(chosen, blocks.classes, 0)
    meta = meta_of(network, chosen, blocks.classes)
    seen = RTDETRDataset(img_path=str(folder), imgsz=SIZE_PX, augment=False, hyp=DEFAULT_CFG, data={"names": {}})[0][
        "img"
    ]
    fitted, _, _ = (stretch if meta.stretched else letterbox)(wide, SIZE_PX)
    assert np.abs(fitted[0] * 255 - seen.numpy()).max() <= 1.0


class Cut(Exception):
    """The power went out."""


def cut_at(epoch: int) -> Any:
    def cut(rung: Rung) -> bool:
        if rung.epoch == epoch:
            raise Cut
        return False

    return cut


@pytest.mark.parametrize("cut_after", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_resumed_training_follows_the_uninterrupted_one(few_blocks: Dataset, tmp_path: Path, cut_after: int) -> None:
    """The cut falls between a checkpoint and its rung: the rung is told all the same, and no epoch is trained twice."""
    chosen = candidate(head__kind="end2end", augment__policy="road", train__close_mosaic=0.5)
    whole, straight = train(few_blocks, tmp_path / "a" / "run", chosen, epochs=4)
    with pytest.raises(Cut):
        train(few_blocks, tmp_path / "b" / "run", chosen, epochs=4, on_rung=cut_at(cut_after))
    monitor = Recorder()
    resumed, progress = train(few_blocks, tmp_path / "b" / "run", chosen, 4, progress=Progress(), monitor=monitor)
    assert monitor.epochs == list(range(cut_after + 1, 5)), "an epoch was trained again"
    assert [rung.epoch for rung in progress.rungs] == list(range(cut_after, 5))
    assert all(a.seconds < b.seconds for a, b in pairwise(progress.rungs)), "the seconds before the cut count"
    assert progress.rungs[-1].map == pytest.approx(straight.rungs[-1].map, abs=0.01)
    for (name, expected), actual in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4, msg=lambda text, n=name: f"{n}: {text}")


def assert_same(one: Any, other: Any) -> None:
    for (name, expected), actual in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(expected, actual), name


def scores(progress: Progress) -> list[tuple[int, float, float, float | None]]:
    return [(rung.epoch, rung.map, rung.map50, rung.loss) for rung in progress.rungs]


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "read anew"])
def test_one_seed_trains_the_same_in_another_folder(few_blocks: Dataset, tmp_path: Path, cached: bool) -> None:
    """Bit by bit: nothing but the candidate, the seed and the number of threads goes into it."""
    chosen = candidate(augment__policy="heavy", augment__mosaic=1.0, train__close_mosaic=0.5)
    copied = tmp_path / "elsewhere" / "pictures"
    shutil.copytree(few_blocks.root, copied)
    moved = {
        split: tuple(replace(image, path=copied / image.path.name) for image in images)
        for split, images in few_blocks.splits.items()
    }
    elsewhere = replace(few_blocks, root=copied, splits=moved)
    cache = "ram" if cached else False
    one, first = train(few_blocks, tmp_path / "a" / "run", chosen, epochs=2, cache=cache)
    other, second = train(elsewhere, tmp_path / "z" / "another" / "run", chosen, epochs=2, cache=cache)
    assert scores(first) == scores(second)
    assert_same(one, other)


@pytest.mark.slow
def test_a_cut_loses_no_gradient_and_no_mosaic(blocks: Dataset, tmp_path: Path) -> None:
    """Five batches an epoch, a step after four: gradients wait when the second epoch ends; no image is cached."""
    chosen = candidate(train__batch=10, train__nbs=40, augment__mosaic=1.0, train__close_mosaic=0.0)
    whole, straight = train(blocks, tmp_path / "a" / "run", chosen, epochs=3, cache=False)
    with pytest.raises(Cut):
        train(blocks, tmp_path / "b" / "run", chosen, epochs=3, on_rung=cut_at(2), cache=False)
    assert torch.load(tmp_path / "b" / "run" / CHECKPOINT, weights_only=True)["pending"] > 0
    resumed, progress = train(blocks, tmp_path / "b" / "run", chosen, epochs=3, cache=False)
    assert scores(progress) == scores(straight)[1:]
    assert_same(whole, resumed)


@pytest.mark.parametrize(("images", "batch", "batches"), [(9, 4, 2), (1, 4, 1), (4, 1, 2)])
def test_a_lone_image_is_no_obstacle(
    few_blocks: Dataset, tmp_path: Path, images: int, batch: int, batches: int
) -> None:
    """At 32 px the deepest map is one pixel: batch normalisation has one value a channel for a single image."""
    few = replace(few_blocks, splits={**few_blocks.splits, "train": few_blocks.splits["train"][:images]})
    chosen = candidate(size__pixels=32, train__batch=batch, train__nbs=batch)
    monitor = Recorder()
    _, progress = train(few, tmp_path / "run", chosen, epochs=1, monitor=monitor)
    assert len(progress.rungs) == 1
    assert monitor.shares[:batches] == pytest.approx([i / batches for i in range(batches)])
    assert monitor.shares[batches] == 1.0
    warned = [text for text in monitor.warnings if "its batches are of two" in text]
    assert len(warned) == (batch == 1)


def test_the_word_on_a_rung_told_late_is_obeyed(few_blocks: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        train(few_blocks, tmp_path / "run", candidate(), epochs=2, on_rung=cut_at(1))
    monitor = Recorder()
    _, progress = train(few_blocks, tmp_path / "run", candidate(), 2, lambda rung: rung.epoch == 1, monitor=monitor)
    assert progress.stopped
    assert [rung.epoch for rung in progress.rungs] == [1]
    assert monitor.epochs == []


def test_a_rung_that_was_told_is_not_told_again(few_blocks: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        train(few_blocks, tmp_path / "run", candidate(), epochs=2, on_rung=cut_at(1))
    _, progress = train(few_blocks, tmp_path / "run", candidate(), epochs=2, progress=Progress(reported_epoch=1))
    assert [rung.epoch for rung in progress.rungs] == [2]


@pytest.mark.parametrize(
    ("damaged", "trained", "warning"),
    [
        ((CHECKPOINT,), [2, 3], r"checkpoint: the newest is lost \(.*\); going on after epoch 1"),
        ((CHECKPOINT, PREVIOUS), [1, 2, 3], r"checkpoint: lost \(.*\); training starts from its beginning"),
    ],
    ids=["newest", "both"],
)
@pytest.mark.slow
def test_a_damaged_checkpoint_costs_epochs_and_no_trial(
    few_blocks: Dataset, tmp_path: Path, damaged: tuple[str, ...], trained: list[int], warning: str
) -> None:
    with pytest.raises(Cut):
        train(few_blocks, tmp_path / "run", candidate(), epochs=3, on_rung=cut_at(2))
    for name in damaged:
        path = tmp_path / "run" / name
        path.write_bytes(path.read_bytes()[:-1000])
    monitor = Recorder()
    _, progress = train(
        few_blocks, tmp_path / "run", candidate(), 3, progress=Progress(reported_epoch=2), monitor=monitor
    )
    assert monitor.epochs == trained
    assert [rung.epoch for rung in progress.rungs] == [3], "epochs trained once more are not told once more"
    assert re.fullmatch(warning, *monitor.warnings)


def test_finished_training_is_not_repeated(few_blocks: Dataset, tmp_path: Path) -> None:
    first, _ = train(few_blocks, tmp_path / "run", candidate(), epochs=1)
    again, progress = train(few_blocks, tmp_path / "run", candidate(), epochs=1, progress=Progress(reported_epoch=1))
    assert progress.rungs == []
    for expected, actual in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(expected, actual)


def test_pruner_stops_at_a_rung(few_blocks: Dataset, tmp_path: Path) -> None:
    _, progress = train(few_blocks, tmp_path / "run", candidate(), epochs=4, on_rung=lambda rung: rung.epoch == 2)
    assert progress.stopped
    assert [rung.epoch for rung in progress.rungs] == [1, 2]
    assert all(a.seconds < b.seconds for a, b in zip(progress.rungs, progress.rungs[1:], strict=False))


def test_divergence_is_told(few_blocks: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="loss was"):
        train(
            few_blocks, tmp_path / "run", candidate(train__lr0=1.0, train__optimizer="SGD", train__box=3e38), epochs=3
        )


def test_an_exploded_loss_is_told(blocks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clipped gradients let no loss of this detector grow ten thousand times; the threefold is told in the same way."""
    wild = candidate(train__lr0=1.0, train__optimizer="SGD", train__warmup=0.0)
    monkeypatch.setattr(divergence, "EXPLODED", 2.0)
    with pytest.raises(Diverged, match=r"loss was \d.* in epoch \d, and .* at its least"):
        train(blocks, tmp_path / "run", wild, epochs=4)


def test_a_training_tells_where_it_is(blocks: Dataset, tmp_path: Path) -> None:
    monitor = Recorder()
    train(
        blocks, tmp_path / "run", candidate(train__batch=8), epochs=2, progress=Progress(epochs_done=3), monitor=monitor
    )
    assert monitor.epochs == [4, 5]
    sixth = [i / 6 for i in range(6)]
    assert monitor.shares == pytest.approx([*sixth, *sixth, 1.0, 1.0, 1.0])  # the last is validated, 3 batches of 16


def test_out_of_memory_is_told_and_not_mended_in_silence(few_blocks: Dataset, tmp_path: Path) -> None:
    """Ultralytics would go on with half the batch; the search does that itself, and records it."""

    def run_out(epoch: int, share: float) -> None:
        if share == 0.5:  # what a GPU without room raises, in the forward pass that follows
            model_hook(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))

    def model_hook(error: Exception) -> None:
        def raise_it(*_: Any) -> None:
            raise error

        handles.append(torch.nn.modules.module.register_module_forward_pre_hook(raise_it))

    handles: list[Any] = []
    monitor = Recorder(run_out)
    try:
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            train(few_blocks, tmp_path / "run", candidate(), epochs=2, monitor=monitor)
    finally:
        for handle in handles:
            handle.remove()
    assert monitor.epochs == [1], "the epoch was begun anew"


@pytest.mark.slow
def test_a_smaller_batch_makes_the_same_steps(few_blocks: Dataset, tmp_path: Path) -> None:
    """Half the batch and twice the batches a step: nearly the same weights, but for batch normalisation."""
    steps: dict[int, list[int]] = {}
    for divisor in (1, 2, 4):
        taken = steps[divisor] = []
        hook = register_optimizer_step_post_hook(lambda *_, n=taken: n.append(1))
        plan = TrainingPlan(
            lay_out(few_blocks, tmp_path / "data"), tmp_path / f"run-{divisor}", 2, seed=1, batch_divisor=divisor
        )
        chosen = candidate(train__batch=8, train__nbs=8, train__warmup=0.0)
        _, model = assemble(chosen, few_blocks.classes, seed=1)
        train_phase(model, trainer_arguments(chosen, plan), Progress(), [2], [2], lambda rung: False)
        hook.remove()
    assert [len(taken) for taken in steps.values()] == [4, 4, 4]  # 2 epochs of 16 images, 8 a step


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Ultralytics leaves damaged files open
@pytest.mark.parametrize("what", ["image", "label"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_an_image_or_label_damaged_before_is_told(few_blocks: Dataset, tmp_path: Path, what: str, split: str) -> None:
    """Ultralytics would leave the image out and say nothing: trials would not be comparable."""
    data = lay_out(few_blocks, tmp_path / "data").parent
    if what == "image":
        link = data / "images" / split / "000003.png"
        image = link.resolve().read_bytes()
        link.unlink()
        link.write_bytes(image[: len(image) // 2])
        named = link
    else:
        (data / "labels" / split / "000003.txt").write_text("0 0.5 what 0.1 0.1\n")
        named = few_blocks.splits[split][3].path
    with pytest.raises(DataError, match=rf"data\.root: 1 images or their labels .* '{named}'"):
        train(few_blocks, tmp_path / "run", candidate(), epochs=1)


def test_an_image_lost_while_training_is_told(few_blocks: Dataset, tmp_path: Path) -> None:
    data = lay_out(few_blocks, tmp_path / "data").parent

    def lose(epoch: int, share: float) -> None:
        if epoch == 2:
            for link in (data / "images" / "train").iterdir():
                link.unlink(missing_ok=True)
                link.write_bytes(b"no picture")

    with pytest.raises(FileNotFoundError, match="Image Not Found") as caught:
        train(few_blocks, tmp_path / "run", candidate(), epochs=3, monitor=Recorder(lose), cache=False)
    assert classify(caught.value) is Failure.DATA_UNREADABLE
