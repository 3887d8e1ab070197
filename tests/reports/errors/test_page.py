"""The page of errors, and its pictures: what users wrote is text, pictures show what they should."""

from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_errors import analysed, detected, labelled
from numpy.typing import NDArray
from rich.console import Console

from objectives.data.dataset import LabelledImage
from objectives.deploy.errors.analysis import Seen
from objectives.deploy.errors.looking import Unlabelled
from objectives.deploy.errors.next_images import Looked, NextImage
from objectives.deploy.errors.suspects import Suspect
from reports.errors.crops import SUSPECT_PX, suspect_crop
from reports.errors.page import SUSPECTS_DRAWN, NextToLabel, render_errors
from reports.errors.text import summary_of_errors, summary_of_unlabelled
from reports.table.console import open_console

EVIL = "<script>alert('x')</script>"
NAMES = (EVIL, "jar & 'lid'", "box")
CAN = (100, 100, 100, 100)


@pytest.fixture
def picture(tmp_path: Path) -> LabelledImage:
    path = tmp_path / "a<b>&.png"
    cv2.imwrite(str(path), np.full((1000, 1000, 3), 90, np.uint8))
    return replace(labelled([CAN, (500, 500, 60, 60)], [0, 1]), path=path)


def decoded(address: str) -> NDArray[np.uint8]:
    data = np.frombuffer(b64decode(address.removeprefix("data:image/jpeg;base64,")), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[return-value]  # 8-bit colour


def near(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """Return the number of pixels near a colour, BGR."""
    return int((np.abs(pixels.astype(int) - colour).max(axis=2) < 40).sum())


def test_what_users_wrote_is_text(picture: LabelledImage) -> None:
    found = detected([(*CAN, 0.9, 1), (800, 800, 60, 60, 0.8, 0)])
    page = render_errors(analysed([picture], [found], NAMES), None)
    assert EVIL not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "a&lt;b&gt;&amp;.png" in page
    assert "<script" not in page
    assert "http" not in page
    assert page.count("data:image/jpeg;base64,") == 3  # missing, wrong class, spurious


def test_a_page_without_errors_or_labels(picture: LabelledImage) -> None:
    page = render_errors(analysed([picture], [detected([(*CAN, 0.9, 0), (500, 500, 60, 60, 0.9, 1)])], NAMES), None)
    assert "none: no label is doubted" in page
    assert "Images to label next" not in page


def test_what_is_not_drawn_is_said(picture: LabelledImage) -> None:
    rows = [(10.0 * i, 900, 8, 8, 0.9, 2) for i in range(SUSPECTS_DRAWN + 5)]
    page = render_errors(analysed([picture], [detected(rows)], NAMES), None)
    assert page.count("data:image/jpeg;base64,") == SUSPECTS_DRAWN
    assert f"The first {SUSPECTS_DRAWN} are drawn." in page
    assert "All are in suspects.json." in page


def test_a_large_matrix_is_left_to_the_json(picture: LabelledImage) -> None:
    names = [f"class-{i}" for i in range(60)]
    page = render_errors(analysed([picture], [detected([(*CAN, 0.9, 1)])], names), None)
    assert "A matrix of 60 classes is too large to read here; errors.json holds it." in page
    assert '<table class="plain matrix">' not in page
    assert "<td>class-0</td><td>class-1</td>" in page  # the pair that was confused


def test_images_to_label_next_are_drawn(picture: LabelledImage, tmp_path: Path) -> None:
    looked = Looked(picture.path, (1000, 1000), detected([(*CAN, 0.3, 0)]), 0.5, np.zeros(1))
    found = Unlabelled(tmp_path, (looked,), (tmp_path / "broken<i>.jpg",), 2)
    page = render_errors(
        analysed([picture], [detected([])], NAMES), NextToLabel([NextImage(looked, 1.25, 0.625)], found)
    )
    assert "uncertainty 0.50, novelty 1.25" in page
    assert "2 are in the data set already and are left out." in page
    assert "1 cannot be decoded and are left out." in page


# Crops

LABEL, PROPOSED = (0, 159, 230), (233, 180, 86)


def crop_of(picture: LabelledImage, rows: list[tuple[float, ...]], kind: str) -> tuple[Suspect, NDArray[np.uint8]]:
    suspects = analysed([picture], [detected(rows)], NAMES).suspects
    suspect = next(suspect for suspect in suspects if suspect.kind == kind)
    return suspect, decoded(suspect_crop(suspect))


@pytest.mark.parametrize(
    ("rows", "kind", "has_label", "has_proposal"),
    [
        ([(800, 800, 60, 60, 0.9, 0)], "missing label", False, True),
        ([(*CAN, 0.9, 1)], "wrong class", True, True),
        ([(150, 100, 100, 100, 0.9, 0)], "misplaced box", True, True),
        ([], "spurious label", True, False),
    ],
)
def test_a_crop_shows_the_label_and_the_proposal(
    picture: LabelledImage, rows: list[tuple[float, ...]], kind: str, has_label: bool, has_proposal: bool
) -> None:
    _, pixels = crop_of(picture, rows, kind)
    assert max(pixels.shape) == SUSPECT_PX
    assert (near(pixels, LABEL) > 100) == has_label
    assert (near(pixels, PROPOSED) > 100) == has_proposal


@pytest.mark.parametrize(
    "box", [(0, 0, 5, 5), (995, 0, 5, 5), (0, 990, 1000, 10), (0, 0, 1000, 1000), (-50, -50, 90, 90)]
)
def test_a_crop_of_whatever_box_lies_inside_the_image(picture: LabelledImage, box: tuple[float, ...]) -> None:
    _, pixels = crop_of(
        replace(picture, boxes_xywh=np.zeros((0, 4)), classes=np.zeros(0, np.int64)), [(*box, 0.9, 2)], "missing label"
    )
    assert max(pixels.shape) == SUSPECT_PX
    assert near(pixels, PROPOSED) > 50


# Terminal


def printed(*parts: object) -> str:
    console: Console = open_console(width=300, record=True, soft_wrap=True)
    with console.capture() as captured:
        console.print(*parts)
    return captured.get()


def test_the_summary_names_what_is_worst(picture: LabelledImage) -> None:
    other = replace(picture, path=picture.path.with_name("b.png"))
    text = printed(summary_of_errors(analysed([picture, other], [detected([(*CAN, 0.9, 1)]), detected([])], NAMES)))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "trial 3 of retail on val of shelves"
    assert "labels  4: 1 found as another class, 3 missed" in lines
    assert "detections  1: 1 of another class" in lines
    assert f"confused  {EVIL} as jar & 'lid' 1" in lines
    assert f"missed  jar & 'lid' 2 of 2, {EVIL} 1 of 2" in lines
    assert lines[-1] == "The detector was not trained on these images."


def test_the_summary_of_nothing(picture: LabelledImage) -> None:
    text = printed(summary_of_errors(analysed([picture], [detected([])], NAMES, Seen.TRAINED_ON)))
    assert "detections  none" in text
    assert "The detector was trained on these images: it has learnt their labels, wrong ones too" in text


def test_more_than_are_shown_are_counted(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(8)]
    image = labelled([CAN] * 8, range(8))
    text = printed(summary_of_errors(analysed([image], [detected([])], names)))
    assert "c4 1 of 1, and 3 more" in text
    unlabelled = Unlabelled(tmp_path, (), (tmp_path / "x.jpg", tmp_path / "y.jpg"), 0)
    assert "2 left out: they cannot be decoded (the first: x.jpg)" in printed(summary_of_unlabelled(unlabelled))
