"""Hyperparameters that a published file carries, in the trainer's own names, as choices of ours.

The other direction stands in `objectives.training.arguments` and `objectives.training.augment`.
"""

import math
from collections.abc import Mapping

from spaces.dimension import Value
from spaces.errors import SpaceError
from spaces.vocabulary import VOCABULARY

Arguments = Mapping[str, bool | int | float | str]

CHOICE_OF = {
    **{name: f"train.{name}" for name in ("optimizer", "lr0", "lrf", "momentum", "weight_decay", "box", "cls", "dfl")},
    "cos_lr": "train.cosine",
    "cls_pw": "train.class_weights",
    **{
        name: f"augment.{name}"
        for name in ("fliplr", "flipud", "translate", "scale", "degrees", "perspective", "mosaic", "mixup", "cutmix")
    },
    "hsv_h": "augment.hue",
    "hsv_s": "augment.saturation",
    "hsv_v": "augment.brightness",
}
SHARE_OF_EPOCHS = {
    "warmup_epochs": "train.warmup",
    "close_mosaic": "train.close_mosaic",
}  # in epochs there, of the training here
# Of a training for detection, too, and without a dimension: said where they are not off.
NO_DIMENSION = ("warmup_momentum", "warmup_bias_lr", "shear", "bgr", "copy_paste", "multi_scale", "dropout")


def carried_choices(arguments: Arguments) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Return the choices that a training's arguments come to, and those that no choice stands for, as 'shear=2.0'.

    Size and batch are left out: they depend on device and memory. Images of a step are taken as they came to be.
    """
    epochs = _number(arguments.get("epochs"))
    found: dict[str, Value] = {}
    without = [f"{name}={arguments[name]}" for name in NO_DIMENSION if arguments.get(name)]
    for name, ours in {**CHOICE_OF, **SHARE_OF_EPOCHS}.items():
        value: Value | None = arguments.get(name)
        if value is None:
            continue
        if name in SHARE_OF_EPOCHS:
            share = _number(value) / epochs if epochs else math.nan
            value = round(share, 4)
        if _is_possible(ours, value):
            found[ours] = value
        else:
            without.append(f"{name}={arguments[name]}")
    batch, nominal = _number(arguments.get("batch")), _number(arguments.get("nbs"))
    if batch >= 1 and nominal >= 1 and math.isfinite(nominal / batch):
        step = round(batch * max(1, round(nominal / batch)))
        if _is_possible("train.nbs", step):
            found["train.nbs"] = step
    return found, tuple(without)


def _number(value: object) -> float:
    """Return a number; not a number for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _is_possible(name: str, value: Value) -> bool:
    """Whether some candidate may have a value; truth values and numbers are not mixed up."""
    known = VOCABULARY[name]
    try:
        known.check(value)
    except SpaceError:
        return False
    return type(value) is type(known.default) or known.limits is not None
