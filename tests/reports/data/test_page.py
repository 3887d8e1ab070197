"""The check of a data set as a page: pictures of what was found, nothing of the user's as HTML, nothing loaded."""

import base64
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from subjects import Labelled, entry, picture, subject

from objectives.data.check.boxes import check_boxes
from objectives.data.check.copies import check_copies
from objectives.data.check.run import CheckReport, run_checks
from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject
from reports.data.page import render_check, write_check_page
from reports.data.thumbnails import MARKED_BGR, SIDE_PX, thumbnails

HOSTILE = "</li><script>window.hacked = 1</script><img src=x onerror=alert(1)> & \"'{{7*7}}"


def card(*classes: str) -> dict[str, object]:
    counts = dict.fromkeys(classes, 0)
    return {
        "name": HOSTILE,
        "root": f"/data/{HOSTILE}",
        "classes": list(classes),
        "splits": {"train": {"images": 2, "background": 0, "boxes": 0, "per_class": counts}},
    }


def photo(root: Path, name: str, boxes: list[Labelled], size_px: tuple[int, int] = (200, 100)) -> CheckedImage:
    """Write an image of an even green, and return its entry."""
    root.mkdir(exist_ok=True)
    pixels = np.full((size_px[1], size_px[0], 3), (40, 160, 40), np.uint8)
    (root / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return entry(name, boxes, size_px=size_px, root=root)


def checked(it: Subject) -> CheckReport:
    return run_checks(it, card(*it.classes), [check_boxes, check_copies])


def decoded(source: str) -> np.ndarray:
    data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def reddish(pixels: np.ndarray) -> np.ndarray:
    """Return where a picture has about the colour of marked boxes."""
    return np.abs(pixels.astype(int) - MARKED_BGR).max(axis=2) < 60


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def test_the_box_in_question_is_drawn_where_it_lies(tmp_path: Path) -> None:
    it = subject(photo(tmp_path, "a.png", [(0, 20, 20, 40, 30), (1, 100, 40, 150, 40)]), root=tmp_path)
    (shown,) = thumbnails(checked(it).spots, it)["labels.outside"][0]
    pixels = decoded(shown.source)
    assert pixels.shape == (SIDE_PX // 2, SIDE_PX, 3)
    assert shown.name == "a.png (train)"
    where = np.argwhere(reddish(pixels[int(40 * 2.3) :]))
    scale = SIDE_PX / 200
    assert where[:, 1].min() == pytest.approx(100 * scale, abs=4)
    assert not reddish(pixels)[:, : int(90 * scale)].any()  # the other box is thin, of another colour


def test_a_tiny_box_is_shown_with_its_surroundings_alone(tmp_path: Path) -> None:
    it = subject(photo(tmp_path, "a.png", [(0, 1500, 700, 2, 2)], (2000, 1000)), root=tmp_path)
    (shown,) = thumbnails(checked(it).spots, it)["labels.tiny"][0]
    pixels = decoded(shown.source)
    assert pixels.shape == (SIDE_PX, SIDE_PX, 3)
    where = np.argwhere(reddish(pixels))
    assert np.abs(where.mean(axis=0) - SIDE_PX / 2).max() < 40


def test_pairs_are_shown_side_by_side(tmp_path: Path) -> None:
    first = photo(tmp_path, "a.png", [(0, 20, 20, 40, 30)])
    second = CheckedImage(**{**vars(photo(tmp_path, "b.png", [(0, 20, 20, 40, 30)])), "split": "val"})
    it = subject(first, second, root=tmp_path)
    page = render_check(checked(it))
    shots = re.findall(r'<div class="shot several">.*?</div>', page, re.DOTALL)
    assert len(shots) == 1
    assert shots[0].count("<img") == 2


@pytest.mark.parametrize("broken", [b"", b"\xff\xd8\xff no picture", None])
def test_an_image_that_cannot_be_shown_is_named(tmp_path: Path, broken: bytes | None) -> None:
    if broken is not None:
        (tmp_path / "a.jpg").write_bytes(broken)
    it = subject(entry("a.jpg", [(0, 1, 1, 9, 9)], root=tmp_path), root=tmp_path)
    spots = {"images.unreadable": (Spot("images.unreadable", "a.jpg", 1, (Mark(it.entries[0].path, "train"),)),)}
    (shown,) = thumbnails(spots, it)["images.unreadable"][0]
    assert (shown.source, shown.name) == ("", "a.jpg (train)")
    assert "cannot be shown" in render_check(run_checks(it, card("can"), [lambda _: spots["images.unreadable"]]))


def test_what_the_index_found_broken_is_not_opened(tmp_path: Path) -> None:
    """It may be a bomb."""
    known = picture("a.png", problem="images.too_large", root=tmp_path)
    one = CheckedImage(**{**vars(photo(tmp_path, "a.png", [(0, -5, 20, 40, 30)])), "picture": known})
    (shown,) = thumbnails(checked(subject(one, root=tmp_path)).spots, subject(one, root=tmp_path))["labels.outside"][0]
    assert shown.source == ""


@pytest.mark.parametrize(
    "box",
    [
        (0, float("nan"), 1, 9, 9),
        (0, 1e300, 1e300, 9, 9),
        (0, -1e9, -1e9, 2e9, 2e9),
        (0, 5, 5, -3, -3),
        (0, 5, 5, float("inf"), 4),
    ],
)
def test_boxes_that_are_no_boxes_are_no_obstacle(tmp_path: Path, box: Labelled) -> None:
    it = subject(photo(tmp_path, "a.png", [box, (0, 20, 20, 40, 30)]), root=tmp_path)
    report = checked(it)
    assert all(shown.source for row in thumbnails(report.spots, it).values() for shots in row for shown in shots)


def test_nothing_of_the_users_is_html_and_nothing_is_loaded(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "")
    it = subject(photo(tmp_path, f"{name}.png", [(0, -5, 20, 40, 30)]), classes=(HOSTILE, "jar"), root=tmp_path)
    page = write_check_page(checked(it), tmp_path / "deeper" / "check.html").read_text()
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.tags
    assert page.count("<img") == 1
    assert all(source.startswith(("data:image/jpeg;base64,", "#")) for source in tags.sources)
    assert "window.hacked" in page  # as text
    assert "{{7*7}}" in page
    assert "url(" not in page
    assert "@import" not in page


def test_a_clean_set_says_so() -> None:
    page = render_check(CheckReport(subject(), card("can"), (), {}))
    assert "Nothing was found." in page
    assert "<article" not in page


BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.skipif(not BROWSER, reason="no chromium or google-chrome on this machine")
@pytest.mark.parametrize("width", [500, 1400])
def test_nothing_is_wider_than_the_window(tmp_path: Path, width: int) -> None:
    """In a real browser, with long names of files and classes."""
    name = "deep" * 50
    it = subject(photo(tmp_path, f"{name}.png", [(0, -5, 20, 40, 30)]), classes=("can" * 80, "jar"), root=tmp_path)
    page = render_check(checked(it))
    script = "document.title = document.documentElement.scrollWidth > innerWidth ? 'wide' : 'fits ' + innerWidth"
    (tmp_path / "check.html").write_text(page.replace("</body>", f"<script>{script}</script></body>"))
    flags = f"--headless --no-sandbox --disable-gpu --no-first-run --dump-dom --window-size={width},900"
    command = [BROWSER, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "check.html").as_uri()]
    document = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert re.search(r"<title>(.*?)</title>", document)[1] == f"fits {width}"  # type: ignore[index]  # a page has a title
