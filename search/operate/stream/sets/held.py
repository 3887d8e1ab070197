"""The fingerprint of what is held out: by class names, so that classes that are appended later do not change it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from objectives.compare.frozen import freeze
from objectives.data.dataset import Dataset, LabelledImage
from spaces.errors import DataError

HELD = ("val", "test")


def held_of(dataset: Dataset, classes: Sequence[str]) -> dict[str, str]:
    """Return the fingerprints of val and test, counted by the classes of the first version.

    Args:
        dataset: any version, or the first data set.
        classes: of the first version.

    Raises:
        DataError: an image of these splits has a class that the first version did not have.
    """
    found = {}
    for split in HELD:
        if split in dataset.splits:
            images = tuple(_by_first(image, dataset, classes, split) for image in dataset.splits[split])
            counted = replace(dataset, classes=tuple(classes), splits={split: images})
            found[split] = freeze(counted, split).fingerprint
    return found


def check_held(dataset: Dataset, wanted: Mapping[str, str], classes: Sequence[str]) -> None:
    """Check that val and test are those of the first version, byte by byte.

    Raises:
        DataError: one is not; the line says which, and what to do.
    """
    found = held_of(dataset, classes)
    for split in dict.fromkeys((*wanted, *found)):
        before, now = wanted.get(split, "none"), found.get(split, "none")
        if before != now:
            raise DataError(
                f"data.root: '{split}' of '{dataset.root}' has changed since the first round: it is {now} now, not "
                f"{before}; restore it, or begin a new pipeline: rounds are compared on it"
            )


def _by_first(image: LabelledImage, dataset: Dataset, classes: Sequence[str], split: str) -> LabelledImage:
    names = [dataset.classes[i] for i in image.classes.tolist()]
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise DataError(
            f"data.root: '{split}' of '{dataset.root}' has changed since the first round: it has the class "
            f"'{unknown[0]}' now; restore it, or begin a new pipeline"
        )
    return replace(image, classes=np.array([classes.index(name) for name in names], np.int64))
