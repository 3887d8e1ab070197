"""The page of a comparison: figures in their places, nothing of the user's as HTML, nothing loaded."""

import math
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from objectives.compare.bootstrap import PairedDifference, Resampling
from objectives.compare.comparison import ImageErrors, PairedComparison, Part, Pictured, Side
from objectives.compare.frozen import ClassMatch, FrozenSet
from objectives.compare.verdict import Rules, Ruling, judge
from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.records.records import Latency
from reports.compare.page import render_compare, write_compare_page
from reports.compare.text import compare_lines
from reports.compare.words import class_lines, images_line

HOSTILE = "</td><script>window.hacked = 1</script>&'{{7*7}}"
LATENCY = Latency(10.0, 11.0, 9.9, 10.1, 8.0, 100, 1.0, True, "", "device", 0)
DEVICE = {"name": "cpu", "runtime": "onnxruntime", "runtime_version": "1", "processor": "a core", "threads": 1}
UNKNOWN = PairedDifference(math.nan, math.nan, math.nan, math.nan)


@pytest.fixture
def found(tmp_path: Path) -> PairedComparison:
    path = tmp_path / "a&b.png"
    cv2.imwrite(str(path), np.full((60, 80, 3), 128, np.uint8))
    image = LabelledImage(path, 80, 60, np.array([[5, 5, 20, 20]], float), np.zeros(1, np.int64))
    frozen = FrozenSet("shelf", "/data/shelf", "val", (HOSTILE, "jar"), (image,), "contents-0123456789abcdef")
    boxes = Detections(np.array([[5, 5, 25, 25]], float), np.array([0.9]), np.zeros(1, np.int64))
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    better = PairedDifference(0.4, 0.5, 0.05, 0.15)
    errors = ImageErrors(0, 1, 0)
    return PairedComparison(
        champion=Side("old.onnx", "/a/old.onnx", "a" * 64, 1_000_000, 64, "nms", (HOSTILE,), LATENCY),
        challenger=Side(HOSTILE, "/a/new.onnx", "b" * 64, 2_000_000, 96, "end2end", (HOSTILE, "jar"), LATENCY),
        frozen=frozen,
        device=DEVICE,
        confidence=0.25,
        classes=ClassMatch((HOSTILE,), (), ("jar",), (), (), ("cap",)),
        map=better,
        map50=replace(better, low=-0.05),
        per_class=(Part(HOSTILE, 1, better, better),),
        per_size=(
            Part("small", 1, PairedDifference(0.4, 0.3, -0.2, -0.05), better),
            Part("large", 0, UNKNOWN, UNKNOWN),
        ),
        per_image=(errors,),
        pictured=(Pictured(errors, nothing, boxes),),
        resampling=Resampling(),
        rules=Rules(margin=0.1),
        judgement=judge(better, LATENCY, LATENCY, Rules(margin=0.02)),
        notes=("a note & more",),
    )


def test_the_page_shows_what_was_found_and_loads_nothing(found: PairedComparison, tmp_path: Path) -> None:
    page = write_compare_page(found, tmp_path / "pages" / "compare.html").read_text()
    assert "<strong>Promote the challenger.</strong>" in page
    assert "A note &amp; more." in page
    assert "<script" not in page
    assert "window.hacked" in page  # shown as a text
    assert page.count("data:image/jpeg;base64,") == 2
    assert not re.search(r"(src|href)=[\"']?(https?:|//)", page)
    assert "champion: 1 missed or false" in page
    assert "+0.050 to +0.150" in page


def test_bars_lie_where_their_intervals_do(found: PairedComparison) -> None:
    """The scale reaches 5 % beyond the farthest end, here -0.2: to 0.21 on both sides of the middle."""
    page = render_compare(found)
    bars = re.findall(r"span fill-(\w+)\" style=\"left: ([\d.]+)%; width: ([\d.]+)%", page)
    assert [tone for tone, *_ in bars] == ["gate", "muted", "failed", "gate"]  # none for what is unknown
    left, width = float(bars[0][1]), float(bars[0][2])
    assert left == pytest.approx(50 + 50 * 0.05 / 0.21, abs=0.02)
    assert width == pytest.approx(50 * 0.1 / 0.21, abs=0.02)
    assert float(re.findall(r"margin\" style=\"left: ([\d.]+)%", page)[0]) == pytest.approx(
        50 + 50 * 0.1 / 0.21, abs=0.02
    )


def test_words_name_the_classes_that_are_not_scored(found: PairedComparison) -> None:
    assert list(class_lines(found)) == [
        "not scored, class known to the challenger alone: jar",
        "not scored, class of a detector and not of the data set: cap",
    ]
    assert images_line(found).endswith("the challenger has fewer in 1 image, more in 0, as many in 0")
    texts = [str(line) for line in compare_lines(found)]
    assert texts[-3] == "promote the challenger"
    assert texts[-2].strip().startswith("the difference of mAP, +0.100, lies between")


def test_json_has_null_for_what_is_unknown(found: PairedComparison) -> None:
    values = found.to_json()
    assert values["per_size"][1]["map"] == {
        "champion": None,
        "challenger": None,
        "low": None,
        "high": None,
        "difference": None,
    }
    assert values["verdict"]["outcome"] == str(Ruling.PROMOTE)
    assert values["per_image"]["most_apart"][0]["champion_errors"] == 1
