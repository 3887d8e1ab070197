"""Small data sets on disk for the tests of reading: plain pictures, COCO JSON, YOLO text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from objectives.data.dataset import Dataset

Box = tuple[float, float, float, float]


def draw(path: Path, size: tuple[int, int] = (40, 30), orientation: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", size, (90, 120, 150)).save(path, exif=exif)
    return path


def coco(path: Path, images: dict[str, Sequence[tuple[int, Box]]], changes: Any = None) -> dict[str, Any]:
    """Write COCO JSON of images 40 x 30 with (category, box) each; categories are 7: can, 3: jar, 5: unused."""
    content: dict[str, Any] = {
        "images": [{"id": 10 + i, "file_name": name, "width": 40, "height": 30} for i, name in enumerate(images)],
        "annotations": [
            {"id": 100 * i + j, "image_id": 10 + i, "category_id": category, "bbox": list(box), "iscrowd": 0}
            for i, boxes in enumerate(images.values())
            for j, (category, box) in enumerate(boxes)
        ],
        "categories": [{"id": 7, "name": "can"}, {"id": 5, "name": "unused"}, {"id": 3, "name": "jar"}],
        **(changes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return content


def yolo(root: Path, labels: dict[str, str], card: str, size: tuple[int, int] = (40, 30)) -> Path:
    """Write images `SPLIT/NAME` with their label texts, and data.yaml."""
    for name, text in labels.items():
        split, stem = name.split("/")
        draw(root / split / "images" / f"{stem}.jpg", size)
        (root / split / "labels").mkdir(exist_ok=True)
        (root / split / "labels" / f"{stem}.txt").write_text(text)
    (root / "data.yaml").write_text(card)
    return root


CARD = "train: train/images\nval: val/images\nnames: [can, jar]\n"


def boxes_of(dataset: Dataset, split: str) -> list[tuple[str, list[float]]]:
    return [
        (dataset.classes[label], box.tolist())
        for image in dataset.splits[split]
        for label, box in zip(image.classes, image.boxes_xywh, strict=True)
    ]


def counts(dataset: Dataset) -> dict[str, int]:
    """Return how often each code was found."""
    return {finding.code: finding.count for finding in dataset.findings}
