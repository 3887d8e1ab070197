"""One decoder: what the index calls sound, trainer and scorer open alike; what it calls broken, neither meets."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_files import BROKEN, SIZE, SOUND, mutated
from small_data import draw
from ultralytics.data.utils import check_image
from ultralytics.utils.patches import imread

from objectives.data.pictures.decode import read_image
from objectives.data.pictures.examine import examine
from objectives.data.pictures.kinds import kind_of_file
from spaces.errors import DataError


def as_trained(path: Path) -> NDArray[np.uint8]:
    """Return what the trainer opens through the link that it is given; raises what the trainer raises."""
    link = path.with_name(f"000000{kind_of_file(path) or path.suffix.lower()}")
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    (height, width) = check_image(str(link))[1]
    pixels = imread(str(link))
    if pixels is None:
        raise FileNotFoundError(link)
    assert pixels.shape == (height, width, 3)
    return np.asarray(pixels)


@pytest.mark.parametrize("name", SOUND)
def test_index_trainer_and_scorer_open_alike(tmp_path: Path, name: str) -> None:
    path = SOUND[name](tmp_path)
    before = path.read_bytes()
    picture = examine(path)
    assert picture.problem is None
    assert picture.header is not None
    scored = read_image(path)
    assert scored.shape[1::-1] == picture.header.shown_px
    assert picture.header.shown_px == (SIZE[::-1] if "turned" in name else SIZE)
    # The trainer writes a JPEG anew that does not end with its end marker, at the best quality.
    apart = np.abs(as_trained(path).astype(int) - scored).max()
    assert apart <= (8 if name == "jpg with a trailer" else 0)
    assert path.read_bytes() == before  # the trainer mends what it reads; never the user's file
    assert picture.frames == (2 if "animated" in name or "mpo" in name or "pages" in name else 1)
    assert (";16" in picture.mode) == ("16 bit" in name and "jp2" not in name)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the trainer leaves files open
@pytest.mark.parametrize("name", BROKEN)
def test_what_the_trainer_would_refuse_has_a_problem(tmp_path: Path, name: str) -> None:
    problem, write = BROKEN[name]
    path = write(tmp_path)
    assert examine(path).problem == problem
    if name != "a jpg padded with zeros":  # that one the trainer takes, grey below the middle
        with pytest.raises(Exception, match=r".*"):
            as_trained(path)


@pytest.mark.seconds
@pytest.mark.filterwarnings("ignore")  # of broken EXIF
def test_of_mutated_files_those_without_a_problem_are_opened_alike(tmp_path: Path) -> None:
    chance, problems, opened = np.random.default_rng(7), set(), 0
    for name in SOUND:
        sound = SOUND[name](tmp_path).read_bytes()
        for how in range(12):
            path = tmp_path / "mutated.jpg"
            path.write_bytes(mutated(sound, chance, how))
            picture = examine(path)
            problems.add(picture.problem)
            if picture.problem is None and picture.header is not None:
                opened += 1
                trained, scored = as_trained(path), read_image(path)
                assert trained.shape[1::-1] == scored.shape[1::-1] == picture.header.shown_px
                assert kind_of_file(path) == ".jpg" or np.array_equal(trained, scored)
    assert {"images.unreadable", "images.truncated", "images.too_large", None} <= problems
    assert opened > 100


def test_a_small_image_has_a_problem(tmp_path: Path) -> None:
    assert examine(draw(tmp_path / "a.jpg", (60, 9))).problem == "images.too_small"
    assert examine(draw(tmp_path / "b.jpg", (60, 10))).problem is None


@pytest.mark.parametrize("name", ["text", "empty", "heic", "tif of floats", "tif of colour floats"])
def test_what_cannot_be_decoded_is_an_error_of_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be decoded; replace or remove it"):
        read_image(BROKEN[name][1](tmp_path))


def test_what_is_missing_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be decoded"):
        read_image(tmp_path / "none.jpg")
