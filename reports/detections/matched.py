"""A trial's kept detections held against the labels once, so that any confidence is a matter of counting.

Matching takes the surest first, so what a detection is does not depend on those that are less sure: at any confidence
the detections above it are what they are among all. A label is found from the score of the detection that has taken it
on. What a label is confused with does depend on which labels are taken, and is worked out for one confidence at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import LabelledImage
from objectives.deploy.errors.matching import FOUND_IOU, OF_DETECTIONS, Kind, match
from objectives.deploy.kept_detections import KeptDetections, places_in
from objectives.deploy.matches import SIDES_PX

RIGHT, CONFUSED = OF_DETECTIONS.index(Kind.CORRECT), OF_DETECTIONS.index(Kind.CONFUSED)
BOX_SIZES = tuple(size for size in SIDES_PX if size != "all")


@dataclass(frozen=True, eq=False)
class MatchedImage:
    """One image, its labels, and its detections, the surest first.

    Attributes:
        key: place of the image in its split.
        image: with its labels.
        boxes_xyxy: (n, 4) of the detections, in pixels; they may reach beyond the image.
        scores: (n,) falling.
        classes: (n,) class indices.
        kinds: (n,) what each is: an index of OF_DETECTIONS.
        about: for each detection the labels that it may stand for: of a right one the label that it has taken; of a
            confused one those of other classes that it lies on, in the order in which it would take them; else the one
            that it is nearest to, none where nothing is near.
        found_from: (labels,) score of the right detection of each label; 0 where there is none.
    """

    key: int
    image: LabelledImage
    boxes_xyxy: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    kinds: NDArray[np.int64]
    about: tuple[tuple[int, ...], ...]
    found_from: NDArray[np.float64]

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Size of each detection, an index of BOX_SIZES: of a right one its label's, else its own box's."""
        own = sizes_of((self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]).prod(axis=1))
        for d in np.flatnonzero(self.kinds == RIGHT).tolist():
            own[d] = self.label_sizes[self.about[d][0]]
        return own

    @cached_property
    def label_sizes(self) -> NDArray[np.int64]:
        """Size of each label, an index of BOX_SIZES."""
        return sizes_of(self.image.boxes_xywh[:, 2:].prod(axis=1))

    def confused_with(self, confidence: float) -> NDArray[np.int64]:
        """Return for each label the class of the detection that stands for it though it is of another; -1 for none.

        Labels that are found, and what is not surer than `confidence`, are left out.
        """
        free = self.found_from <= confidence
        found = np.full(len(free), -1, dtype=np.int64)
        for d in np.flatnonzero((self.kinds == CONFUSED) & (self.scores > confidence)).tolist():
            taken = next((j for j in self.about[d] if free[j]), None)
            if taken is not None:
                free[taken], found[taken] = False, self.classes[d]
        return found


@dataclass(frozen=True, eq=False)
class MatchedSplit:
    """The images that a trial was scored on, with what it found there.

    Attributes:
        classes: class names by index.
        split: name of the images.
        confidence: as deployed.
        floor: everything scored above it is here.
        images: in the order of the split.
        lost: images that the trial was scored on, and that the data set does not have as they were.
    """

    classes: tuple[str, ...]
    split: str
    confidence: float
    floor: float
    images: tuple[MatchedImage, ...]
    lost: int

    @property
    def from_confidence(self) -> float:
        """The lowest confidence at which counts are those of the whole detector, the deployed one if that is one."""
        return max(self.confidence, self.floor)


def match_split(kept: KeptDetections, images: Sequence[LabelledImage], classes: Sequence[str]) -> MatchedSplit:
    """Match what a trial found with the labels of its split.

    Args:
        kept: as the trial has left it.
        images: the split, as the data set has it now.
        classes: class names by index.
    """
    places = places_in(kept, images)
    there = sorted((place, i) for i, place in enumerate(places) if place is not None)
    matched = tuple(_matched(place, images[place], kept, i) for place, i in there)
    return MatchedSplit(tuple(classes), kept.split, kept.confidence, kept.floor, matched, places.count(None))


def sizes_of(areas: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return COCO's size of boxes by their areas, px², as indices of BOX_SIZES."""
    sides = np.sqrt(np.maximum(areas, 0.0))
    return np.searchsorted([SIDES_PX[size][0] for size in BOX_SIZES[1:]], sides, side="right").astype(np.int64)


def _matched(place: int, image: LabelledImage, kept: KeptDetections, i: int) -> MatchedImage:
    one = match(kept.found[i], image)
    order = np.argsort(-one.found.scores, kind="stable")
    kinds = np.array([OF_DETECTIONS.index(one.kinds[d]) for d in order], dtype=np.int64)
    about = tuple(
        _about(d, one.overlaps[d], kind, one.labels, one.found.classes, image) for d, kind in _pairs(order, kinds)
    )
    found_from = np.zeros(len(image.classes))
    for d, kind in _pairs(order, kinds):
        if kind == RIGHT:
            found_from[one.labels[d]] = one.found.scores[d]
    found = one.found
    return MatchedImage(
        place, image, found.boxes_xyxy[order], found.scores[order], found.classes[order], kinds, about, found_from
    )


def _pairs(order: NDArray[np.int64], kinds: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return zip(order.tolist(), kinds.tolist(), strict=True)


def _about(
    d: int,
    overlaps: NDArray[np.float64],
    kind: int,
    labels: NDArray[np.int64],
    classes: NDArray[np.int64],
    image: LabelledImage,
) -> tuple[int, ...]:
    """Return the labels that a detection may stand for; of equal overlaps the last comes first, as in matching."""
    if kind != CONFUSED:
        return () if labels[d] < 0 else (int(labels[d]),)
    on = np.flatnonzero((image.classes != classes[d]) & (overlaps >= FOUND_IOU))
    return tuple(sorted(on.tolist(), key=lambda j: (-overlaps[j], -j)))
