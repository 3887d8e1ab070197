"""YOLO in the shapes that people keep it in: paths of other machines, labels in other places, no data.yaml at all."""

import shutil
from pathlib import Path

import pytest
from small_data import CARD, boxes_of, counts, draw, yolo
from small_formats import SAMPLE, labels_of, write_yolo, yolo_line

from objectives.data.readers import read_dataset
from spaces.errors import DataError

BOX = "0.5 0.5 0.5 0.2"
LABELS = {"train/a": f"0 {BOX}", "train/b": f"1 {BOX}", "val/c": f"0 {BOX}"}
NAMES = "names: [can, jar]\n"


def images_of(root: Path) -> dict[str, list[str]]:
    found = read_dataset(root)
    return {split: [image.path.name for image in images] for split, images in found.splits.items()}


BOTH = {"train": ["a.jpg", "b.jpg"], "val": ["c.jpg"]}

# Paths


@pytest.mark.parametrize(
    ("card", "moved"),
    [
        ("train: D:/projects/shelf/train/images\nval: D:/projects/shelf/val/images\n", 2),
        ("train: D:\\projects\\shelf\\train\\images\nval: train\\..\\val\\images\n", 2),
        ("path: /content/shelf\ntrain: /content/shelf/train/images\nval: /content/shelf/val/images\n", 2),
        ("train: set/train/images\nval: ../set/val/images\n", 1),
        ("train: /elsewhere/pictures\nval: /elsewhere/other\n", 2),
        ("path: ../datasets/set\ntrain: train/images\nval: val/images\n", 0),
        ("train: ['train\\images']\nval: val/images/c.jpg\n", 1),
        ("nothing: here\n", 0),
    ],
)
def test_splits_are_found_where_they_lie(tmp_path: Path, card: str, moved: int) -> None:
    root = yolo(tmp_path / "set", LABELS, card + NAMES)
    assert images_of(root) == BOTH
    assert counts(read_dataset(root)) == ({"files.moved": moved} if moved else {})


def test_paths_may_be_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yolo(tmp_path / "data" / "set", LABELS, "")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "data.yaml").write_text(f"train: data/set/train/images\nval: data/set/val/images\n{NAMES}")
    monkeypatch.chdir(tmp_path)
    assert images_of(tmp_path / "conf" / "data.yaml") == BOTH


def test_one_folder_is_never_taken_for_two_splits(tmp_path: Path) -> None:
    """`images` alone, which both paths end in, says nothing of the split."""
    root = yolo(tmp_path, {}, f"train: /x/train/images\nval: /x/val/images\n{NAMES}")
    draw(root / "images" / "a.jpg")
    with pytest.raises(DataError, match="names '/x/train/images' for train, which does not exist"):
        read_dataset(root)


@pytest.mark.parametrize("value", ["test/images", "/gone/test", "[a/test, b/test]"])
def test_a_test_split_that_is_not_there_is_a_finding(tmp_path: Path, value: str) -> None:
    found = read_dataset(yolo(tmp_path, LABELS, f"{CARD}test: {value}\n"))
    assert set(found.splits) == {"train", "val"}
    assert counts(found) == {"splits.missing": 2 if "[" in value else 1}


def test_a_test_split_without_labels_is_left_out(tmp_path: Path) -> None:
    root = yolo(tmp_path, LABELS, f"{CARD}test: test/images\n")
    draw(root / "test" / "images" / "t.jpg")
    found = read_dataset(root)
    assert set(found.splits) == {"train", "val"}
    assert counts(found) == {"splits.unlabelled": 1}


@pytest.mark.parametrize("lines", ["./train/images/a.jpg\ntrain/images/b.jpg\n", "images/a.jpg\r\nimages\\b.jpg\r\n"])
def test_lists_may_be_relative_to_the_path_or_to_themselves(tmp_path: Path, lines: str) -> None:
    root = yolo(tmp_path / "set", LABELS, "")
    place = root / "lists" if "train" in lines else root / "train"
    place.mkdir(exist_ok=True)
    (place / "train.txt").write_text(lines)
    card = tmp_path / "data.yaml"
    card.write_text(f"path: set\ntrain: {place.name}/train.txt\nval: val/images\n{NAMES}")
    assert images_of(card) == BOTH


