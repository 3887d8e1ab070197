"""Near-identical pictures: found as by comparing every two, in time that grows with the count and not its square."""

import time
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from picture_files import blobs
from PIL import Image

from objectives.data.pictures.examine import examine
from objectives.data.pictures.hashes import FLAT, looks_of
from objectives.data.pictures.near import RADIUS, near_clusters

PHOTO = cv2.cvtColor(blobs(1, (480, 320)), cv2.COLOR_RGB2GRAY)


def by_comparing_every_two(looks: list[int | None]) -> list[list[int]]:
    groups = [{i} for i, hash_ in enumerate(looks) if hash_ not in (None, FLAT)]
    for i, j in combinations(range(len(looks)), 2):
        one, other = looks[i], looks[j]
        if one and other and (one ^ other).bit_count() <= RADIUS:
            merged = [group for group in groups if i in group or j in group]
            groups = [group for group in groups if group not in merged] + [set().union(*merged)]
    return sorted(sorted(group) for group in groups if len(group) > 1)


@given(
    st.lists(st.integers(1, 2**64 - 1), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 63), max_size=9)), max_size=24),
    st.integers(0, 3),
)
def test_clusters_are_those_of_comparing_every_two(
    centres: list[int], members: list[tuple[int, list[int]]], blanks: int
) -> None:
    looks: list[int | None] = [None, FLAT][:blanks]
    for centre, bits in members:
        hash_ = centres[centre % len(centres)]
        for bit in bits:
            hash_ ^= 1 << bit
        looks.append(hash_)
    assert near_clusters(looks) == by_comparing_every_two(looks)


@pytest.mark.parametrize(
    "copy",
    [
        lambda photo: photo[::2, ::2],
        lambda photo: cv2.resize(photo, (200, 200)),
        lambda photo: cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0),
        lambda photo: (photo * 0.6 + 20).astype(np.uint8),
        lambda photo: cv2.GaussianBlur(photo, (0, 0), 2),
        lambda photo: cv2.add(photo, np.random.default_rng(0).integers(0, 25, photo.shape, np.uint8)),
    ],
)
def test_a_copy_of_a_picture_is_near(copy: object) -> None:
    changed: NDArray[np.uint8] = copy(PHOTO)  # type: ignore[operator]  # a function of the table above
    assert near_clusters([looks_of(PHOTO), looks_of(changed)]) == [[0, 1]]


def test_other_pictures_are_not_near() -> None:
    looks: list[int | None] = [looks_of(cv2.cvtColor(blobs(i), cv2.COLOR_RGB2GRAY)) for i in range(300)]
    assert near_clusters(looks) == []


def test_one_picture_in_several_formats_and_sizes_is_near(tmp_path: Path) -> None:
    photo = Image.fromarray(blobs(1, (960, 640)))
    names = ["a.jpg", "b.png", "c.webp", "d.tif", "e.bmp", "f.avif", "g.jp2"]
    for i, name in enumerate(names):
        photo.resize((960 // (i + 1), 640 // (i + 1))).save(tmp_path / name)
    assert near_clusters([examine(tmp_path / name).looks for name in names]) == [list(range(7))]


def test_blank_pictures_are_near_nothing(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    blank: list[int | None] = [looks_of(np.full((40, 60), grey, np.uint8)) for grey in (0, 7, 255)]
    noisy: list[int | None] = [looks_of(chance.integers(100, 104, (400, 600)).astype(np.uint8)) for _ in range(20)]
    assert set(blank + noisy) == {FLAT}
    assert near_clusters(blank + noisy) == []


def seconds(looks: list[int | None]) -> float:
    start = time.process_time()
    near_clusters(looks)
    return time.process_time() - start


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("kind", ["other pictures", "one camera", "half the bits alike", "one picture", "blank"])
def test_time_grows_with_the_count_and_not_with_its_square(kind: str) -> None:
    """Five times the pictures in less than 13 times the time: of every two there are 25 times as many."""
    chance = np.random.default_rng(0)

    def looks(count: int) -> list[int | None]:
        hashes = chance.integers(1, 2**64, count, dtype=np.uint64)
        if kind == "one camera":
            hashes[:] = hashes[0]
            for _ in range(8):
                hashes ^= np.left_shift(np.uint64(1), chance.integers(0, 64, count).astype(np.uint64))
        elif kind == "half the bits alike":
            hashes = hashes & np.uint64(0xFFFFFFFF) | np.uint64(1 << 40)
        elif kind == "one picture":
            hashes[:] = hashes[0]
        elif kind == "blank":
            hashes[:] = FLAT
        return hashes.tolist()  # type: ignore[no-any-return]  # a list of whole numbers

    few, many = looks(8_000), looks(40_000)
    assert seconds(many) < 13 * max(seconds(few), seconds(few), 0.02)
