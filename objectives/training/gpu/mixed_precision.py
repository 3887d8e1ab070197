"""Mixed precision on GPUs, without Ultralytics' own check, which downloads a detector to run it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from ultralytics.engine import trainer

# GPUs on which half precision gives NaN losses, as Ultralytics lists them (ultralytics.utils.checks.check_amp).
UNSOUND = re.compile(r"(nvidia|geforce|quadro|tesla).*?(1660|1650|1630|t400|t550|t600|t1000|t1200|t2000|k40m)", re.I)


def half_is_sound(model: nn.Module, warn: Callable[[str], None]) -> bool:
    """Whether a network trains in mixed precision where it is: on a GPU, and none on which that fails.

    Args:
        model: the network, on its device.
        warn: receives a line where a GPU trains in full precision.
    """
    device = next(model.parameters()).device
    if device.type != "cuda":
        return False
    name = torch.cuda.get_device_name(device)
    if UNSOUND.search(name):
        warn(f"trial.train_device: {name} gives no sound losses in mixed precision; it trains in full precision")
        return False
    return True


@contextmanager
def sound_half_checked_here(warn: Callable[[str], None]) -> Iterator[None]:
    """Have Ultralytics' trainers ask `half_is_sound` inside, in place of their own check."""
    theirs = trainer.check_amp
    trainer.check_amp = lambda model: half_is_sound(model, warn)
    try:
        yield
    finally:
        trainer.check_amp = theirs
