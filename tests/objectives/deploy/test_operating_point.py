"""What is found at a confidence, and which one a rule chooses: against slow plain implementations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import score
from objectives.deploy.confidence import UNCHOSEN_CONFIDENCE, Rule, read_confidence
from objectives.deploy.detector import Detections
from objectives.deploy.matches import match
from objectives.deploy.operating_point import choose, found_at
from spaces.errors import SettingsError

CLASSES = ("can", "jar")
Box = tuple[int, int, int, int, float, int]  # left, top, width, height, score, class

boxes = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(4, 30), st.integers(4, 30))
score_steps = st.integers(1, 40).map(lambda step: float(np.float32(step / 41)))
labels = st.lists(st.tuples(boxes, st.integers(0, 1)), max_size=4)
detected = st.lists(st.tuples(boxes, score_steps, st.integers(0, 1)), max_size=6)
splits = st.lists(st.tuples(labels, detected), min_size=1, max_size=4)


def split_of(drawn: Any) -> tuple[list[Detections], list[LabelledImage]]:
    found, images = [], []
    for of_labels, of_detections in drawn:
        truth = np.array([box for box, _ in of_labels], float).reshape(-1, 4)
        classes = np.array([label for _, label in of_labels], np.int64)
        images.append(LabelledImage(Path("a.jpg"), 80, 80, truth, classes))
        rows = sorted(of_detections, key=lambda row: -row[1])
        sized = np.array([box for box, _, _ in rows], float).reshape(-1, 4)
        corners = np.hstack([sized[:, :2], sized[:, :2] + sized[:, 2:]])
        scores, kinds = [row[1] for row in rows], [row[2] for row in rows]
        found.append(Detections(corners, np.array(scores, float), np.array(kinds, np.int64)))
    return found, images


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two boxes left, top, right, bottom."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return float(common / (area - common))


def counted(found: list[Detections], images: list[LabelledImage], confidence: float) -> tuple[int, int, int]:
    """Hits, detections and objects as one counts by hand: the surest first, each takes the free label it covers most.

    Of labels that it covers alike the last, as COCO's.
    """
    hits = detections = objects = 0
    for one, image in zip(found, images, strict=True):
        objects += len(image.classes)
        free = set(range(len(image.classes)))
        for box, sure, kind in zip(one.boxes_xyxy, one.scores, one.classes, strict=True):
            if sure <= confidence:
                continue
            detections += 1
            best, most = None, 0.5
            for j in sorted(free):
                left, top, width, height = image.boxes_xywh[j]
                if image.classes[j] == kind and iou(box, np.array([left, top, left + width, top + height])) >= most:
                    best, most = j, iou(box, np.array([left, top, left + width, top + height]))
            if best is not None:
                free.discard(best)
                hits += 1
    return hits, detections, objects


def f1_of(hits: int, detections: int, objects: int) -> float:
    precision = hits / detections if detections else 0.0
    recall = hits / objects if objects else 0.0
    return 2 * precision * recall / (precision + recall) if hits else 0.0


@given(splits, st.floats(0, 0.99))
def test_what_is_found_is_what_the_hand_counts(drawn: Any, confidence: float) -> None:
    found, images = split_of(drawn)
    result = score(found, images, CLASSES, "val", confidence)
    hits, detections, objects = counted(found, images, confidence)
    assert result.confidence == confidence
    assert result.precision == pytest.approx(hits / detections if detections else 0.0)
    assert result.recall == (pytest.approx(hits / objects) if objects else None)
    assert result.f1 == pytest.approx(f1_of(hits, detections, objects))
    for k, name in enumerate(CLASSES):
        only = [
            Detections(d.boxes_xyxy[d.classes == k], d.scores[d.classes == k], d.classes[d.classes == k]) for d in found
        ]
        theirs = [
            LabelledImage(i.path, 80, 80, i.boxes_xywh[i.classes == k], i.classes[i.classes == k]) for i in images
        ]
        of_hits, _, of_objects = counted(only, theirs, confidence)
        assert result.per_class[name].recall == (pytest.approx(of_hits / of_objects) if of_objects else None)


@given(splits, st.sampled_from([None, 0.1, 0.5, 0.9, 1.0]))
def test_the_chosen_confidence_is_the_best_of_all(drawn: Any, recall: float | None) -> None:
    found, images = split_of(drawn)
    matched = match(found, images, CLASSES, ("all",)).values()
    chosen = choose(matched, Rule(recall))
    steps = [0.0011, *(step / 41 + 0.005 for step in range(41))]  # one between every two scores
    table = {c: counted(found, images, c) for c in steps}
    hits, detections, objects = counted(found, images, chosen.confidence)
    if not any(row[0] for row in table.values()):
        assert chosen.confidence == UNCHOSEN_CONFIDENCE
        assert "nothing is found" in chosen.why_other
    elif recall is None:
        assert f1_of(hits, detections, objects) == pytest.approx(max(f1_of(*row) for row in table.values()))
        assert not chosen.why_other
    else:
        most = max(row[0] for row in table.values())
        needed = min(recall * objects, most)
        assert hits >= needed - 1e-9
        fewer = [row for c, row in table.items() if row[0] >= needed - 1e-9 and row[1] < detections]
        assert not fewer  # no higher confidence does
        assert bool(chosen.why_other) == (most < recall * objects - 1e-9)


def test_the_chosen_confidence_separates_neighbours_in_32_bits() -> None:
    """The deployed program compares 32-bit scores."""
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    truth = LabelledImage(Path("a.jpg"), 80, 80, np.array([[0, 0, 20, 20]], float), np.zeros(1, np.int64))
    places = np.array([[0, 0, 20, 20], [50, 50, 70, 70]], float)
    found = [Detections(places, np.array([high, low], float), np.zeros(2, np.int64))]
    chosen = choose(match(found, [truth], CLASSES, ("all",)).values(), Rule())
    assert (np.array([high, low]) > chosen.confidence).tolist() == [True, False]


def test_a_recall_that_is_not_reached_is_said() -> None:
    truth = LabelledImage(
        Path("a.jpg"), 80, 80, np.array([[0, 0, 20, 20], [40, 40, 20, 20]], float), np.zeros(2, np.int64)
    )
    found = [Detections(np.array([[0, 0, 20, 20], [60, 0, 70, 9]], float), np.array([0.6, 0.2]), np.zeros(2, np.int64))]
    chosen = choose(match(found, [truth], CLASSES, ("all",)).values(), Rule(0.9))
    assert 0.2 < chosen.confidence < 0.6  # a lower one brings the false alarm alone
    assert chosen.why_other.startswith("no confidence reaches a recall of 0.9; the most is 0.500")
    at = found_at(match(found, [truth], CLASSES, ("all",)).values(), chosen.confidence)
    assert (at.precision, at.recall, at.f1) == (1.0, 0.5, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (0.3, 0.3),
        (0, 0.0),
        ("0.3", 0.3),
        ("best_f1", Rule()),
        ("recall_0.9", Rule(0.9)),
        ("recall >= 0.9", Rule(0.9)),
        ("recall_1", Rule(1.0)),
    ],
)
def test_a_confidence_is_a_score_or_a_rule(given: Any, read: Any) -> None:
    assert read_confidence(given, "latency.confidence") == read
    assert read_confidence(str(read), "latency.confidence") == read


@pytest.mark.parametrize("given", [1, -0.1, "high", "recall_0", "recall_1.5", "recall", None, True, float("nan")])
def test_what_is_neither_is_refused(given: Any) -> None:
    with pytest.raises(
        SettingsError, match=r"latency\.confidence: must be a score from 0 to under 1, best_f1, or recall_R"
    ):
        read_confidence(given, "latency.confidence")
