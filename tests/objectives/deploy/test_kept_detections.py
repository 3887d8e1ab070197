"""Detections of a trial in a small file: the same again, everything above the floor, known again by their labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_errors import Row, detected, labelled

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.kept_detections import (
    KEPT_LEAST,
    LEAST_FLOOR,
    KeptDetections,
    floor_of,
    keep_detections,
    places_in,
    read_kept,
    write_kept,
)
from spaces.errors import AutomlError

BOXES = [(100, 100, 50, 80), (300, 20, 10, 10)]


def split_of(count: int) -> list[LabelledImage]:
    return [labelled([(10 + i, 20, 30, 40)], [i % 3], f"{i}.jpg") for i in range(count)]


def one_each(images: list[LabelledImage], score: float = 0.5) -> KeptDetections:
    found = [detected([(10, 20, 30, 40, score, 1)]) for _ in images]
    return keep_detections(found, images, "val", 0.25)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.floats(-50, 1000), st.floats(-50, 1000), st.floats(1, 500), st.floats(1, 500),
                st.floats(0.0011, 1), st.integers(0, 2),
            ),
            max_size=5,
        ),
        max_size=4,
    )
)  # fmt: skip
def test_what_is_kept_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[list[Row]]) -> None:
    images = split_of(len(rows))
    found = [detected(sorted(of_image, key=lambda row: -row[4])) for of_image in rows]
    path = tmp_path_factory.mktemp("kept") / "found.npz"
    write_kept(keep_detections(found, images, "val, held out", 0.4), path)
    again = read_kept(path)
    assert (again.split, again.confidence, again.floor) == ("val, held out", 0.4, LEAST_FLOOR)
    for one, kept in zip(found, again.found, strict=True):
        above = one.scores > LEAST_FLOOR
        assert kept.scores.tolist() == one.scores[above].tolist()  # to the last bit: confidences cut there
        assert kept.classes.tolist() == one.classes[above].tolist()
        assert kept.boxes_xyxy.tolist() == one.boxes_xyxy[above].astype(np.float32).tolist()
    assert places_in(again, images) == list(range(len(images)))


@given(st.lists(st.sampled_from([0.005, 0.02, 0.3, 0.300001, 0.5, 0.9, 1.0])), st.integers(1, 6))
def test_the_floor_is_the_lowest_above_which_few_enough_are(scores: list[float], most: int) -> None:
    floor = floor_of(np.array(scores), most)
    assert sum(score > floor for score in scores) <= most
    lower = [other for other in (LEAST_FLOOR, *scores) if LEAST_FLOOR <= other < floor]
    assert all(sum(score > other for score in scores) > most for other in lower)
    assert floor >= LEAST_FLOOR


def test_of_very_many_the_surest_of_all_images_are_kept() -> None:
    images = split_of(2)
    rng = np.random.default_rng(0)
    count = KEPT_LEAST  # in each of two images: half of them all
    found = [
        Detections(
            np.tile([0.0, 0, 9, 9], (count, 1)), np.sort(rng.uniform(0.1, low, count))[::-1], np.zeros(count, int)
        )
        for low in (0.5, 1.0)
    ]
    kept = keep_detections(found, images, "val", 0.25)
    assert sum(len(one.scores) for one in kept.found) == KEPT_LEAST
    assert len(kept.found[1].scores) > 2 * len(kept.found[0].scores)
    everything = np.concatenate([one.scores for one in found])
    assert np.count_nonzero(everything > kept.floor) == KEPT_LEAST


def test_the_file_of_a_thousand_images_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    images = [labelled(rng.uniform(50, 400, (7, 4)), rng.integers(0, 3, 7), f"{i}.jpg") for i in range(1000)]
    found = []
    for image in images:
        scores = np.sort(rng.beta(0.15, 3, 300).astype(np.float32).astype(float))[::-1]  # most are next to nothing
        boxes = image.boxes_xywh[rng.integers(0, 7, 300)] + rng.normal(0, 20, (300, 4))
        corners = np.hstack([boxes[:, :2], boxes[:, :2] + np.abs(boxes[:, 2:])])
        found.append(Detections(corners, scores, rng.integers(0, 3, 300)))
    write_kept(keep_detections(found, images, "val", 0.25), tmp_path / "found.npz")
    assert (tmp_path / "found.npz").stat().st_size < 400_000


def test_images_are_known_again_by_their_labels_and_by_their_names_where_these_are_alike() -> None:
    images = [*split_of(4), labelled([], [], "empty-a.jpg"), labelled([], [], "empty-b.jpg")]
    kept = one_each(images)
    assert places_in(kept, images[::-1]) == [5, 4, 3, 2, 1, 0]
    renamed = [replace(image, path=Path(f"elsewhere/{i}.png")) for i, image in enumerate(images)]
    assert places_in(kept, renamed) == [0, 1, 2, 3, 4, 5]
    changed = [labelled([(1, 2, 3, 4)], [0], "0.jpg"), *images[1:]]
    assert places_in(kept, changed) == [None, 1, 2, 3, 4, 5]
    assert places_in(one_each(images[1::2]), images) == [1, 3, 5]  # a half of the split
    assert places_in(kept, []) == [None] * 6


@pytest.mark.parametrize("content", [b"", b"no file of ours", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "found.npz"
    path.write_bytes(content)
    with pytest.raises(AutomlError, match=r"found.npz' is damaged"):
        read_kept(path)


def test_a_cut_file_a_file_of_other_lengths_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "found.npz"
    write_kept(one_each(split_of(3)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AutomlError, match="is damaged"):
        read_kept(path)
    path.write_bytes(whole)
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files}
    np.savez_compressed(path, **{**parts, "counts": np.array([1, 1, 9], "<u4")})
    with pytest.raises(AutomlError, match="is damaged"):
        read_kept(path)
    np.savez_compressed(path, **{**parts, "head": np.frombuffer(b'{"format": 2}', np.uint8)})
    with pytest.raises(AutomlError, match="has format 2, and this automl reads 1; update automl"):
        read_kept(path)
    with pytest.raises(AutomlError, match="is not there"):
        read_kept(tmp_path / "nothing.npz")
