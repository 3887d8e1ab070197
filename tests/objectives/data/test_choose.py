"""Several readings of a folder: one only if it holds the others; else the user chooses, and nothing is dropped."""

import json
import shutil
from pathlib import Path

import pytest
from small_data import counts, draw
from small_formats import SAMPLE, SIZE, WRITERS, labels_of, write_coco, write_csv, write_voc, write_yolo

from objectives.data.readers import read_dataset
from spaces.errors import DataError


def test_two_formats_of_the_same_boxes_are_one_and_that_is_said(tmp_path: Path) -> None:
    root = write_voc(tmp_path, SAMPLE)
    coco = write_coco(tmp_path / "other", SAMPLE)
    for split in ("train", "val"):
        shutil.copy(coco / split / "_annotations.coco.json", root / f"{split}.json")
    shutil.rmtree(coco)
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert {f.code: f.examples for f in found.findings} == {
        "files.same": ("5 VOC XML files in Annotations/ beside COCO JSON: train.json, val.json",)
    }


def test_a_part_of_the_set_in_another_format_is_no_second_set(tmp_path: Path) -> None:
    root = write_voc(tmp_path, SAMPLE)
    (root / "test.csv").write_text("filename,cell_type,xmin,xmax,ymin,ymax\nb.jpg,jar,10,40,10,40\n")
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"files.same": 1}


def test_the_reading_with_splits_is_preferred(tmp_path: Path) -> None:
    root = write_csv(tmp_path, {key: labels for key, labels in SAMPLE.items() if labels})
    texts = [(root / f"{split}_labels.csv").read_text().splitlines() for split in ("train", "val")]
    (root / "shop_labels.csv").write_text("\n".join([*texts[0], *texts[1][1:]]))
    found = read_dataset(root)
    assert {split: len(images) for split, images in found.splits.items()} == {"train": 2, "val": 2}
    assert counts(found) == {"files.same": 1}
    assert set(read_dataset(root, reading="csv:shop_labels").splits) == {"train", "val"}  # set aside from training


def test_other_boxes_of_the_same_pictures_are_refused(tmp_path: Path) -> None:
    root = write_voc(tmp_path, SAMPLE)
    changed = {**SAMPLE, "train/a.jpg": [("jar", (1, 1, 9, 9))]}
    for path in write_csv(tmp_path / "csv", changed).glob("*.csv"):
        shutil.copy(path, root)
    shutil.rmtree(tmp_path / "csv")
    with pytest.raises(DataError, match=r"can be read in 2 ways; choose one by data\.reading=NAME, or all to put"):
        read_dataset(root)
    assert labels_of(read_dataset(root, "csv")) == changed
    assert labels_of(read_dataset(root, reading="voc")) == SAMPLE


def test_a_few_other_boxes_are_said_and_the_larger_reading_is_taken(tmp_path: Path) -> None:
    sample = {f"{split}/{split}{i}.jpg": [("can", (i, 4, 20, 20))] for split in ("train", "val") for i in range(20)}
    root = write_voc(tmp_path, sample)
    changed = {**sample, "train/train7.jpg": [("can", (40, 30, 20, 20))]}
    for path in write_csv(tmp_path / "csv", changed).glob("*.csv"):
        shutil.copy(path, root)
    shutil.rmtree(tmp_path / "csv")
    found = read_dataset(root)
    assert labels_of(found) == sample
    assert counts(found) == {"files.differ": 1}


def test_a_second_export_is_refused_by_name_and_read_by_choice(tmp_path: Path) -> None:
    write_coco(tmp_path, SAMPLE)
    second = {"train/x.jpg": [("bag", (4, 4, 20, 20))], "val/y.jpg": [("bag", (4, 4, 20, 20))]}
    write_coco(tmp_path / "shelf b", second)
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path)
    assert "coco:shelf b (COCO JSON: shelf b/train/_annotations.coco.json" in str(caught.value)
    assert "; coco (COCO JSON: train/_annotations.coco.json" in str(caught.value)
    one, other = read_dataset(tmp_path, reading="coco"), read_dataset(tmp_path, reading="coco:shelf b")
    assert (labels_of(one), labels_of(other)) == (SAMPLE, second)
    assert counts(one) == {"images.unlabelled": 2}
    both = read_dataset(tmp_path, reading="all")
    assert labels_of(both) == {**SAMPLE, **second}
    assert set(both.classes) == {"can", "jar", "bag"}
    with pytest.raises(DataError, match=r"has no 'coco:shelf'; nearest: .*; known: coco:shelf b, coco, all"):
        read_dataset(tmp_path, reading="coco:shelf")


