"""A data set written: COCO JSON, one file a split, with the images linked beside it."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.data.dataset import Dataset, LabelledImage
from search.operate.journal.images import StreamImage
from search.operate.journal.kept_labels import KeptBox, KeptLabels

LINKED_IMAGES = "images"
STREAM = "stream"  # folder of the stream's images, beside those of the first data set


@dataclass(frozen=True, eq=False)
class VersionImage:
    """An image of a version.

    Attributes:
        source: its file.
        name: of its file in the version, relative to the folder of its split.
        width_px, height_px: as decoded.
        boxes: see KeptBox.
    """

    source: Path
    name: str
    width_px: int
    height_px: int
    boxes: tuple[KeptBox, ...]


def of_first(image: LabelledImage, dataset: Dataset) -> VersionImage:
    """Return an image of the first data set; its path below the data set's folder is kept, where it has one."""
    inside = image.path.is_relative_to(dataset.root)
    alone = f"{dataset.contents[image.path]}{image.path.suffix}"
    name = image.path.relative_to(dataset.root).as_posix() if inside else alone
    rows = zip(image.classes.tolist(), image.boxes_xywh.tolist(), strict=True)
    boxes = tuple((dataset.classes[i], x, y, w, h) for i, (x, y, w, h) in rows)
    return VersionImage(image.path, name, image.width_px, image.height_px, boxes)


def of_stream(image: StreamImage, labels: KeptLabels, folder: Path) -> VersionImage:
    """Return an image of the stream, with its labels; `folder` is the pipeline's."""
    kept = folder / image.kept
    return VersionImage(kept, f"{STREAM}/{kept.name}", image.width_px, image.height_px, labels.boxes)


def link_images(images: Iterable[VersionImage], folder: Path) -> None:
    """Link images into a folder; copies, where it lies on another file system."""
    for image in images:
        target = folder / image.name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = image.source.resolve()
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)


def write_coco(path: Path, images: Sequence[VersionImage], classes: Sequence[str], prefix: str) -> None:
    """Write the annotations of a split.

    Args:
        path: the file.
        images: of the split.
        classes: names; a category's id is its place, from 1 on.
        prefix: folder of the images, relative to that of the file, with slashes.
    """
    number = {name: i + 1 for i, name in enumerate(classes)}
    entries: list[Mapping[str, Any]] = [
        {"id": i + 1, "file_name": f"{prefix}/{image.name}", "width": image.width_px, "height": image.height_px}
        for i, image in enumerate(images)
    ]
    boxes = [(i + 1, box) for i, image in enumerate(images) for box in image.boxes]
    annotations = [
        {"id": j + 1, "image_id": i, "category_id": number[label], "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0}
        for j, (i, (label, x, y, w, h)) in enumerate(boxes)
    ]
    categories = [{"id": i, "name": name} for name, i in number.items()]
    content = {"images": entries, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
