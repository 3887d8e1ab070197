"""The layout for Ultralytics: links, labels that Ultralytics itself reads back, nothing half-written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from ultralytics.cfg import get_cfg
from ultralytics.data import YOLODataset
from ultralytics.data.utils import check_det_dataset

from objectives.data.dataset import Dataset, LabelledImage, make_image
from objectives.data.yolo_layout import lay_out

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
    links = sorted((tmp_path / "laid" / "images" / "train").iterdir())
    assert [link.name for link in links] == ["000000.jpg", "000001.jpg", "000002.png"]
    assert [link.readlink() for link in links] == [i.path for i in dataset.splits["train"]]
    read_by_ultralytics(card, "train")  # writes its cache beside its labels, which are ours
    assert sorted(path.name for path in (tmp_path / "source").rglob("*")) == before


def test_it_is_written_once_and_whole(dataset: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "laid"
    (tmp_path / "laid.partial" / "images").mkdir(parents=True)  # of a process that was killed
    (tmp_path / "laid.partial" / "images" / "old.jpg").touch()
    card = lay_out(dataset, folder)
    assert not (tmp_path / "laid.partial").exists()
    assert not list(folder.rglob("old.jpg"))
    assert yaml.safe_load(card.read_text())["path"] == str(folder)
    stamp = card.stat().st_mtime_ns
    assert lay_out(dataset, folder) == card
    assert card.stat().st_mtime_ns == stamp
