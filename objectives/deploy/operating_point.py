"""The operating point: what a detector finds at a confidence, and the confidence that a rule chooses on a split."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.confidence import SCORE_CONFIDENCE, UNCHOSEN_CONFIDENCE, Rule
from objectives.deploy.matches import IOUS, Matches

HALF = IOUS.index(0.5)


@dataclass(frozen=True)
class Found:
    """What a detector finds as deployed, IoU 0.5; over several classes all of them taken together (micro).

    Attributes:
        hits: detections that match an object each.
        detections: all of them.
        objects: all that there are.
    """

    hits: int
    detections: int
    objects: int

    @property
    def precision(self) -> float:
        """Share of detections that are hits; 0 where there are no detections."""
        return self.hits / self.detections if self.detections else 0.0

    @property
    def recall(self) -> float | None:
        """Share of objects that are found; None where there are no objects."""
        return self.hits / self.objects if self.objects else None

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing is hit."""
        return 2 * self.hits / (self.detections + self.objects) if self.hits else 0.0


@dataclass(frozen=True)
class Chosen:
    """A confidence that was chosen, and why it is not what was asked for; empty if it is."""

    confidence: float
    why_other: str = ""


def found_at(matches: Iterable[Matches], confidence: float) -> Found:
    """Count what is found above a confidence, over classes or in one of them."""
    hits = detections = objects = 0
    for one in matches:
        sure = one.scores > confidence
        hits += int(np.count_nonzero(one.is_hit[HALF] & sure))
        detections += int(np.count_nonzero(one.counts[HALF] & sure))
        objects += int(one.objects.sum())
    return Found(hits, detections, objects)


def choose(matches: Iterable[Matches], rule: Rule) -> Chosen:
    """Choose the confidence by the detections of a split, all classes taken together; of equal ones the highest.

    A recall that no confidence reaches is said, and the highest confidence that reaches the most is taken: a lower one
    brings false alarms alone. A detector that finds nothing keeps UNCHOSEN_CONFIDENCE.

    Args:
        matches: of all sizes, one a class.
        rule: how.
    """
    all_of_them = list(matches)
    objects = sum(int(one.objects.sum()) for one in all_of_them)
    scores, hits, detections = _curve(all_of_them)
    if not objects or not hits.any():
        return Chosen(UNCHOSEN_CONFIDENCE, f"nothing is found; the confidence stays {UNCHOSEN_CONFIDENCE:g}")
    if rule.recall is None:
        at = int(np.argmax(2 * hits / (detections + objects)))
        return Chosen(_just_below(scores, at))
    enough = np.flatnonzero(hits >= rule.recall * objects - 1e-9)
    if len(enough):
        return Chosen(_just_below(scores, int(enough[0])))
    at = int(np.argmax(hits))
    confidence = _just_below(scores, at)
    most = f"no confidence reaches a recall of {rule.recall:g}; the most is {hits[at] / objects:.3f}"
    return Chosen(confidence, f"{most}, from {confidence:g} down")


def _curve(matches: list[Matches]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the scores that occur, falling, and how many hits and detections there are from each on."""
    scores = np.concatenate([np.zeros(0), *(one.scores for one in matches)])
    is_hit = np.concatenate([np.zeros(0, dtype=bool), *(one.is_hit[HALF] for one in matches)])
    order = np.argsort(-scores, kind="stable")
    scores, is_hit = scores[order], is_hit[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, dtype=np.int64)
    return scores[last], np.cumsum(is_hit)[last], last + 1


def _just_below(scores: NDArray[np.float64], at: int) -> float:
    """Return a confidence that keeps `scores[at]` and drops the next lower one, of few digits where there is room.

    Scores are 32-bit floats, and the deployed program compares them as such.
    """
    high = float(scores[at])
    low = float(scores[at + 1]) if at + 1 < len(scores) else min(SCORE_CONFIDENCE, high)
    for digits in range(2, 7):
        middle = round((low + high) / 2, digits)
        if low < middle < high and np.float32(low) < np.float32(middle) < np.float32(high):
            return middle
    return low
