"""The picture of what a detector finds."""

from pathlib import Path

import cv2
import numpy as np

from objectives.data.dataset import make_image
from objectives.deploy.detections_picture import COLOURS, draw_detections
from objectives.deploy.detector import Detections


def test_the_picture_is_a_jpeg_with_boxes(tmp_path: Path) -> None:
    grey = np.full((100, 200, 3), 90, np.uint8)
    images = []
    for i, size in enumerate([(200, 100), (100, 150)]):
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), cv2.resize(grey, size))
        images.append(make_image(path, size, [(10, 10, 40, 40)], [0])[0])
    sure = Detections(np.array([[100.0, 20, 180, 90], [5, 5, 40, 40]]), np.array([0.9, 0.1]), np.array([1, 0]))
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))
    out = tmp_path / "detections.jpg"
    draw_detections(out, images, [sure, nothing], ("can", "jar"), confidence=0.25)
    assert out.read_bytes()[:3] == b"\xff\xd8\xff"
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape == (660, 2 * 444, 3)
    assert not list(tmp_path.glob("*.partial*"))

    def near(colour: tuple[int, int, int]) -> int:
        return int((np.abs(sheet.astype(int) - colour).max(axis=2) < 60).sum())

    assert near(COLOURS[1]) > 500
    assert near(COLOURS[0]) == 0  # below the confidence
