"""What a training loads: every image of the split, none alone in a batch where a network cannot take it."""

from collections.abc import Callable, Collection, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import BatchSampler

from objectives.records.classify import UNTRAINABLE
from spaces.errors import DataError


def trains_on_one(model: nn.Module, size_px: int) -> bool:
    """Whether a network can train on a batch of one image; batch normalisation behind a global pooling cannot.

    Args:
        model: stays as it is.
        size_px: side of the square image.
    """
    image = torch.zeros(1, 3, size_px, size_px, device=next(model.parameters()).device)
    try:
        with torch.no_grad():
            deepcopy(model).train()(image)
    except ValueError as error:
        if any(words in str(error).lower() for words in UNTRAINABLE):
            return False
        raise
    return True


class NoLoneImage:
    """The batches of another batch sampler; an image that would be alone joins the batch before.

    The only image of a data set is seen twice in one batch.
    """

    def __init__(self, batches: Any) -> None:
        """Take the batch sampler, of batches of two images or more but for the last."""
        self.batches = batches

    def __len__(self) -> int:
        images, size = len(self.batches.sampler), int(self.batches.batch_size)
        return max(1, len(self.batches) - (images % size == 1))

    def __iter__(self) -> Iterator[list[int]]:
        held: list[int] = []
        for batch in self.batches:
            if len(batch) > 1 and held:
                yield held
                held = []
            held = [*held, *batch]
        yield held * 2 if len(held) == 1 else held


def fit_loader(loader: Any, trainer: Any, warn: Callable[[str], None]) -> int:
    """Fit a loader of training batches to the network, in place; return the images of a batch.

    Where the network cannot train on one image alone, no batch has a single one, and batches of one become batches of
    two.

    Args:
        loader: Ultralytics'.
        trainer: whose `model`, `batch_size`, `args.imgsz` and `args.cache` are read.
        warn: receives what is not as asked for.
    """
    size = int(trainer.batch_size)
    if trainer.args.cache == "ram" and loader.dataset.cache != "ram":
        warn("images: too little memory is free to keep them decoded; the same seed may train otherwise next time")
    has_lone = loader.batch_size == 1 or len(loader.dataset) % loader.batch_size == 1
    if not has_lone or trains_on_one(trainer.model, trainer.args.imgsz):
        return size
    if size == 1:
        warn("train.batch: this network cannot train on one image alone; its batches are of two")
    _leave_none_alone(loader)
    return max(2, size)


def _leave_none_alone(loader: Any) -> None:
    batches = loader.batch_sampler.sampler  # below what repeats it for ever
    if batches.batch_size == 1:
        batches = BatchSampler(batches.sampler, 2, drop_last=False)
    loader.batch_sampler.sampler = NoLoneImage(batches)
    object.__setattr__(loader, "drop_last", True)  # Ultralytics refuses a last batch of one at 32 px, unless dropped


def forget_images(dataset: Any) -> None:
    """Empty the images that a data set has read last: those of a mosaic are drawn among them, if not all are cached."""
    if dataset.cache != "ram":
        for i in dataset.buffer:
            dataset.ims[i] = None
        dataset.buffer.clear()


def check_complete(folder: Path, read: Collection[str]) -> None:
    """Check that every image of a split can be read: Ultralytics leaves the others out and says nothing."""
    known = {Path(name).name for name in read}
    missing = sorted(path for path in folder.iterdir() if path.name not in known and not path.name.startswith("."))
    if missing:
        first = missing[0].resolve()
        raise DataError(f"data.root: {len(missing)} images or their labels cannot be read; mend or remove '{first}'")
