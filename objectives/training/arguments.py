"""Candidate to the trainer's arguments: every one that matters is written out, none is left to a default."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.data.crowds import USUAL_MAX
from objectives.training.augment import albumentations_transforms, magnitudes, ultralytics_arguments
from spaces.candidate import Candidate
from spaces.network.own import head_kind
from spaces.vocabulary import choices_of, train_choices


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
        max_detections: boxes of an image that are kept in validation.
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
    max_detections: int = USUAL_MAX

    def __post_init__(self) -> None:
        if self.batch_divisor < 1:
            raise ValueError(f"batch_divisor must be 1 or more, got {self.batch_divisor}")


def trainer_arguments(candidate: Candidate, plan: TrainingPlan, epochs: int | None = None) -> dict[str, Any]:
    """Return Ultralytics' training arguments for a candidate.

    Args:
        candidate: reads `train.*`, `augment.*`, `size.pixels`, and the kind of head.
        plan: data, folder, epochs, seed, device.
        epochs: of this phase, if not the plan's.
    """
    epochs = epochs or plan.epochs
    train = train_choices(candidate)
    magnitude = magnitudes(choices_of(candidate, "augment"))
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
        "iou": float(choices_of(candidate, "deploy")["nms_iou"]),
        "max_det": plan.max_detections,
        "nms": False if head_kind(candidate) == "end2end" else None,
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
