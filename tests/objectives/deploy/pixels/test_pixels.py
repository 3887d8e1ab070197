"""Pixels and boxes without OpenCV: what NumPy computes is OpenCV's, to a stated tolerance."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from objectives.deploy.pixels.choose import pixel_work
from objectives.deploy.pixels.opencv import OpenCv
from objectives.deploy.pixels.plain import Plain

OPENCV, PLAIN = OpenCv(), Plain()
side = st.integers(1, 300)


def noise(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), side, side, side, side)
def test_resizing_is_opencvs_to_a_grey_level(seed: int, width: int, height: int, to_width: int, to_height: int) -> None:
    image = noise(seed, width, height)
    theirs, ours = (work.resize(image, to_width, to_height) for work in (OPENCV, PLAIN))
    assert ours.shape == theirs.shape == (to_height, to_width, 3)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_hardly_a_pixel_is_off() -> None:
    image = noise(0, 640, 480)
    off = [
        np.mean(OPENCV.resize(image, w, h) != PLAIN.resize(image, w, h))
        for w, h in ((320, 240), (299, 411), (900, 700))
    ]
    assert max(off) < 0.01


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), side, side, st.tuples(*[st.integers(0, 9)] * 4))
def test_borders_and_blobs_are_opencvs(seed: int, width: int, height: int, sides: tuple[int, int, int, int]) -> None:
    image = noise(seed, width, height)
    assert (PLAIN.surround(image, sides, 114) == OPENCV.surround(image, sides, 114)).all()
    theirs, ours = OPENCV.blob(image), PLAIN.blob(image)
    assert ours.dtype == theirs.dtype == np.float32
    assert np.abs(ours - theirs).max() <= 1e-7


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 200),
    st.sampled_from([0.3, 0.45, 0.5, 0.7, 1.0]),
    st.sampled_from([0, 1, 10]),
    st.sampled_from([0, 20]),
)
def test_nms_is_opencvs_index_by_index(seed: int, boxes: int, iou: float, grid: int, levels: int) -> None:
    """Equal scores, boxes that touch, repeat or are empty among them."""
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(-20, 100, (boxes, 2)), rng.uniform(0, 60, (boxes, 2))
    scores = rng.uniform(0, 1, boxes).astype(np.float32).astype(np.float64)
    if grid:
        corners, sides = np.round(corners / grid) * grid, np.round(sides / grid) * grid
    if levels:
        scores = np.round(scores * levels) / levels
    sized = np.hstack([corners, sides])
    theirs = OPENCV.suppress(sized, scores, 0.25, iou)
    assert PLAIN.suppress(sized, scores, 0.25, iou).tolist() == theirs.tolist()


def test_opencv_computes_where_it_is_installed() -> None:
    assert (pixel_work().name, PLAIN.name) == ("opencv", "numpy")
