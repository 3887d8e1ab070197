"""The frozen set: one split of a data set by its contents, and which of its classes two detectors can be scored on."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from objectives.data.dataset import Dataset, LabelledImage
from spaces.errors import DataError, nearest


@dataclass(frozen=True, eq=False)
class FrozenSet:
    """Images that both detectors are run on.

    Attributes:
        name: of the data set.
        root: where it lies.
        split: name of the split.
        classes: class names by index.
        images: the split.
        fingerprint: of class names, the bytes of each image and its boxes; neither of names of files nor of the folder.
    """

    name: str
    root: str
    split: str
    classes: tuple[str, ...]
    images: tuple[LabelledImage, ...]
    fingerprint: str

    @property
    def objects(self) -> dict[str, int]:
        """Boxes of each class."""
        labels = np.concatenate([np.zeros(0, np.int64), *(image.classes for image in self.images)])
        return dict(zip(self.classes, np.bincount(labels, minlength=len(self.classes)).tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return what is said of it."""
        values = {key: getattr(self, key) for key in ("name", "root", "split", "fingerprint")}
        return {**values, "images": len(self.images), "objects": sum(self.objects.values())}


def freeze(dataset: Dataset, split: str, wanted: str | None = None) -> FrozenSet:
    """Take a split of a data set.

    Args:
        dataset: the data set.
        split: name of the split.
        wanted: fingerprint that the split must have; None takes any.

    Raises:
        DataError: there is no such split, or it is not the one that is wanted.
    """
    if split not in dataset.splits:
        raise DataError(f"split: the data set has no '{split}'; it has {', '.join(dataset.splits)}")
    images = dataset.splits[split]
    fingerprint = replace(dataset, splits={split: images}).fingerprint
    if wanted is not None and wanted != fingerprint:
        raise DataError(
            f"frozen: '{split}' of '{dataset.root}' is {fingerprint} now, not {wanted}; compare on that set"
        )
    return FrozenSet(dataset.name, str(dataset.root), split, dataset.classes, images, fingerprint)


@dataclass(frozen=True)
class ClassMatch:
    """Classes by name: of the frozen set, and of both detectors.

    Attributes:
        scored: those of the set that both detectors know and the split has objects of.
        only_champion: those of the set that only the champion knows.
        only_challenger: likewise.
        unknown: those of the set that neither knows.
        without_objects: those that both know and the split has no object of.
        not_in_data: those that a detector knows and the set does not have; what is found of them does not count.
    """

    scored: tuple[str, ...]
    only_champion: tuple[str, ...]
    only_challenger: tuple[str, ...]
    unknown: tuple[str, ...]
    without_objects: tuple[str, ...]
    not_in_data: tuple[str, ...]


def match_classes(frozen: FrozenSet, champion: Collection[str], challenger: Collection[str]) -> ClassMatch:
    """Match the classes of two detectors with those of a set, by name.

    Raises:
        DataError: there is no class that both know and the split has objects of.
    """
    objects = frozen.objects
    both = [name for name in frozen.classes if name in champion and name in challenger]
    scored = tuple(name for name in both if objects[name])
    others = [name for name in dict.fromkeys([*champion, *challenger]) if name not in frozen.classes]
    if not scored:
        hint = next((found for name in frozen.classes if (found := nearest(name, others))), "")
        raise DataError(
            f"classes: no class of '{frozen.split}' ({', '.join(frozen.classes)}) is known to both detectors{hint}; "
            "names must be equal"
        )
    return ClassMatch(
        scored,
        tuple(name for name in frozen.classes if name in champion and name not in challenger),
        tuple(name for name in frozen.classes if name in challenger and name not in champion),
        tuple(name for name in frozen.classes if name not in champion and name not in challenger),
        tuple(name for name in both if not objects[name]),
        tuple(others),
    )
