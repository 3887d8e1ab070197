"""Boxes that are there twice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from subjects import counts, entry, subject, texts

from objectives.data.check.overlaps import SAME_IOU, _same_places, check_overlaps
from objectives.data.dataset import drop_repeats, make_image

GOOD = (0, 20, 20, 40, 30)


def test_a_repeated_box_is_counted_once_for_each_repeat() -> None:
    found = list(check_overlaps(subject(entry("a.jpg", [GOOD, GOOD, GOOD]), entry("b.jpg", [GOOD]))))
    assert counts(found) == {"labels.duplicate_box": 2}
    assert found[0].marks[0].boxes == (1, 2)


def test_a_box_drawn_twice_by_hand_and_one_with_two_classes() -> None:
    found = list(
        check_overlaps(subject(entry("a.jpg", [GOOD, (0, 21, 20, 40, 30), (1, 100, 20, 40, 30), (0, 100, 20, 40, 30)])))
    )
    assert counts(found) == {"labels.near_duplicate_box": 1, "labels.two_classes": 1}
    assert texts(found, "labels.two_classes") == ["a.jpg: can of 40 x 30 px at 100, 20, also jar"]


def test_neighbours_are_no_repeats() -> None:
    boxes = [(0, 20 + 5 * i, 20 + 5 * j, 40, 30) for i in range(6) for j in range(6)]
    assert counts(check_overlaps(subject(entry("a.jpg", boxes)))) == {}


def test_an_image_of_very_many_boxes_is_swept() -> None:
    rng = np.random.default_rng(3)
    boxes = [(0, *rng.uniform(0, 2000, 2), 12, 12) for _ in range(5000)]
    found = counts(check_overlaps(subject(entry("a.jpg", [*boxes, boxes[7]], size_px=(2100, 2100)))))
    assert found["labels.duplicate_box"] == 1


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(10, 13)] * 2), max_size=9))
def test_the_sweep_finds_all_pairs(boxes: list[tuple[int, ...]]) -> None:
    """An oracle: intersection over union of every two."""
    xywh = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    expected = set()
    for i, (x, y, w, h) in enumerate(xywh):
        for j in range(i):
            other = xywh[j]
            across = min(x + w, other[0] + other[2]) - max(x, other[0])
            down = min(y + h, other[1] + other[3]) - max(y, other[1])
            shared = max(across, 0) * max(down, 0)
            if shared >= SAME_IOU * (w * h + other[2] * other[3] - shared):
                expected.add((j, i))
    assert {(min(pair), max(pair)) for pair in _same_places(xywh)} == expected


@given(st.lists(st.tuples(st.integers(0, 1), *[st.integers(0, 3)] * 2, *[st.integers(5, 6)] * 2), max_size=9))
def test_what_the_reader_drops_as_repeated_is_counted(boxes: list[tuple[int, int, int, int, int]]) -> None:
    image, _ = make_image(entry("a.jpg").path, (200, 100), [box[1:] for box in boxes], [box[0] for box in boxes])
    found = counts(check_overlaps(subject(entry("a.jpg", boxes))))
    assert found.get("labels.duplicate_box", 0) == drop_repeats(image)[1]
