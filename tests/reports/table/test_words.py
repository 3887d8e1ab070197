"""Words of a detector: one of ours by its parts, a whole published one by its name."""

from typing import Any

import pytest

from reports.table.words import architecture

OURS = {"backbone.name": "yolo11", "backbone.width": 0.25, "backbone.depth": 0.5, "size.pixels": 320}
WHOLE = {**OURS, "neck.kind": "own"}


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (
            {**OURS, "neck.width": 16, "neck.depth": 1, "head.kind": "nms"},
            "yolo11 w0.25 d0.5 · pan 16x1 · nms · 320 px",
        ),
        (WHOLE, "yolo11n · own neck · nms · 320 px"),
        ({**WHOLE, "backbone.name": "yolo26", "backbone.width": 1}, "yolo26m · own neck · end2end · 320 px"),
        (
            {**WHOLE, "backbone.width": 0.125, "prune.ratio": 0.2},
            "yolo11 w0.125 d0.5 · own neck · nms · 320 px · cut 0.2",
        ),
        ({"backbone.name": "rtdetr-l", "neck.kind": "own"}, "rtdetr-l · own neck · rtdetr"),
    ],
)
def test_a_detector_in_words(candidate: dict[str, Any], words: str) -> None:
    assert architecture(candidate) == words
