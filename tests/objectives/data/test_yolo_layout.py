"""The layout for Ultralytics: links, labels that Ultralytics itself reads back, nothing half-written."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from small_data import yolo
from ultralytics.cfg import get_cfg
from ultralytics.data import YOLODataset
from ultralytics.data.utils import check_det_dataset

from objectives.data.dataset import Dataset, LabelledImage, make_image
from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out, remove_other_layouts

CLASSES = ("can", "jar", "box")


def photo(path: Path, size: tuple[int, int], boxes: list[tuple[float, ...]], classes: list[int]) -> LabelledImage:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 150)).save(path)
    return make_image(path, size, boxes, classes)[0]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    source = tmp_path / "source"
    train = [
        photo(source / "one" / "a.jpg", (100, 60), [(10, 20, 30, 40), (0, 0, 100, 60)], [2, 0]),
        photo(source / "two" / "a.JPG", (61, 97), [(1, 2, 3, 4)], [1]),  # the same name again
        photo(source / "two" / "b.png", (50, 50), [], []),
    ]
    val = [photo(source / "val" / "c.jpg", (33, 44), [(5, 6, 7, 8)], [0])]
    return Dataset("shop", source, CLASSES, {"train": tuple(train), "val": tuple(val)})


def read_by_ultralytics(card: Path, split: str) -> list[dict[str, Any]]:
    data = check_det_dataset(str(card), autodownload=False)
    images = YOLODataset(data[split], data=data, task="detect", augment=False, hyp=get_cfg(), imgsz=64)
    labels: list[dict[str, Any]] = sorted(images.labels, key=lambda label: str(label["im_file"]))
    return labels


@pytest.mark.parametrize("split", ["train", "val"])
def test_ultralytics_reads_the_same_boxes(dataset: Dataset, tmp_path: Path, split: str) -> None:
    card = lay_out(dataset, tmp_path / "laid out")
    found = read_by_ultralytics(card, split)
    assert check_det_dataset(str(card), autodownload=False)["names"] == dict(enumerate(CLASSES))
    for label, image in zip(found, dataset.splits[split], strict=True):
        assert label["shape"] == (image.height_px, image.width_px)
        assert label["cls"].reshape(-1).astype(int).tolist() == image.classes.tolist()
        size = np.array([image.width_px, image.height_px] * 2)
        boxes = label["bboxes"] * size
        assert boxes[:, 2:] == pytest.approx(image.boxes_xywh[:, 2:], abs=1e-3)
        assert boxes[:, :2] - boxes[:, 2:] / 2 == pytest.approx(image.boxes_xywh[:, :2], abs=1e-3)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_boxes_survive(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / f"{len(list(tmp_path.iterdir())):03d}"
    width, height = data.draw(st.integers(10, 3000)), data.draw(st.integers(10, 3000))
    share = st.floats(0, 1)
    drawn = data.draw(st.lists(st.tuples(share, share, share, share), max_size=5, unique=True))
    boxes = [(x * width, y * height, w * width, h * height) for x, y, w, h in drawn]
    image = photo(folder / "a.jpg", (width, height), list(boxes), [0] * len(boxes))
    if len(np.unique(image.boxes_xywh.round(1), axis=0)) != len(image.boxes_xywh):
        return  # Ultralytics drops a box that is there twice
    other = photo(folder / "b.jpg", (20, 20), [(1, 1, 9, 9)], [0])
    card = lay_out(Dataset("one", folder, ("can",), {"train": (image,), "val": (other,)}), folder / "laid")
    [label] = read_by_ultralytics(card, "train")
    assert len(label["bboxes"]) == len(image.boxes_xywh)
    size = np.array([width, height])
    assert label["bboxes"][:, 2:] * size == pytest.approx(image.boxes_xywh[:, 2:], abs=0.01)


def test_images_are_links_and_nothing_is_written_beside_them(dataset: Dataset, tmp_path: Path) -> None:
    before = sorted(path.name for path in (tmp_path / "source").rglob("*"))
    card = lay_out(dataset, tmp_path / "laid")
    links = sorted((card.parent / "images" / "train").iterdir())
    assert [link.name for link in links] == ["000000.jpg", "000001.jpg", "000002.png"]
    assert targets(card) == [i.path for i in dataset.splits["train"]]
    read_by_ultralytics(card, "train")  # writes its cache beside its labels, which are ours
    assert sorted(path.name for path in (tmp_path / "source").rglob("*")) == before


def test_it_is_written_once_and_whole(dataset: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "laid"
    card = lay_out(dataset, folder)
    partial = card.parent.with_name(f"{card.parent.name}.partial")
    card.parent.rename(partial)  # of a process that was killed
    (partial / "images" / "old.jpg").touch()
    assert lay_out(dataset, folder) == card
    assert [path.name for path in folder.iterdir()] == [card.parent.name]
    assert not list(folder.rglob("old.jpg"))
    assert yaml.safe_load(card.read_text())["path"] == str(card.parent)
    stamp = card.stat().st_mtime_ns
    assert lay_out(dataset, folder) == card
    assert card.stat().st_mtime_ns == stamp


def test_several_at_once_make_one(dataset: Dataset, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        (card,) = set(pool.map(lambda _: lay_out(dataset, tmp_path / "laid"), range(8)))
    assert [path.name for path in (tmp_path / "laid").iterdir()] == [card.parent.name]
    assert len(read_by_ultralytics(card, "train")) == 3


# A data set that was moved or changed


def targets(card: Path, split: str = "train") -> list[Path]:
    return [link.readlink() for link in sorted((card.parent / "images" / split).iterdir())]


def moved(dataset: Dataset, place: Path) -> Dataset:
    """Move a data set's folder, and return the data set as it is read from there."""
    dataset.root.rename(place)
    splits = {
        split: tuple(replace(i, path=place / i.path.relative_to(dataset.root)) for i in images)
        for split, images in dataset.splits.items()
    }
    return replace(dataset, root=place, splits=splits)


