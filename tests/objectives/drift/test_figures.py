"""Figures of images and of answers: what they measure, what they leave alone, how long they take."""

import time
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from objectives.drift.figures import ImageFigures, found_figures, image_figures
from objectives.predictions.record import LoggedBox, PredictionRecord
from spaces.errors import DataError


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    rng = np.random.default_rng(0)
    blocks = rng.integers(30, 220, (30, 40, 3), dtype=np.uint8)
    return cv2.resize(blocks, (800, 600), interpolation=cv2.INTER_NEAREST)


def record(boxes: tuple[LoggedBox, ...] = (), error: str = "", width: int | None = 200) -> PredictionRecord:
    return PredictionRecord(datetime(2026, 1, 1, tzinfo=UTC), "a.jpg", "v1", False, boxes, 3.0, width, 100, "", error)


def test_figures_of_known_images() -> None:
    halves = np.zeros((100, 100, 3), np.uint8)
    halves[:, 50:] = 255
    found = image_figures(halves)
    assert (found.brightness, found.contrast) == pytest.approx((0.5, 0.5))
    # The Laplacian is +1 and -1 on one column each side of the edge, 0 elsewhere: its deviation is sqrt(2 / 100).
    assert found.sharpness == pytest.approx(np.sqrt(0.02) / 0.5, rel=1e-5)
    assert image_figures(np.full((40, 30, 3), 51, np.uint8)) == ImageFigures(
        pytest.approx(0.2), pytest.approx(0, abs=1e-6), 0.0
    )


def test_darker_moves_brightness_and_blur_moves_sharpness(photo: np.ndarray) -> None:
    was = image_figures(photo)
    darker = image_figures(cv2.convertScaleAbs(photo, alpha=0.6))
    assert darker.brightness / was.brightness == pytest.approx(0.6, abs=0.01)
    assert darker.sharpness == pytest.approx(was.sharpness, rel=0.02)
    blurred = image_figures(cv2.GaussianBlur(photo, (0, 0), 4))
    assert blurred.brightness == pytest.approx(was.brightness, rel=0.01)
    assert blurred.sharpness < 0.7 * was.sharpness


def test_figures_are_kept_as_json(photo: np.ndarray) -> None:
    found = image_figures(photo)
    assert ImageFigures.from_json(found.to_json()) == found


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 4), (0, 10, 3)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="must be"):
        image_figures(np.zeros(shape, np.uint8))


def test_twelve_megapixels_take_less_than_their_grey_picture_and_blur() -> None:
    """A bound on time is a ratio: to one pass over all pixels by OpenCV; of processor time, which load hardly moves."""
    large = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), dtype=np.uint8)

    def least(work: object) -> float:
        spans = []
        for _ in range(5):
            start = time.process_time()
            work(large)  # type: ignore[operator]  # either of the two below
            spans.append(time.process_time() - start)
        return min(spans)

    assert least(image_figures) < least(lambda image: cv2.blur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (3, 3)))


def test_figures_of_an_answer() -> None:
    boxes = (
        LoggedBox("can", 0.9, (0, 0, 100, 50)),
        LoggedBox("can", 0.6, (0, 0, 20, 10)),
        LoggedBox("jar", 0.6, (0, 0, 40, 20)),
    )
    found = found_figures(record(boxes))
    assert found is not None
    assert found.classes == {"can": 2, "jar": 1}
    assert found.to_json() == pytest.approx({"count": 3, "object_size": 0.2, "confidence": 0.7})
    assert found.confidence_median == 0.6


def test_an_answer_without_boxes_or_size_leaves_figures_out() -> None:
    empty = found_figures(record())
    assert empty is not None
    assert empty.to_json() == {"count": 0}
    unsized = found_figures(record((LoggedBox("can", 0.5, (0, 0, 9, 9)),), width=None))
    assert unsized is not None
    assert unsized.to_json() == {"count": 1, "confidence": 0.5}
    assert found_figures(record(error="out of memory")) is None
