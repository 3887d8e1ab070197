"""Boxes outside their image, without size, tiny, huge, slivers, and too small for the input sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import Labelled, counts, entry, subject, texts

from objectives.data.check.boxes import check_boxes
from objectives.data.dataset import make_noted_image
from objectives.data.findings import Findings

GOOD: Labelled = (0, 20, 20, 40, 30)


@pytest.mark.parametrize(
    ("box", "code"),
    [
        ((0, -10, 20, 40, 30), "labels.outside"),
        ((0, 180, 20, 30, 30), "labels.outside"),
        ((0, 20, 90, 30, 15), "labels.outside"),
        ((0, 20, 20, 0, 30), "labels.no_size"),
        ((0, 20, 20, 40, 0.4), "labels.no_size"),
        ((0, 20, 20, -5, 30), "labels.no_size"),
        ((0, 20, 20, float("nan"), 30), "labels.no_size"),
        ((0, 20, 20, 40, 2), "labels.tiny"),
        ((0, 1, 1, 198, 98), "labels.huge"),
        ((0, 5, 20, 190, 3.5), "labels.sliver"),
    ],
)
def test_a_wrong_box_is_found(box: Labelled, code: str) -> None:
    found = list(check_boxes(subject(entry("a.jpg", [GOOD, box, GOOD]))))
    assert counts(found) == {code: 1}
    assert found[0].marks[0].boxes == (1,)


@pytest.mark.parametrize(
    "box", [GOOD, (0, -0.4, 0, 50, 50), (0, 100, 50, 100.4, 50), (0, 0, 0, 190, 95), (0, 5, 5, 190, 4)]
)
def test_a_good_box_is_none(box: Labelled) -> None:
    assert counts(check_boxes(subject(entry("a.jpg", [box])))) == {}


def test_a_box_whose_centre_is_outside_is_clipped_or_dropped_and_looks_misplaced() -> None:
    found = counts(check_boxes(subject(entry("a.jpg", [(0, 190, 20, 40, 30), (0, -300, 20, 40, 30)]))))
    assert found == {"labels.far_outside": 2, "labels.outside": 1, "labels.no_size": 1}


def test_boxes_of_one_image_are_one_spot_in_words() -> None:
    found = list(check_boxes(subject(entry("a.jpg", [(1, 20, 20, 0, 30), (0, 1, 1, 30, 0)]), entry("b.jpg", [GOOD]))))
    assert texts(found, "labels.no_size") == ["a.jpg: jar of 0 x 30 px at 20, 20 and 1 more"]
    assert counts(found) == {"labels.no_size": 2}


def test_boxes_that_the_largest_input_does_not_show() -> None:
    images = [entry("a.jpg", [(0, 20, 20, 40, 8), (0, 20, 20, 40, 9)]), entry("b.jpg", [(0, 0, 0, 40, 8)], split=None)]
    found = list(check_boxes(subject(*images, sizes_px=(32, 96))))
    assert texts(found, "labels.too_small") == ["a.jpg: can of 40 x 8 px at 20, 20, at an input of 96 px under 4"]
    assert counts(found) == {"labels.too_small": 1}
    assert counts(check_boxes(subject(*images, sizes_px=(32, 101)))) == {}
    assert counts(check_boxes(subject(*images))) == {}


def test_pictures_that_cannot_be_read_are_left_alone() -> None:
    assert counts(check_boxes(subject(entry("a.jpg", [(0, -500, 0, 1, 1)], size_px=None)))) == {}


@given(st.lists(st.tuples(*[st.floats(-150, 300, allow_nan=False)] * 4), max_size=8))
def test_what_is_mended_is_counted_alike(boxes: list[tuple[float, float, float, float]]) -> None:
    it = subject(entry("a.jpg", [(0, *box) for box in boxes]))
    findings = Findings()
    make_noted_image(it.entries[0].path, (200, 100), boxes, range(len(boxes)), findings)  # no two are one box
    mended = {finding.code: finding.count for finding in findings.made()}
    found = counts(check_boxes(it))
    for code in ("labels.no_size", "labels.outside"):
        assert found.get(code, 0) == mended.get(code, 0)
