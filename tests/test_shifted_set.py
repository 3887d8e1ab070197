"""A data set as a stream: nothing of it is in two places, the shift comes when it is said, labels stay with images."""

from pathlib import Path

import cv2
import numpy as np
from shifted_set import ShiftedSet

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset


def stream_of(folder: Path, blocks: Dataset, shift_week: int | None) -> ShiftedSet:
    stream = ShiftedSet(folder, blocks.root, 0.5, images_week=6, shift_week=shift_week, light=0.5, blur=0.02)
    stream.dataset = blocks  # which has no labels on the disk
    return stream


def mean_of(stream: ShiftedSet, week: int) -> float:
    return float(np.mean([np.asarray(cv2.imread(str(stream.images / one.path))).mean() for one in stream.week(week)]))


def test_the_first_rounds_images_never_arrive_again(blocks: Dataset, tmp_path: Path) -> None:
    stream = stream_of(tmp_path, blocks, None)
    first = read_dataset(stream.first())
    assert {split: len(images) for split, images in first.splits.items()} == {"train": 24, "val": 48}
    assert stream.weeks == 4
    photos = [photo for week in range(1, 5) for photo in stream.week(week)]
    given = [len(image.boxes_xywh) for image in blocks.splits["train"]]
    held = [len(image.boxes_xywh) for image in first.splits["train"]] + [len(photo.boxes) for photo in photos]
    assert sorted(held) == sorted(given)
    assert len({photo.sha256 for photo in photos}) == len(photos) == 24
    assert [photo.at for photo in photos] == sorted(photo.at for photo in photos)
    assert stream.week(5) == []


def test_the_shift_darkens_and_blurs_from_its_week_on(blocks: Dataset, tmp_path: Path) -> None:
    plain, shifted = (stream_of(tmp_path / str(week), blocks, week) for week in (None, 2))
    assert plain.week(1) == shifted.week(1)
    assert 0.45 < mean_of(shifted, 2) / mean_of(plain, 2) < 0.55
    for one, other in zip(plain.week(2), shifted.week(2), strict=True):
        assert (one.path, one.boxes) == (other.path, other.boxes)
        assert one.sha256 != other.sha256
