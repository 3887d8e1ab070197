"""A training's state on disk: weights, EMA, optimiser, schedule and random states, as plain tensors."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spaces.errors import DataError


def save_checkpoint(trainer: Any, path: Path) -> None:
    """Write the state at the end of an epoch; the file is replaced in one step, never half written.

    Args:
        trainer: an Ultralytics trainer between two epochs.
        path: the checkpoint.
    """
    python_state = random.getstate()
    numpy_state: Any = np.random.get_state()  # Ultralytics augments with the global generators
    state = {
        "epoch": trainer.epoch + 1,
        "model": trainer.model.state_dict(),
        "ema": trainer.ema.ema.state_dict(),
        "updates": trainer.ema.updates,
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "random": {
            "python": [python_state[0], list(python_state[1]), python_state[2]],
            "numpy": [numpy_state[0], torch.from_numpy(numpy_state[1].astype(np.int64)), *numpy_state[2:]],
            "torch": torch.get_rng_state(),
            "order": trainer.train_loader.generator.get_state(),
        },
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


def restore_random(trainer: Any, saved: dict[str, Any]) -> None:
    """Set the random generators to where they stood; call right before the first epoch goes on."""
    version, words, gauss = saved["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *rest = saved["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(saved["torch"])
    trainer.train_loader.generator.set_state(saved["order"])
