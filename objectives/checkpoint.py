"""A training's state on disk: weights, EMA, optimiser and epoch, as plain tensors."""

from pathlib import Path
from typing import Any

import torch

from spaces.errors import DataError


def save_checkpoint(trainer: Any, path: Path) -> None:
    """Write the state at the end of an epoch; the file is replaced in one step, never half written.

    Random states are not in it: each epoch is seeded anew (see `objectives.training`).

    Args:
        trainer: an Ultralytics trainer between two epochs.
        path: the checkpoint.
    """
    state = {
        "epoch": trainer.epoch + 1,
        "model": trainer.model.state_dict(),
        "ema": trainer.ema.ema.state_dict(),
        "updates": trainer.ema.updates,
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted, no code runs.

    Raises:
        DataError: it is truncated, or no checkpoint of this project's.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many classes for damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise DataError(f"checkpoint: '{path}' cannot be read ({reason})") from error
    if not isinstance(state, dict) or "ema" not in state:
        raise DataError(f"checkpoint: '{path}' is none of automl's")
    return state


def restore(trainer: Any, state: dict[str, Any]) -> None:
    """Put a trainer that has just been set up into the state of a checkpoint."""
    trainer.model.load_state_dict(state["model"])
    trainer.ema.ema.load_state_dict(state["ema"])
    trainer.ema.updates = state["updates"]
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.scaler.load_state_dict(state["scaler"])
    trainer.start_epoch = state["epoch"]
    if getattr(trainer.model.model[-1], "one2one_cv2", None) is not None:  # its two losses are weighted by epoch
        trainer.model.criterion = trainer.model.init_criterion()
        trainer.model.criterion.updates = trainer.start_epoch - 1
        trainer.model.criterion.update()
