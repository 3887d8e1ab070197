"""A training's state on disk, in two generations: a damaged one costs an epoch, never the trial."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch

from objectives.machine.files import whole
from objectives.records.classify import classify
from objectives.records.failures import Failure


def write_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a state as the newest generation; the one that was newest becomes the previous one.

    At every moment one of the two is whole on the disk.

    Args:
        state: tensors and plain values; `epoch`, the epochs done, must be among them.
        path: the newest generation's file.
    """
    with whole(path, previous_of(path)) as partial, partial.open("wb") as stream:
        torch.save(dict(state), stream)  # a stream of ours: torch's own gives no reason when the disk is full


def read_state(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Read the newest generation that is whole; only tensors and plain values are accepted, no code runs.

    A damaged file is removed, so that it never becomes the previous generation of a good one.

    Args:
        path: the newest generation's file.

    Returns:
        The state, or None where there is none; and a warning, empty if nothing was lost.
    """
    reasons: list[str] = []
    for file in (path, previous_of(path)):
        if not file.exists():
            continue
        state, reason = _read(file)
        if state is not None:
            if file == path:
                return state, ""
            lost = reasons[0] if reasons else "no such file"
            return state, f"checkpoint: the newest is lost ({lost}); going on after epoch {state['epoch']}"
        file.unlink()
        reasons.append(reason)
    return None, f"checkpoint: lost ({reasons[0]}); training starts from its beginning" if reasons else ""


def previous_of(path: Path) -> Path:
    """Return the file of the previous generation."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def _read(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Return a state, or None and why the file cannot be used."""
    try:
        with ZipFile(path) as archive:
            if damaged := archive.testzip():  # torch looks at no check sum
                return None, f"'{damaged}' in it is damaged"
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many classes for damaged files
        unreadable = isinstance(error, OSError) and error.errno != errno.EINVAL  # a damaged end seeks to nowhere
        if unreadable or classify(error) is Failure.OUT_OF_MEMORY:
            raise  # the file may be whole
        return None, (str(error) or type(error).__name__).splitlines()[0][:120]
    if not isinstance(state, dict) or not isinstance(state.get("epoch"), int):
        return None, "automl did not write it"
    return state, ""


def state_of(trainer: Any) -> dict[str, Any]:
    """Return the state of an Ultralytics trainer at the end of an epoch.

    Random states are not in it: each epoch is seeded anew (see `objectives.training.trainer`).
    """
    return {
        "epoch": trainer.epoch + 1,
        "model": trainer.model.state_dict(),
        "ema": trainer.ema.ema.state_dict(),
        "updates": trainer.ema.updates,
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
    }


def restore(trainer: Any, state: Mapping[str, Any]) -> None:
    """Put an Ultralytics trainer that has just been set up into the state of a checkpoint."""
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
