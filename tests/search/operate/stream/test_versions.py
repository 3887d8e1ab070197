"""Versions of the data set: what is held out stays as it was, byte by byte; nothing leaks; classes are appended."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import pytest
from small_stream import GROUP, NOW, Truth, arrive, coco_of, first_data, picture, stream_context

from objectives.compare.frozen import freeze
from objectives.data.readers import read_dataset
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus
from search.operate.stream.contract import DataVersion
from search.operate.stream.sets.record import read_record
from search.operate.stream.take_back import take_back
from search.operate.stream.take_in import take_in
from search.operate.stream.versions import make_version
from spaces.errors import DataError


@pytest.fixture
def context(tmp_path: Path) -> Iterator[OperateContext]:
    first_data(tmp_path / "first")
    made = stream_context(tmp_path, GROUP)
    yield made
    made.journal.close()


def round_of(context: OperateContext, number: int) -> DataVersion:
    """Make the version of a round and record it, as the operator does."""
    version = make_version(context, number)
    context.journal.record(FactKind.ROUND_BEGUN, context.now, {"why": [], "kinds": []}, number)
    context.journal.record(FactKind.VERSION_MADE, context.now, {"data": version.to_json()}, number)
    return version


def label(context: OperateContext, folder: Path, images: dict[str, Truth], name: str) -> None:
    """Take in what lies in the stream, and give labels of it back."""
    take_in(context)
    classes = dict.fromkeys(["red", "blue", *(box[0] for boxes in images.values() for box in boxes)])
    (folder / "labels" / f"{name}.json").write_text(json.dumps(coco_of(list(images.items()), classes)))
    assert take_back(context, None).labelled == len(images)


def arrived(folder: Path, store: str, seeds: range, days: float = 1) -> dict[str, Truth]:
    """Put pictures of a store into the stream; return their labels."""
    names = {seed: f"{store}/s{seed}.png" for seed in seeds}
    return {
        Path(name).name: arrive(folder / "stream", name, seed, NOW - timedelta(days=days))[1]
        for seed, name in names.items()
    }


def test_the_first_version_is_the_first_data_set(context: OperateContext, tmp_path: Path) -> None:
    version = round_of(context, 1)
    first = read_dataset(tmp_path / "first")
    assert version.fingerprint == first.fingerprint
    assert version.frozen == freeze(first, "val").fingerprint
    assert (version.folder, version.recent, version.searched) == ("data/0001/set", "", "data/0001/set")
    assert version.images == {"train": 6, "val": 6, "test": 6, "recent": 0}
    assert (version.classes, version.new_classes) == (("red", "blue"), ())
    assert read_dataset(context.paths.version(1).data).fingerprint == first.fingerprint
    assert make_version(context, 1) == version


@pytest.mark.seconds
def test_labels_come_into_train_and_recent_and_nothing_held_out_changes(
    context: OperateContext, tmp_path: Path
) -> None:
    first = round_of(context, 1)
    images = {
        **arrived(tmp_path, "store-a", range(1, 4)),  # a store that is trained on already
        **arrived(tmp_path, "store-g", range(11, 14)),  # one of the frozen val
        **arrived(tmp_path, "store-g", range(21, 23), days=90),  # no longer recent
        **arrived(tmp_path, "store-x", range(31, 33)),
    }
    images["s32.png"] = []  # labelled: nothing there
    label(context, tmp_path, images, "a")
    sides = {image.path: image.split for image in context.journal.images()}
    assert {side for path, side in sides.items() if path.startswith("store-a")} == {"train"}
    assert {side for path, side in sides.items() if path.startswith("store-g")} == {"recent"}
    version = round_of(context, 2)
    assert version.frozen == first.frozen
    assert version.images["train"] == 6 + 3 + (2 if sides["store-x/s31.png"] == "train" else 0)
    data = read_dataset(context.paths.folder / version.folder)
    assert {split: len(found) for split, found in data.splits.items()} == {
        key: count for key, count in version.images.items() if key != "recent"
    }
    recent = read_dataset(context.paths.folder / version.recent)
    assert len(recent.splits["val"]) == version.images["recent"] >= 3
    assert recent.classes == ("red", "blue")
    searched = read_dataset(context.paths.folder / version.searched)
    assert searched.fingerprint == version.fingerprint
    assert len(searched.splits["val"]) == version.images["val"] + version.images["recent"]
    contents = {split: {searched.contents[image.path] for image in searched.splits[split]} for split in searched.splits}
    assert contents["val"] == {one.contents[image.path] for one in (data, recent) for image in one.splits["val"]}
    assert contents["train"] == {data.contents[image.path] for image in data.splits["train"]}
    record = read_record(context.paths.version(2).record)
    assert record is not None
    assert "2 labelled images are in no split: of the recent side, older than 60 days" in record.left_out
    boxes = {image.path.name: len(image.classes) for image in data.splits["train"]}
    shas = {image.path: image.sha256 for image in context.journal.images()}
    assert boxes[f"{shas['store-a/s1.png']}.png"] == len(images["s1.png"])


@pytest.mark.seconds
def test_new_classes_are_appended_and_what_is_held_out_is_still_known(context: OperateContext, tmp_path: Path) -> None:
    first = round_of(context, 1)
    images = arrived(tmp_path, "store-a", range(1, 4))
    images["s1.png"] = [("amber", 10, 10, 40, 40)]  # before the others in the alphabet
    label(context, tmp_path, images, "a")
    second = round_of(context, 2)
    assert (second.classes, second.new_classes) == (("red", "blue", "amber"), ("amber",))
    assert second.frozen != first.frozen  # as comparisons know it, with the names of classes
    images = arrived(tmp_path, "store-a", range(4, 6))
    images["s4.png"] = [("aaa", 10, 10, 40, 40)]
    label(context, tmp_path, images, "b")
    third = round_of(context, 3)
    assert (third.classes, third.new_classes) == (("red", "blue", "amber", "aaa"), ("aaa",))


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("change", ["picture", "box", "lost", "class"])
def test_what_is_held_out_may_not_change(context: OperateContext, tmp_path: Path, split: str, change: str) -> None:
    round_of(context, 1)
    root = tmp_path / "first"
    content = json.loads((root / f"{split}.json").read_text())
    if change == "picture":
        path = root / content["images"][0]["file_name"]
        path.unlink()
        cv2.imwrite(str(path), picture(5000)[0])
    elif change == "box":
        content["annotations"][0]["bbox"][0] += 1
    elif change == "lost":
        content["images"].pop()
    else:
        content["categories"].append({"id": 9, "name": "green"})
        content["annotations"][0]["category_id"] = 9
    (root / f"{split}.json").write_text(json.dumps(content))
    with pytest.raises(DataError) as error:
        make_version(context, 2)
    assert str(error.value).startswith(f"data.root: '{split}' of '{root}' has changed since the first round: it ")
    assert "\n" not in str(error.value)
    assert not context.paths.version(2).folder.exists()


def test_nothing_that_is_trained_on_looks_like_what_is_held_out(context: OperateContext, tmp_path: Path) -> None:
    round_of(context, 1)
    held = tmp_path / "first/images/store-g-0.png"
    copies = tmp_path / "stream/store-a"
    copies.mkdir(parents=True)
    shutil.copy(held, copies / "copy.png")
    cv2.imwrite(str(copies / "near.jpg"), cv2.imread(str(held)))
    shutil.copy(tmp_path / "first/images/store-a-0.png", copies / "trained.png")
    for i, path in enumerate(copies.iterdir()):
        at = (NOW - timedelta(days=1 + i)).timestamp()
        os.utime(path, (at, at))
    box: Truth = [("red", 10, 10, 20, 20)]
    label(context, tmp_path, {"copy.png": box, "near.jpg": box, "trained.png": box}, "a")
    version = round_of(context, 2)
    assert version.images["train"] == 6
    record = read_record(context.paths.version(2).record)
    assert record is not None
    assert "2 labelled images are in no split: like an image of the first data set's val or test" in record.left_out
    assert "1 labelled images are in no split: in the first data set's train already" in record.left_out


def test_train_and_recent_do_not_look_alike(context: OperateContext, tmp_path: Path) -> None:
    round_of(context, 1)
    images = arrived(tmp_path, "store-g", range(11, 13))
    twin = tmp_path / "stream/store-a/twin.jpg"
    twin.parent.mkdir(parents=True)
    cv2.imwrite(str(twin), picture(11)[0])
    at = (NOW - timedelta(days=3)).timestamp()
    os.utime(twin, (at, at))
    label(context, tmp_path, {**images, "twin.jpg": images["s11.png"]}, "a")
    version = round_of(context, 2)
    assert (version.images["train"], version.images["recent"]) == (6, 2)
    record = read_record(context.paths.version(2).record)
    assert record is not None
    assert "1 labelled images are in no split: like an image of the recent validation set" in record.left_out


def test_only_so_many_images_are_trained_on(context: OperateContext, tmp_path: Path) -> None:
    round_of(context, 1)
    few = replace(context.settings, versions=replace(context.settings.versions, images_max=8))
    context = replace(context, settings=few)
    images = arrived(tmp_path, "store-a", range(1, 4), days=9) | arrived(tmp_path, "store-a", range(4, 6), days=2)
    label(context, tmp_path, images, "a")
    version = round_of(context, 2)
    assert version.images["train"] == 8
    shas = {image.sha256: image.path for image in context.journal.images(ImageStatus.LABELLED)}
    data = read_dataset(context.paths.folder / version.folder)
    trained = {shas[image.path.stem] for image in data.splits["train"] if image.path.stem in shas}
    assert trained == {"store-a/s4.png", "store-a/s5.png"}


def test_a_version_that_was_cut_is_made_anew(context: OperateContext) -> None:
    place = context.paths.version(1)
    partial = place.folder.with_name(f"{place.folder.name}.partial")
    (partial / "set").mkdir(parents=True)
    (partial / "set" / "val.json").write_text("{")
    version = make_version(context, 1)
    assert not partial.exists()
    assert read_dataset(place.data).fingerprint == version.fingerprint


def test_the_first_version_that_is_gone_is_one_line(context: OperateContext) -> None:
    round_of(context, 1)
    shutil.rmtree(context.paths.version(1).folder)
    with pytest.raises(DataError) as error:
        make_version(context, 2)
    assert "the first version of the data set, is gone; restore it" in str(error.value)


def test_the_check_is_said(context: OperateContext, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "first/images/store-g-0.png", tmp_path / "first/images/store-a-0.png")
    said: list[str] = []
    make_version(replace(context, say=said.append), 1)
    assert any(line.startswith("data version 1: ") and "train" in line for line in said), said


@pytest.mark.slow
def test_the_rendered_shelves_are_a_first_data_set(tmp_path: Path) -> None:
    context = stream_context(tmp_path, GROUP, "data.root=embedded")
    version = make_version(context, 1)
    assert min(version.images[split] for split in ("train", "val", "test")) > 10
    record = read_record(context.paths.version(1).record)
    assert record is not None
    assert (record.sides["store-a"], record.sides["store-g"]) == ("train", "recent")
    context.journal.close()