def test_a_list_of_another_machine_finds_its_pictures_by_their_folders(tmp_path: Path) -> None:
    root = yolo(tmp_path, {**LABELS, "val/a": f"1 {BOX}"}, f"train: list.txt\nval: val/images\n{NAMES}")
    (root / "list.txt").write_text("/home/x/set/train/images/a.jpg\nC:\\set\\train\\images\\b.jpg\n/home/x/gone.jpg\n")
    found = read_dataset(root)
    assert [image.path.parent.parent.name for image in found.splits["train"]] == ["train", "train"]
    assert counts(found) == {"images.missing": 1}


# Labels


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train/images", "train/Labels"),
        ("train/Images", "train/labels"),
        ("train/Images", "train/Labels"),
        ("train/images", "train/images"),
        ("train", "train"),
        ("train", "labels/train"),
        ("train", "train/labels"),
        ("images/train", "labels/train"),
        ("JPEGImages/train", "labels/train"),
    ],
)
def test_labels_are_found_where_people_put_them(tmp_path: Path, images: str, labels: str) -> None:
    for split, names in (("train", "ab"), ("val", "c")):
        for name in names:
            draw(tmp_path / images.replace("train", split) / f"{name}.jpg")
            text = tmp_path / labels.replace("train", split) / f"{name}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(f"1 {BOX}")
    (tmp_path / "data.yaml").write_text(f"train: {images}\nval: {images.replace('train', 'val')}\n{NAMES}")
    for _ in range(2):  # and without the data.yaml
        found = read_dataset(tmp_path)
        assert images_of(tmp_path) == BOTH
        assert [len(image.classes) for image in found.splits["train"]] == [1, 1]
        (tmp_path / "data.yaml").unlink(missing_ok=True)
        (tmp_path / "classes.txt").write_text("can\njar\n")


def test_label_files_apart_from_the_pictures_are_read_and_said(tmp_path: Path) -> None:
    root = yolo(tmp_path, LABELS, CARD)
    (root / "train" / "labels").rename(root / "train" / "txt_files")
    found = read_dataset(root)
    assert [len(image.classes) for image in found.splits["train"]] == [1, 1]
    assert counts(found) == {"labels.apart": 2}


def test_labels_in_another_splits_folder_are_said_and_not_used(tmp_path: Path) -> None:
    root = yolo(tmp_path, LABELS, CARD)
    shutil.move(root / "train" / "labels" / "b.txt", root / "val" / "labels" / "b.txt")
    found = read_dataset(root)
    assert [len(image.classes) for image in found.splits["train"]] == [1, 0]
    assert {f.code: f.examples for f in found.findings} == {
        "labels.elsewhere": ("train/images/b.jpg: val/labels/b.txt",),
        "classes.unused": ("jar",),
    }


def test_images_without_a_label_file_are_said(tmp_path: Path) -> None:
    root = yolo(tmp_path, {**LABELS, "train/empty": ""}, CARD)
    (root / "train" / "labels" / "b.txt").unlink()
    found = read_dataset(root)
    assert {f.code: f.examples for f in found.findings if f.code != "classes.unused"} == {
        "labels.missing": ("train/images/b.jpg",)
    }


def test_a_label_file_without_a_picture_is_said_but_no_other_text_is(tmp_path: Path) -> None:
    root = yolo(tmp_path, LABELS, CARD)
    (root / "train" / "labels" / "gone.txt").write_text(f"0 {BOX}")
    (root / "train" / "labels" / "README.txt").write_text("made by hand")
    (root / "train" / "labels" / "classes.txt").write_text("can\njar\n")
    assert {f.code: f.examples for f in read_dataset(root).findings} == {"labels.orphan": ("train/labels/gone.txt",)}


# Lines


def test_boxes_polygons_and_turned_boxes_may_stand_in_one_file(tmp_path: Path) -> None:
    lines = [f"0 {BOX}", "1 0.1 0.1 0.3 0.1 0.2 0.5", "1 0.5 0.2 0.7 0.4 0.5 0.6 0.3 0.4", "0 0.5 0.5 0.2 0.2 0.9"]
    found = read_dataset(yolo(tmp_path, {**LABELS, "train/a": "\r\n".join(lines)}, CARD, (100, 100)))
    assert boxes_of(found, "train")[:3] == [
        ("can", pytest.approx([25, 40, 50, 20])),
        ("jar", pytest.approx([10, 10, 20, 40])),
        ("jar", pytest.approx([30, 20, 40, 40])),
    ]
    assert counts(found) == {"labels.polygon": 2, "labels.not_a_box": 1}


