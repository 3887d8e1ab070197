"""Detections on a board: those of the same file here, box for box, and the same score."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defaults import CPU
from numpy.typing import NDArray
from small_board import Board, make_board
from window_detector import SIDE_PX, write_windows

from objectives.deploy.board.detect import fitted, pack, unpack
from objectives.deploy.confidence import SCORE_CONFIDENCE
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.runtimes.open import open_artifact

RNG = np.random.default_rng(5)


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """Return an image with a few red and blue blocks."""
    image = np.full((height, width, 3), 128, np.uint8)
    for _ in range(4):
        x, y = int(RNG.integers(0, width - 40)), int(RNG.integers(0, height - 40))
        image[y : y + 36, x : x + 30] = (0, 0, 255) if RNG.random() < 0.5 else (255, 0, 0)
    return image


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return make_board(tmp_path_factory.mktemp("board"))


@pytest.mark.seconds
def test_a_board_finds_what_is_found_here(board: Board, tmp_path: Path) -> None:
    model = write_windows(tmp_path / "model.onnx")
    images = [picture(*sides) for sides in ((300, 200), (160, 160), (120, 260))]
    squares, places = zip(*(fitted(image, SIDE_PX, stretched=False) for image in images), strict=True)
    job: dict[str, Any] = {
        "device": asdict(CPU),
        "artifact": board.send(model),
        "images": [board.send(square) for square in squares],
        "confidence": SCORE_CONFIDENCE,
    }
    packed = board.run("detect", job)["done"]
    there = [place.back(found) for place, found in zip(places, unpack(packed), strict=True)]
    detector = Detector(open_artifact(model, CPU), SCORE_CONFIDENCE)
    for found, image in zip(there, images, strict=True):
        here = detector(image)
        assert len(here.scores) > 3
        assert found.classes.tolist() == here.classes.tolist()
        assert found.scores == pytest.approx(here.scores, abs=1e-5)
        assert np.abs(found.boxes_xyxy - here.boxes_xyxy).max() < 1e-3
    assert board.run("detect", {**job, "artifact": "../inputs/none.onnx"})["fault"] == "DataError"


def test_a_stretched_image_comes_back() -> None:
    image = picture(300, 100)
    square, place = fitted(image, 160, stretched=True)
    assert square.shape == (160, 160, 3)
    found = Detections(np.array([[80.0, 0.0, 160.0, 80.0]]), np.array([0.5]), np.array([1]))
    assert place.back(found).boxes_xyxy.tolist() == [[150.0, 0.0, 300.0, 50.0]]


def test_packed_detections_are_small_and_come_back() -> None:
    found = [
        Detections(RNG.uniform(-20, 700, (n, 4)), RNG.random(n, np.float32).astype(np.float64), RNG.integers(0, 80, n))
        for n in (300, 0, 1, 17)
    ]
    packed = pack(found)
    back = list(unpack(packed))
    assert len(str(packed)) < 318 * 36  # characters, of 24 bytes a box
    for one, other in zip(found, back, strict=True):
        assert other.scores.tolist() == one.scores.tolist()
        assert other.classes.tolist() == one.classes.tolist()
        assert other.boxes_xyxy.shape == one.boxes_xyxy.shape
        assert np.abs(other.boxes_xyxy - one.boxes_xyxy).max(initial=0) < 1e-4
    assert list(unpack(pack([]))) == []