def test_sets_that_are_named_alike_but_for_the_split_belong_together(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "set", SAMPLE)
    for split in ("train", "val"):
        path = root / split / "_annotations.coco.json"
        content = json.loads(path.read_text())
        (root / f"instances_{split}2017.json").write_text(path.read_text())
        half = {**content, "images": content["images"][:1]}
        half["annotations"] = [a for a in content["annotations"] if a["image_id"] == 0]
        (root / f"small_{split}2017.json").write_text(json.dumps(half))
        (root / f"captions_{split}2017.json").write_text(json.dumps({**content, "annotations": []}))
        path.unlink()
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"files.same": 1, "files.other_task": 2}


def test_a_broken_file_of_a_split_is_never_passed_over(tmp_path: Path) -> None:
    root = write_coco(tmp_path, SAMPLE)
    (root / "train" / "_annotations.coco.json").write_text("{")
    with pytest.raises(DataError, match=r"train/_annotations\.coco\.json' is not readable JSON"):
        read_dataset(root)


def test_a_broken_data_yaml_beside_another_format_is_said(tmp_path: Path) -> None:
    root = write_coco(tmp_path, SAMPLE)
    (root / "data.yaml").write_text("names: [can")
    assert counts(read_dataset(root)) == {"files.unreadable": 1}


def test_a_broken_data_yaml_of_labels_is_refused(tmp_path: Path) -> None:
    root = write_yolo(tmp_path)
    (root / "data.yaml").write_text("names: [can")
    with pytest.raises(DataError, match="is not readable YAML"):
        read_dataset(root)


def test_sets_further_down_are_said(tmp_path: Path) -> None:
    write_coco(tmp_path, SAMPLE)
    write_coco(tmp_path / "old" / "2019" / "shop", {"train/q.jpg": [("x", (1, 1, 9, 9))]})
    found = read_dataset(tmp_path)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"files.deeper": 1, "images.unlabelled": 1}


LABELLED = {**SAMPLE, "train/c.jpg": [("can", (4, 4, 20, 20))]}  # every image, so that any may be set aside


@pytest.mark.parametrize("name", ["coco", "csv", "yolo", "label_studio", "cvat"])
def test_an_annotation_file_may_be_named_itself(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path / "set", LABELLED)
    suffix = {"coco": "train/*.json", "csv": "train*.csv", "yolo": "*.yaml", "label_studio": "train.json"}.get(name)
    (path,) = root.glob(suffix or "*.xml")
    found = read_dataset(path)
    assert found.name == "set"
    images = [image.path.name for images in found.splits.values() for image in images]
    whole = name in ("yolo", "cvat")
    assert sorted(images) == sorted(key.split("/")[1] for key in SAMPLE if whole or key.startswith("train"))


def test_a_json_that_lies_beside_the_images_may_be_named_itself(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "set", {key: labels for key, labels in LABELLED.items() if key.startswith("train")})
    (root / "train").rename(root / "images")
    (root / "annotations").mkdir()
    path = root / "annotations" / "instances_default.json"
    (root / "images" / "_annotations.coco.json").rename(path)
    for place in (root, path):
        found = read_dataset(place)
        assert found.name == "set"
        assert sum(map(len, found.splits.values())) == 3


def test_a_refusal_says_what_was_seen(tmp_path: Path) -> None:
    for i in range(3):
        draw(tmp_path / "photos" / "2024" / f"{i}.jpg", SIZE)
        (tmp_path / "notes.xml").write_text("<project/>")
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path)
    assert (
        f"in '{tmp_path}'; seen: 3 .jpg in photos/2024/, 2 folders down; notes.xml; known formats: yolo, coco,"
        in str(caught.value)
    )