def with_first(dataset: Dataset, **changes: Any) -> Dataset:
    """Return the data set with another first training image."""
    first, *rest = dataset.splits["train"]
    return replace(dataset, splits={**dataset.splits, "train": (replace(first, **changes), *rest)})


def test_a_moved_data_set_is_read_from_its_new_place(dataset: Dataset, tmp_path: Path) -> None:
    old = lay_out(dataset, tmp_path / "laid")
    before = read_by_ultralytics(old, "train")
    now = moved(dataset, tmp_path / "elsewhere")
    card = lay_out(now, tmp_path / "laid")
    assert targets(card) == [image.path for image in now.splits["train"]]
    for label, was in zip(read_by_ultralytics(card, "train"), before, strict=True):
        assert Path(label["im_file"]).is_file()
        assert label["bboxes"].tolist() == was["bboxes"].tolist()
    assert old.is_file(), "another process may train from it"


def test_changed_labels_are_trained_with_and_no_cache_outlives_them(dataset: Dataset, tmp_path: Path) -> None:
    old = lay_out(dataset, tmp_path / "laid")
    assert read_by_ultralytics(old, "train")[0]["cls"].reshape(-1).tolist() == [2, 0]
    assert (old.parent / "labels" / "train.cache").is_file()  # it stands for images and labels of these sizes
    other = with_first(dataset, classes=np.array([0, 2]))
    (label, *_) = read_by_ultralytics(lay_out(other, tmp_path / "laid"), "train")
    assert label["cls"].reshape(-1).tolist() == [0, 2]


@pytest.mark.parametrize("what", ["classes", "box", "size", "bytes", "order", "split", "place of the study"])
def test_whatever_changes_gives_another_layout(dataset: Dataset, tmp_path: Path, what: str) -> None:
    card = lay_out(dataset, tmp_path / "laid")
    folder, first, other = tmp_path / "laid", dataset.splits["train"][0], dataset
    match what:
        case "classes":
            other = replace(dataset, classes=("can", "box", "jar"))
        case "box":
            other = with_first(dataset, boxes_xywh=first.boxes_xywh + 0.001)
        case "size":
            other = with_first(dataset, width_px=first.width_px + 1)
        case "bytes":
            first.path.write_bytes(first.path.read_bytes() + b"\0")
            other = replace(dataset)  # read again: a data set is as it was when its fingerprint was first asked for
        case "order":
            other = replace(dataset, splits={**dataset.splits, "train": dataset.splits["train"][::-1]})
        case "split":
            other = replace(dataset, splits={**dataset.splits, "test": dataset.splits["val"]})
        case _:
            folder = folder.rename(tmp_path / "study of another name")
            card = folder / card.parent.name / "data.yaml"
    again = lay_out(other, folder)
    assert again != card
    assert yaml.safe_load(again.read_text())["path"] == str(again.parent)
    assert lay_out(other, folder) == again


def test_other_layouts_go_and_those_of_an_older_automl(dataset: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "laid"
    old = lay_out(dataset, folder)
    for split in ("images", "labels"):  # an older automl had one layout, without a name of its own
        (old.parent / split).rename(folder / split)
    old.rename(folder / "data.yaml")
    lay_out(with_first(dataset, width_px=7), folder)
    card = lay_out(dataset, folder)
    assert targets(card) == [image.path for image in dataset.splits["train"]]
    remove_other_layouts(card)
    assert [path.name for path in folder.iterdir()] == [card.parent.name]
    assert all(image.path.is_file() for image in dataset.splits["train"])
    assert len(read_by_ultralytics(card, "train")) == 3


def test_links_are_named_by_what_the_files_are(tmp_path: Path) -> None:
    labels = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(2)}
    yolo(tmp_path / "set", labels, "train: train/images\nval: val/images\nnames: [can]\n")
    picture = tmp_path / "set" / "train" / "images" / "0.jpg"
    Image.new("RGB", (40, 30)).save(picture, format="PNG")
    card = lay_out(read_dataset(tmp_path / "set"), tmp_path / "laid")
    links = sorted((card.parent / "images" / "train").iterdir())
    assert [link.name for link in links] == ["000000.png", "000001.jpg"]
    assert links[0].resolve() == picture
