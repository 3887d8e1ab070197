"""Labels that a detector doubts: where it is sure of itself, usually right, and disagrees with the label.

The kinds are those of ObjectLab (Tkachenko, Thyagarajan, Mueller: "ObjectLab: Automated Diagnosis of Mislabeled Images
in Object Detection Data", 2023): overlooked, swapped, badly located; and labels where nothing is found. A score is how
sure the detector is, times how often it is right about the like elsewhere in the split, so that scores of different
kinds can stand in one list. It is no probability: each suspect is to be looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.errors.matching import FOUND_IOU, NEAR_IOU, Kind, Matched, overlaps_of

ALIKE_AREAS = 2.0  # labels whose areas differ by this factor at most count as of one size
PEER_SHARE = 0.5  # of a detection's score, from which on others say how far it can be trusted
LIKELY = 0.5  # score from which on a suspect is counted as likely


class Doubt(StrEnum):
    """What may be wrong with a label."""

    MISSING = "missing label"
    WRONG_CLASS = "wrong class"
    MISPLACED = "misplaced box"
    SPURIOUS = "spurious label"


@dataclass(frozen=True)
class Suspect:
    """One label, or place without a label, that may be wrong.

    Attributes:
        kind: what may be wrong.
        score: 0 to 1, higher is more suspect.
        image: with its labels.
        box_xywh: what is proposed, left, top, width, height in pixels inside the image; of a spurious label its own.
        class_index: class that is proposed; of a spurious label its own.
        label: index of the label in its image; None where a label is missing.
        why: one line.
    """

    kind: Doubt
    score: float
    image: LabelledImage
    box_xywh: tuple[float, float, float, float]
    class_index: int
    label: int | None
    why: str

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"score: must lie in 0..1, got {self.score}")


def find_suspects(
    matched: Sequence[Matched], all_found: Sequence[Detections], classes: Sequence[str], confidence: float
) -> tuple[Suspect, ...]:
    """Return the labels that a detector doubts, the most suspect first; each label and detection at most once.

    Args:
        matched: the images of a split, with the detections above the deployed confidence.
        all_found: for each image, all detections, those of low scores included: they speak for a label, too.
        classes: class names by index.
        confidence: as deployed.
    """
    peers, found_of = _Peers(matched), _FoundLabels(matched)
    suspects: list[Suspect] = []
    for one, everything in zip(matched, all_found, strict=True):
        view = _View(one, everything, classes, confidence, peers, found_of)
        suspects += [*view.missing(), *view.wrong_classes(), *view.misplaced(), *view.spurious()]
    return tuple(sorted(suspects, key=lambda s: (-s.score, str(s.image.path), s.box_xywh)))


class _Peers:
    """How often detections of a class are right, over the whole split, by how sure they are."""

    def __init__(self, matched: Sequence[Matched]) -> None:
        classes = np.concatenate([np.zeros(0, np.int64), *(one.found.classes for one in matched)])
        scores = np.concatenate([np.zeros(0), *(one.found.scores for one in matched)])
        kinds = np.array([kind for one in matched for kind in one.kinds], dtype=np.str_)
        order = np.argsort(-scores, kind="stable")
        self._sorted = {}  # class -> scores, the surest first, and how many up to there are correct, and on a label
        for label in np.unique(classes).tolist():
            of_class = order[classes[order] == label]
            correct, labelled = kinds[of_class] == Kind.CORRECT, kinds[of_class] != Kind.BACKGROUND
            self._sorted[label] = scores[of_class], np.cumsum(correct), np.cumsum(labelled)

    def of(self, class_index: int, score: float) -> tuple[int, int, int]:
        """Return how many detections of a class are correct, lie on a label, and are there: those half as sure or more.

        Those of less would say more of how the detector guesses than of how far it can be trusted.
        """
        scores, correct, labelled = self._sorted[class_index]
        end = int(np.searchsorted(-scores, -score * PEER_SHARE, side="right"))
        return int(correct[end - 1]), int(labelled[end - 1]), end


class _FoundLabels:
    """Which labels of a class and size are found, over the whole split."""

    def __init__(self, matched: Sequence[Matched]) -> None:
        classes = np.concatenate([np.zeros(0, np.int64), *(one.image.classes for one in matched)])
        areas = np.concatenate([np.zeros(0), *(_areas(one.image) for one in matched)])
        correct = np.array([fate is Kind.CORRECT for one in matched for fate in one.fates], dtype=np.int64)
        order = np.argsort(areas, kind="stable")
        self._sorted = {}  # class -> areas in order, and how many labels up to there are found
        for label in np.unique(classes).tolist():
            of_class = order[classes[order] == label]
            self._sorted[label] = areas[of_class], np.concatenate([[0], np.cumsum(correct[of_class])])

    def like(self, class_index: int, area: float) -> tuple[int, int]:
        """Return how many labels of a class and about this area are found, and how many there are."""
        areas, found = self._sorted[class_index]
        first = int(np.searchsorted(areas, area / ALIKE_AREAS, side="left"))
        end = int(np.searchsorted(areas, area * ALIKE_AREAS, side="right"))
        return int(found[end] - found[first]), end - first


@dataclass(frozen=True, eq=False)
class _View:
    """One image, and what is known of its classes."""

    one: Matched
    everything: Detections
    classes: Sequence[str]
    confidence: float
    peers: _Peers
    found_of: _FoundLabels

    def missing(self) -> Iterator[Suspect]:
        """Yield sure detections where nothing is labelled."""
        one = self.one
        for d, kind in enumerate(one.kinds):
            if kind is Kind.BACKGROUND:
                overlap = float(one.overlaps[d].max(initial=0.0))
                _, labelled, others = self._others(d)
                score = one.found.scores[d] * _share(labelled, others) * (1 - overlap)
                over = f"no label overlaps it by more than {overlap:.0%}" if overlap >= 0.01 else "no label is there"
                why = f"{self._named(d)}, {over}; {labelled} of {others} other such detections lie on a label"
                yield self._suspect(Doubt.MISSING, score, d, None, why)

    def wrong_classes(self) -> Iterator[Suspect]:
        """Yield labels where another class is found that is surer than the label's own."""
        one = self.one
        for j, label in enumerate(one.image.classes.tolist()):
            about = (one.labels == j) & (one.found.classes != label) & (one.overlaps[:, j] >= FOUND_IOU)
            if not about.any():
                continue
            d = int(np.where(about, one.found.scores, -1.0).argmax())
            own = self._best_own(j)
            margin = float(one.found.scores[d]) - own
            if margin > 0:
                why = f"{self._named(d)}, labelled {self.classes[label]}, which is found there with {own:.0%}"
                yield self._suspect(Doubt.WRONG_CLASS, margin * self._right(d), d, j, why)

    def misplaced(self) -> Iterator[Suspect]:
        """Yield labels near which their class is found, at another place."""
        one = self.one
        for j, fate in enumerate(one.fates):
            if fate is not Kind.LOCALISATION:
                continue
            near = [d for d, kind in enumerate(one.kinds) if kind is Kind.LOCALISATION and one.labels[d] == j]
            d = max(near, key=lambda index: float(one.found.scores[index]))
            overlap = float(one.overlaps[d, j])
            score = one.found.scores[d] * self._right(d) * (1 - overlap)
            why = f"{self._named(d)}, and its label overlaps that by {overlap:.0%} alone"
            yield self._suspect(Doubt.MISPLACED, score, d, j, why)

    def spurious(self) -> Iterator[Suspect]:
        """Yield labels that no detection comes near, though others of their class and size are found."""
        image = self.one.image
        for j, fate in enumerate(self.one.fates):
            if fate is not Kind.MISSED:
                continue
            label, box = int(image.classes[j]), image.boxes_xywh[j]
            found, alike = self.found_of.like(label, float(box[2] * box[3]))
            evidence = self.evidence[j]
            near = (
                f"the surest detection near it has {evidence:.0%}" if evidence >= 0.01 else "nothing is found near it"
            )
            why = f"{near}; {found} of {alike - 1} other labels of {self.classes[label]} of its size are found"
            x, y, w, h = map(float, box)
            score = _share(found, alike - 1) * max(0.0, 1 - float(evidence) / self.confidence)
            yield Suspect(Doubt.SPURIOUS, score, image, (x, y, w, h), label, j, why)

    @cached_property
    def overlaps(self) -> NDArray[np.float64]:
        """Overlap of all detections, those of low scores included, with each label."""
        return overlaps_of(self.everything, self.one.image)

    @cached_property
    def evidence(self) -> NDArray[np.float64]:
        """Best score for each label, whatever the class; less where the detection lies less on it.

        A detection speaks for the label that it overlaps most, and not for its neighbours.
        """
        best = self.overlaps.max(axis=1, keepdims=True, initial=0.0)
        about = (self.overlaps >= NEAR_IOU) & (self.overlaps == best)
        near = np.where(about, np.minimum(1.0, self.overlaps / FOUND_IOU), 0.0)
        return np.asarray((near * self.everything.scores[:, None]).max(axis=0, initial=0.0))

    def _best_own(self, j: int) -> float:
        """Return the best score of a label's own class on it."""
        own = self.everything.classes == self.one.image.classes[j]
        on_it = self.overlaps[:, j] >= FOUND_IOU
        return float(self.everything.scores[own & on_it].max(initial=0.0))

    def _right(self, d: int) -> float:
        """Return how often detections like one that is not correct are correct, beside that one."""
        correct, _, others = self._others(d)
        return _share(correct, others)

    def _others(self, d: int) -> tuple[int, int, int]:
        """Return how many others of its class, and not much less sure, are correct, lie on a label, are there."""
        one = self.one
        correct, labelled, total = self.peers.of(int(one.found.classes[d]), float(one.found.scores[d]))
        kind = one.kinds[d]
        return correct - (kind is Kind.CORRECT), labelled - (kind is not Kind.BACKGROUND), total - 1

    def _named(self, d: int) -> str:
        found = self.one.found
        return f"{self.classes[int(found.classes[d])]} is found with {found.scores[d]:.0%}"

    def _suspect(self, kind: Doubt, score: float, d: int, label: int | None, why: str) -> Suspect:
        left, top, right, bottom = self.one.found.boxes_xyxy[d]
        width, height = self.one.image.width_px, self.one.image.height_px
        x, y = float(np.clip(left, 0, width)), float(np.clip(top, 0, height))
        box = (x, y, float(np.clip(right, 0, width)) - x, float(np.clip(bottom, 0, height)) - y)
        return Suspect(kind, float(score), self.one.image, box, int(self.one.found.classes[d]), label, why)


def _share(part: int, whole: int) -> float:
    """Return a share that is 0 where nothing is known, and grows towards the true one with what is known."""
    return part / (whole + 1)


def _areas(image: LabelledImage) -> NDArray[np.float64]:
    return np.asarray(image.boxes_xywh[:, 2] * image.boxes_xywh[:, 3])
