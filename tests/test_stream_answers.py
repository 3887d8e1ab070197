"""What surrounds a pipeline in replays: servers that do as `current` and `rollout.json` say, a labeller, a judge."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered_stream import RenderedStream, class_names
from stream_answers import Answer, Servers, coco_of, label, map50_of, sample, served, steady
from window_detector import POOR, SIDE_PX, write_windows

from objectives.data.readers import read_dataset
from objectives.deploy.artifact import CONFIDENCE_KEY, META_KEY, ArtifactMeta
from objectives.deploy.detector import Detections

CLASSES = class_names({})


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> RenderedStream:
    return RenderedStream(tmp_path_factory.mktemp("stream"), images_week=2)


@pytest.fixture
def deployments(tmp_path: Path) -> Path:
    """Return two versions of a detector that takes what is red for cola; the first serves."""
    named = {"cola-classic": "red", "water-still": "blue"}
    own = {META_KEY: ArtifactMeta(SIDE_PX, "nms", tuple(named), 0.5).dump(), CONFIDENCE_KEY: "0.01"}
    for version, sizes in (("v0001", ((16, 28), (20, 36))), ("v0002", POOR)):
        (tmp_path / version).mkdir()
        write_windows(tmp_path / version / "model.onnx", sizes, named, own)
    (tmp_path / "current").symlink_to("v0001")
    return tmp_path


def servers(deployments: Path, stream: RenderedStream) -> Servers:
    return Servers(deployments, stream.images, steady({"v0002": 20.0}))


@pytest.mark.seconds
def test_the_log_says_what_the_deployed_file_finds(deployments: Path, stream: RenderedStream) -> None:
    records = servers(deployments, stream).day(stream.week(1))
    assert [record.image for record in records] == [
        photo.path for photo in sorted(stream.week(1), key=lambda photo: photo.at)
    ]
    assert {record.version for record in records} == {"v0001"}
    assert sum(len(record.boxes) for record in records) > 0
    assert all(box.score > 0.01 for record in records for box in record.boxes)
    assert all(record.latency_ms and 5 < record.latency_ms < 20 for record in records)


@pytest.mark.seconds
@pytest.mark.parametrize(("kind", "share"), [("shadow", 0.0), ("canary", 0.5)])
def test_a_rollout_brings_the_challenger_in(deployments: Path, stream: RenderedStream, kind: str, share: float) -> None:
    (deployments / "rollout.json").write_text(json.dumps({"kind": kind, "version": "v0002", "share": share}))
    records = servers(deployments, stream).day(stream.week(1))
    of_challenger = [record for record in records if record.version == "v0002"]
    photos = len(stream.week(1))
    if kind == "shadow":
        assert len(records) == 2 * photos
        assert [record.shadow for record in of_challenger] == [True] * photos
    else:
        assert len(records) == photos
        assert 0 < len(of_challenger) < photos
        assert not any(record.shadow for record in of_challenger)


def test_nothing_is_served_before_there_is_a_pointer(tmp_path: Path) -> None:
    assert served(tmp_path) is None
    (tmp_path / "current").write_text("v0003\n")  # where links cannot be made
    now = served(tmp_path)
    assert now
    assert (now.current, now.challenger) == ("v0003", None)


@pytest.mark.seconds
def test_the_truth_itself_is_judged_perfect_and_half_of_it_half(stream: RenderedStream) -> None:
    photos = stream.week(1)
    place = {name: i for i, name in enumerate(CLASSES)}

    def answers(step: int) -> list[Answer]:
        found = []
        for i, photo in enumerate(photos):
            boxes = photo.boxes if i % step == 0 else ()
            labels = np.array([place[box.label] for box in boxes], np.int64)
            corners = np.array([box.box_xyxy for box in boxes], np.float64).reshape(-1, 4)
            found.append(Answer(photo, "v0001", tuple(CLASSES), Detections(corners, np.ones(len(labels)), labels)))
        return found

    assert map50_of(answers(1), CLASSES) == pytest.approx(1.0)
    assert 0.2 < map50_of(answers(2), CLASSES) < 0.8
    assert map50_of([], CLASSES) == 0.0


def test_labels_come_back_for_the_images_that_were_handed_over(stream: RenderedStream, tmp_path: Path) -> None:
    known, hand_over, labels = stream.known([1, 2]), tmp_path / "0001", tmp_path / "labels"
    (hand_over / "images").mkdir(parents=True)
    chosen = stream.week(1)[:3]
    for i, photo in enumerate(chosen):
        os.link(stream.images / photo.path, hand_over / "images" / f"renamed-{i}.jpg")
    cv2.imwrite(str(hand_over / "images" / "stranger.png"), np.zeros((8, 8, 3), np.uint8))
    assert label(hand_over, known, CLASSES, labels) == 3
    assert label(hand_over, known, CLASSES, labels) == 0  # once
    read = read_dataset(labels / "0001")
    given = {image.path.name: len(image.boxes_xywh) for images in read.splits.values() for image in images}
    assert given == {f"renamed-{i}.jpg": len(photo.boxes) for i, photo in enumerate(chosen)}
    assert set(read.classes) <= set(CLASSES)


def test_a_sample_is_drawn_at_random_from_a_week(stream: RenderedStream, tmp_path: Path) -> None:
    photos = stream.week(1)
    assert sample(photos, 4, stream.images, CLASSES, tmp_path / "random", seed=0) == 4
    read = read_dataset(tmp_path / "random")
    names = {image.path.name for images in read.splits.values() for image in images}
    assert len(names) == 4
    assert names < {Path(photo.path).name for photo in photos}
    boxes = sum(len(image.boxes_xywh) for images in read.splits.values() for image in images)
    assert boxes == sum(len(photo.boxes) for photo in photos if Path(photo.path).name in names)
    assert len(coco_of(photos, CLASSES)["annotations"]) == sum(len(photo.boxes) for photo in photos)
