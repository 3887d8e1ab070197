"""Candidate to the trainer's arguments: every one that matters is written out, none is left to a default."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.training.augment import albumentations_transforms, magnitudes, ultralytics_arguments
from spaces.candidate import Candidate
from spaces.errors import SpaceError, nearest

# The candidate's `train` dimensions, and what they are where a space does not name them.
TRAIN_DEFAULTS: dict[str, Any] = {
    "optimizer": "AdamW",
    "lr0": 0.002,  # first learning rate
    "lrf": 0.05,  # last learning rate as a share of the first
    "cosine": True,  # schedule: cosine, else linear
    "momentum": 0.9,  # SGD's momentum, Adam's beta1
    "weight_decay": 0.0005,
    "warmup": 0.1,  # share of the training that warms up
    "batch": 8,
    "nbs": 8,  # images per optimiser step: gradients of nbs / batch batches are added up
    "box": 7.5,  # loss gains
    "cls": 0.5,
    "dfl": 1.5,
    "class_weights": 0.0,  # power of the inverse class frequency, 0 is off
    "close_mosaic": 0.25,  # share of the training, at its end, without mosaic, mixup and cutmix
    "freeze": 0,  # layers of the model description frozen, from the first
    "pretrained": "none",  # none, hub, or a checkpoint's path
}

MAX_DETECTIONS = 300  # boxes of an image that are kept, in validation as deployed
IMPORTANCES = ("l1", "l2", "bn_scale", "lamp", "random")  # of channels, for structural pruning
OPTIMIZERS = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "MuSGD")


@dataclass(frozen=True)
class TrainingPlan:
    """What a training needs beside the candidate.

    Attributes:
        data_yaml: data set as laid out for Ultralytics.
        folder: where the trainer writes.
        epochs: epochs in all, fine-tuning after pruning included.
        seed: of weights, order of images and augmentation.
        device: "cpu", "0", ... as Ultralytics names it.
        workers: data-loading processes (on a GPU).
        cache: whether decoded images are kept in memory.
        batch_divisor: the batch is divided by it, where the candidate's own does not fit into memory.
    """

    data_yaml: Path
    folder: Path
    epochs: int
    seed: int
    device: str = "cpu"
    workers: int = 2
    cache: bool = True
    batch_divisor: int = 1

    def __post_init__(self) -> None:
        if self.batch_divisor < 1:
            raise ValueError(f"batch_divisor must be 1 or more, got {self.batch_divisor}")


def train_choices(candidate: Candidate) -> dict[str, Any]:
    """Return the `train` group with the defaults filled in.

    Raises:
        SpaceError: a name is unknown, or the optimiser is.
    """
    chosen = candidate.group("train")
    for name in chosen:
        if name not in TRAIN_DEFAULTS:
            raise SpaceError(f"train.{name}: is no dimension of the training{nearest(name, TRAIN_DEFAULTS)}")
    choices = {**TRAIN_DEFAULTS, **chosen}
    if choices["optimizer"] not in OPTIMIZERS:
        near = nearest(str(choices["optimizer"]), OPTIMIZERS)
        raise SpaceError(f"train.optimizer: '{choices['optimizer']}' is no optimiser{near}")
    return choices


def trainer_arguments(candidate: Candidate, plan: TrainingPlan, epochs: int | None = None) -> dict[str, Any]:
    """Return Ultralytics' training arguments for a candidate.

    Args:
        candidate: reads `train.*`, `augment.*`, `size.pixels` and `head.kind`.
        plan: data, folder, epochs, seed, device.
        epochs: of this phase, if not the plan's.
    """
    epochs = epochs or plan.epochs
    train = train_choices(candidate)
    magnitude = magnitudes(candidate.group("augment"))
    return {
        "task": "detect",
        "mode": "train",
        "data": str(plan.data_yaml),
        "project": str(plan.folder.parent),
        "name": plan.folder.name,
        "exist_ok": True,
        "epochs": epochs,
        "imgsz": int(candidate.number("size.pixels")),
        "device": plan.device,
        "workers": plan.workers,
        "cache": "ram" if plan.cache else False,
        "seed": plan.seed,
        "deterministic": True,
        "amp": plan.device != "cpu",
        "plots": False,
        "verbose": False,
        "patience": 0,  # the pruner decides
        "optimizer": train["optimizer"],
        "lr0": train["lr0"],
        "lrf": train["lrf"],
        "cos_lr": bool(train["cosine"]),
        "momentum": train["momentum"],
        "warmup_epochs": round(train["warmup"] * epochs, 3),
        "warmup_momentum": min(0.8, train["momentum"]),
        "warmup_bias_lr": 0.0 if "Adam" in train["optimizer"] else 0.1,
        **_batch(train, plan.batch_divisor),
        "box": train["box"],
        "cls": train["cls"],
        "dfl": train["dfl"],
        "cls_pw": train["class_weights"],
        "freeze": int(train["freeze"]) or None,
        "close_mosaic": round(train["close_mosaic"] * epochs),
        "conf": 0.001,  # of the validator: the whole precision-recall curve
        "iou": float(candidate.group("deploy").get("nms_iou", 0.7)),
        "max_det": MAX_DETECTIONS,
        "nms": False if candidate.text("head.kind") == "end2end" else None,
        **ultralytics_arguments(magnitude),
        "augmentations": albumentations_transforms(magnitude),
    }


def _batch(train: dict[str, Any], divisor: int) -> dict[str, Any]:
    """Return batch, nominal batch and weight decay; with a divisor, as many images make an optimiser step as without.

    Ultralytics adds up the gradients of round(nbs / batch) batches, one at least, and scales the weight decay by the
    images of a step over nbs.
    """
    batch, nbs, decay = int(train["batch"]), int(train["nbs"]), train["weight_decay"]
    if divisor == 1:
        return {"batch": batch, "nbs": nbs, "weight_decay": decay}
    step = batch * max(1, round(nbs / batch))
    return {"batch": max(1, batch // divisor), "nbs": step, "weight_decay": decay * step / nbs}
