"""The baseline: a published detector as it is, trained at Ultralytics' stock settings."""

import math
from dataclasses import dataclass
from typing import Self

from spaces.candidate import Candidate
from spaces.dimension import Value
from spaces.errors import SpaceError, nearest
from spaces.network.backbones import RTDETR, SCALES, ULTRALYTICS
from spaces.network.family import SIZE
from spaces.network.own import BACKBONE_NAME, NECK_KIND, OWN_NECK
from spaces.network.published import HUB, Published, published
from spaces.space import SearchSpace
from spaces.vocabulary import VOCABULARY, single_values

NO_BASELINE = "none"
STOCK_PX = 640  # side of the input that published detectors are made for
# Ultralytics' own defaults (`ultralytics/cfg/default.yaml`, 8.4) in the words of the vocabulary. Its other gains and
# shares are what the vocabulary has as defaults; what `optimizer: auto` decides is in `auto_optimizer`.
STOCK_BATCH, STOCK_NBS = 16, 64
STOCK_WARMUP_EPOCHS, STOCK_CLOSE_MOSAIC_EPOCHS = 3.0, 10
STOCK: dict[str, Value] = {
    "train.lrf": 0.01,
    "train.cosine": False,
    "train.momentum": 0.9,  # `auto` overrules the 0.937 of the file
    "train.weight_decay": 0.0005,
    "train.batch": STOCK_BATCH,
    "train.nbs": STOCK_NBS,
    "train.box": 7.5,
    "train.cls": 0.5,
    "train.dfl": 1.5,
    "train.class_weights": 0.0,
    "train.freeze": 0,
    "train.pretrained": HUB,
    "augment.policy": "ultralytics",
    "deploy.nms_iou": 0.7,
}
MUSGD_FROM = 10_000  # optimiser steps beyond which `auto` takes MuSGD
# What `yolo detect train` does and this trainer has no word for.
LEFT_OUT = (
    "no early stopping, the last epoch's weights instead of the best one's, no blur, grey or CLAHE on one image in a "
    "hundred, warm-up not longer than the training"
)


@dataclass(frozen=True)
class TrainingSize:
    """What the stock settings depend on: training images, classes, and epochs of the training."""

    images: int
    classes: int
    epochs: int


@dataclass(frozen=True)
class Baseline:
    """A published detector by its name, and the side of its input where that is asked for.

    Attributes:
        name: one of `baselines()`, as "yolo26n".
        pixels: side of the square input; None for the largest of a space that is no larger than STOCK_PX.
    """

    name: str
    pixels: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read "yolo26n", "yolo26n@320" or "none", which gives None.

        Raises:
            SpaceError: no such detector is published, or the size is none of a detector.
        """
        name, at, pixels = text.partition("@")
        if text == NO_BASELINE:
            return None
        if name not in baselines():
            known = [*baselines(), NO_BASELINE]
            raise SpaceError(f"baseline: unknown detector '{name}'{nearest(name, known)}; known: {', '.join(known)}")
        if not at:
            return cls(name)
        if not pixels.isdecimal():
            raise SpaceError(f"baseline: '{text}': needs a whole number of pixels behind the @, as in {name}@320")
        VOCABULARY[SIZE].check(int(pixels), "baseline: ")
        return cls(name, int(pixels))

    def __str__(self) -> str:
        return self.name if self.pixels is None else f"{self.name}@{self.pixels}"

    @property
    def published(self) -> Published:
        """Its published weights."""
        family, scale = baselines()[self.name]
        found = published(family, scale)
        assert found is not None  # that is what makes it a baseline
        return found

    def size_px(self, space: SearchSpace) -> int:
        """Return the side of its input: as asked for, else the largest of a space that is no larger than STOCK_PX."""
        if self.pixels is not None:
            return self.pixels
        sizes = [int(size) for size in single_values(SIZE, space.domains[SIZE])]
        return max((size for size in sizes if size <= STOCK_PX), default=min(sizes))


def baselines() -> dict[str, tuple[str, tuple[float, float] | None]]:
    """Return what may be a baseline: name -> backbone, and depth and width where these are dimensions."""
    found: dict[str, tuple[str, tuple[float, float] | None]] = {
        f"{name}{letter}": (name, (depth, width))
        for name, backbone in ULTRALYTICS.items()
        for letter, (depth, width, _) in backbone.scales.items()
    }
    return {**found, **{name: (name, None) for name in RTDETR}}


def baseline_candidate(baseline: Baseline, space: SearchSpace, size: TrainingSize) -> Candidate:
    """Return a baseline as a candidate: the whole published detector, trained as `yolo detect train` would.

    It may lie outside the space, of which the size of the input alone is read.
    """
    family, scale = baselines()[baseline.name]
    network: dict[str, Value] = {BACKBONE_NAME: family, NECK_KIND: OWN_NECK}
    if scale is not None:
        network |= dict(zip(SCALES, reversed(scale), strict=True))
    return Candidate.of({**network, SIZE: baseline.size_px(space), **_stock(size)})


def auto_optimizer(size: TrainingSize) -> tuple[str, float]:
    """Return optimiser and learning rate as Ultralytics' `optimizer: auto` decides (`trainer.py`, build_optimizer)."""
    steps = math.ceil(size.images / max(STOCK_BATCH, STOCK_NBS)) * size.epochs
    return ("MuSGD", 0.01) if steps > MUSGD_FROM else ("AdamW", round(0.002 * 5 / (4 + size.classes), 6))


def _stock(size: TrainingSize) -> dict[str, Value]:
    """Return the stock settings; what Ultralytics counts in epochs is a share of the training here."""
    optimizer, lr0 = auto_optimizer(size)
    return {
        "train.optimizer": optimizer,
        "train.lr0": lr0,
        **STOCK,
        "train.warmup": min(1.0, STOCK_WARMUP_EPOCHS / size.epochs),
        "train.close_mosaic": min(1.0, STOCK_CLOSE_MOSAIC_EPOCHS / size.epochs),
    }