def test_keypoints_follow_the_box_of_a_pose_set(tmp_path: Path) -> None:
    card = f"{CARD}kpt_shape: [2, 3]\n"
    found = read_dataset(yolo(tmp_path, {**LABELS, "train/a": f"0 {BOX} 0.1 0.1 2 0.9 0.9 1"}, card, (100, 100)))
    assert boxes_of(found, "train")[0] == ("can", pytest.approx([25, 40, 50, 20]))
    assert found.findings == ()


# Names


@pytest.mark.parametrize("name", ["classes.txt", "obj.names", "_darknet.labels"])
def test_names_may_stand_in_a_text_file(tmp_path: Path, name: str) -> None:
    root = write_yolo(tmp_path, card=False)
    (root / name).write_bytes("﻿can\r\njar\r\n".encode())
    for card in ("", "train: train/images\nval: val/images\nnc: 2\n", "train: train/images\nval: val/images\n"):
        if card:
            (root / "data.yaml").write_text(card)
        found = read_dataset(root)
        assert labels_of(found).keys() == SAMPLE.keys()
        assert (found.classes, found.findings) == (("can", "jar"), ())


@pytest.mark.parametrize("card", ["", "train: train/images\nval: val/images\nnc: 2\n"])
def test_without_names_the_indices_are_names_and_that_is_said(tmp_path: Path, card: str) -> None:
    root = write_yolo(tmp_path, card=False)
    if card:
        (root / "data.yaml").write_text(card)
    found = read_dataset(root)
    assert found.classes == ("0", "1")
    assert counts(found) == {"classes.unnamed": 2}


def test_a_darknet_data_file_is_read(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for split in ("train", "val"):
        for key in SAMPLE:
            if key.startswith(split):
                draw(root / "obj" / key.split("/")[1], (80, 60))
                lines = [yolo_line(["can", "jar"].index(name), box) for name, box in SAMPLE[key]]
                (root / "obj" / f"{key.split('/')[1][:-4]}.txt").write_text("".join(lines))
        names = [key.split("/")[1] for key in SAMPLE if key.startswith(split)]
        (root / f"{split}.txt").write_text("".join(f"data/obj/{name}\n" for name in names))
    (root / "obj.names").write_text("can\njar\n")
    (root / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nvalid = data/val.txt\nnames = obj.names\n")
    found = read_dataset(tmp_path)
    assert {key: len(labels) for key, labels in labels_of(found).items()} == {k: len(v) for k, v in SAMPLE.items()}
    assert found.classes == ("can", "jar")


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("train: train/images\nval: val/images\nnc: 999999999\n", "has 999999999 classes and no names"),
        ("train: train/images\nval: val/images\nnames: !!python/object/apply:os.system [x]\n", "it holds the tag"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + "names: [can", "is not readable YAML"),
        ("names: " + "[" * 5000, "is not readable YAML"),
        ("train: train/images\ntrain: {a: b}\nnames: {? {a: 1} : can}\n", "a key is a list or mapping"),
        ("names: [can]\nval: \x01\n", "is not readable YAML"),
    ],
)
def test_a_hostile_card_is_one_line(tmp_path: Path, card: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(yolo(tmp_path, LABELS, card))
    assert "\n" not in str(caught.value)


def test_aliases_do_not_multiply(tmp_path: Path) -> None:
    """Nine levels of nine: a loader that follows merge keys would build a thousand million entries."""
    bomb = "a0: &a0 {k: v}\n" + "".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 10)
    )
    found = read_dataset(yolo(tmp_path, LABELS, bomb + CARD))
    assert found.classes == ("can", "jar")


def test_a_network_description_is_no_data_card(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "yolov8.yaml").write_text("nc: 80\nbackbone: []\nhead: []\n")
    assert read_dataset(root).findings == ()
