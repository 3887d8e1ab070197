"""The gate, held against the data set and the user's own code before the first trial."""

from collections.abc import Sequence

import numpy as np

from objectives.data.dataset import Dataset, LabelledImage
from objectives.deploy.own_metrics import check_own
from objectives.records.bounds.quantities import SMALL_OBJECT_PX
from objectives.records.gate import OF_CLASSES, Gate
from spaces.errors import SettingsError, nearest


def check_gate(gate: Gate, dataset: Dataset, split: str) -> None:
    """Check that every bound can be judged on a split, and that metrics of the user's own can be called.

    Raises:
        SettingsError: a class is unknown, the split holds no object that a bound is about, or a metric cannot be used.
    """
    images = dataset.splits[split]
    boxes = np.bincount(np.concatenate([image.classes for image in images]), minlength=len(dataset.classes))
    for setting in OF_CLASSES:
        for name in getattr(gate, setting) or ():
            if name not in dataset.classes:
                hint = nearest(name, dataset.classes) or f"; known: {', '.join(dataset.classes)}"
                raise SettingsError(f"gate.{setting}: the data set has no class '{name}'{hint}")
            if not boxes[dataset.classes.index(name)]:
                raise SettingsError(f"gate.{setting}: split '{split}' holds no '{name}' to judge it by; leave it out")
    if gate.map_small_min is not None and not _has_small(images):
        size = f"{SMALL_OBJECT_PX} x {SMALL_OBJECT_PX} px"
        raise SettingsError(f"gate.map_small_min: split '{split}' holds no object of {size} or less; leave it out")
    check_own(gate.own or ())


def _has_small(images: Sequence[LabelledImage]) -> bool:
    return any((image.boxes_xywh[:, 2] * image.boxes_xywh[:, 3] <= SMALL_OBJECT_PX**2).any() for image in images)
