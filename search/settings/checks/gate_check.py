"""The gate, held against the data set and the user's own code before the first trial."""

from collections.abc import Iterator, Sequence

import numpy as np

from objectives.data.dataset import Dataset, LabelledImage
from objectives.deploy.own_metrics import check_own
from objectives.records.bounds.quantities import SMALL_OBJECT_PX
from objectives.records.gate import OF_CLASSES, Gate
from objectives.trial.job import halves
from search.settings.settings import Settings
from spaces.errors import SettingsError, nearest
from spaces.network.family import may_be_elastic


def gate_notes(settings: Settings, dataset: Dataset) -> tuple[str, ...]:
    """Check the gate of a search, and return what is to be known of it; see `check_gate`."""
    return check_gate(settings.gate, dataset, settings.data.split, families=may_be_elastic(settings.space))


def check_gate(gate: Gate, dataset: Dataset, split: str, *, families: bool) -> tuple[str, ...]:
    """Check that every bound can be judged on a split, and that metrics of the user's own can be called.

    Args:
        gate: the bounds.
        dataset: with the split.
        split: that trials are scored on.
        families: whether there may be elastic trainings, whose children are judged on one half of a large split.

    Returns:
        A line, for people, for each bound that children are chosen without a look at.

    Raises:
        SettingsError: a class is unknown, the images that detectors are judged by hold no object that a bound is
            about, or a metric cannot be used.
    """
    for setting in OF_CLASSES:
        for name in getattr(gate, setting) or ():
            if name not in dataset.classes:
                hint = nearest(name, dataset.classes) or f"; known: {', '.join(dataset.classes)}"
                raise SettingsError(f"gate.{setting}: the data set has no class '{name}'{hint}")
    images = dataset.splits[split]
    for setting, objects in _lacking(gate, dataset, images):
        raise SettingsError(f"gate.{setting}: split '{split}' holds no {objects} to judge it by; leave it out")
    check_own(gate.own or ())
    if not families:
        return ()
    chosen_by, reported_on = halves(images, split)
    for setting, objects in _lacking(gate, dataset, reported_on.images):
        raise SettingsError(
            f"gate.{setting}: every second image of split '{split}', by which children of elastic trainings are "
            f"judged, holds no {objects}: all of them would miss it; leave it out, or take space/slim=none"
        )
    return tuple(
        f"gate.{setting}: every other image of split '{split}', by which children of elastic trainings are chosen, "
        f"holds no {objects}: they are chosen without a look at it"
        for setting, objects in _lacking(gate, dataset, chosen_by.images)
    )


def _lacking(gate: Gate, dataset: Dataset, images: Sequence[LabelledImage]) -> Iterator[tuple[str, str]]:
    """Yield the settings whose bounds are about objects of which some images hold none, and what these are."""
    boxes = np.bincount(np.concatenate([image.classes for image in images]), minlength=len(dataset.classes))
    for setting in OF_CLASSES:
        for name in getattr(gate, setting) or ():
            if not boxes[dataset.classes.index(name)]:
                yield setting, f"'{name}'"
    if gate.map_small_min is not None and not _has_small(images):
        yield "map_small_min", f"object of {SMALL_OBJECT_PX} x {SMALL_OBJECT_PX} px or less"


def _has_small(images: Sequence[LabelledImage]) -> bool:
    return any((image.boxes_xywh[:, 2] * image.boxes_xywh[:, 3] <= SMALL_OBJECT_PX**2).any() for image in images)
