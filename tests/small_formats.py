"""One small data set in every format: plain pictures by split, and a writer a format."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement

import yaml
from small_data import Box, draw

from objectives.data.dataset import Dataset

Labels = Sequence[tuple[str, Box]]
Sample = Mapping[str, Labels]  # "SPLIT/NAME.jpg": labels
SIZE = (80, 60)
SAMPLE: Sample = {
    "train/a.jpg": [("can", (4, 6, 20, 12)), ("jar", (40, 30, 16, 24))],
    "train/b.jpg": [("jar", (10, 10, 30, 30))],
    "train/c.jpg": [],
    "val/d.jpg": [("can", (0, 0, 80, 60))],
    "val/e.jpg": [("jar", (30, 4, 12, 40)), ("can", (2, 2, 10, 10)), ("can", (60, 40, 20, 20))],
}


def by_split(sample: Sample) -> dict[str, dict[str, Labels]]:
    found: dict[str, dict[str, Labels]] = {}
    for key, labels in sample.items():
        split, name = key.split("/", 1)
        found.setdefault(split, {})[name] = labels
    return found


def classes_of(sample: Sample) -> list[str]:
    return list(dict.fromkeys(name for labels in sample.values() for name, _ in labels))


def draw_all(root: Path, sample: Sample, place: str = "{split}") -> None:
    for split, images in by_split(sample).items():
        for name in images:
            draw(root / place.format(split=split) / name, SIZE)


def labels_of(dataset: Dataset) -> dict[str, list[tuple[str, Box]]]:
    """Return the labels of a data set as a sample has them."""
    return {
        f"{split}/{image.path.name}": [
            (dataset.classes[label], tuple(box.tolist()))
            for label, box in zip(image.classes, image.boxes_xywh, strict=True)
        ]
        for split, images in dataset.splits.items()
        for image in images
    }


def write_coco(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample)
    names = classes_of(sample)
    for split, images in by_split(sample).items():
        content: dict[str, Any] = {
            "images": [{"id": i, "file_name": n, "width": SIZE[0], "height": SIZE[1]} for i, n in enumerate(images)],
            "annotations": [
                {"id": 100 * i + j, "image_id": i, "category_id": names.index(name), "bbox": list(box), "iscrowd": 0}
                for i, labels in enumerate(images.values())
                for j, (name, box) in enumerate(labels)
            ],
            "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        }
        (root / split / "_annotations.coco.json").write_text(json.dumps(content))
    return root


def yolo_line(index: int, box: Box) -> str:
    x, y, w, h = box
    numbers = ((x + w / 2) / SIZE[0], (y + h / 2) / SIZE[1], w / SIZE[0], h / SIZE[1])
    return " ".join([str(index), *(f"{number:.8f}" for number in numbers)]) + "\n"


def write_yolo(root: Path, sample: Sample = SAMPLE, card: bool = True) -> Path:
    draw_all(root, sample, "{split}/images")
    names = classes_of(sample)
    for split, images in by_split(sample).items():
        (root / split / "labels").mkdir(parents=True, exist_ok=True)
        for name, labels in images.items():
            lines = [yolo_line(names.index(label), box) for label, box in labels]
            (root / split / "labels" / f"{Path(name).stem}.txt").write_text("".join(lines))
    content = {**{split: f"{split}/images" for split in by_split(sample)}, "names": names}
    if card:
        (root / "data.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return root


def voc_xml(name: str, labels: Labels, filename: str | None = None, size: tuple[int, int] = SIZE) -> ElementTree:
    root = Element("annotation")
    SubElement(root, "filename").text = name if filename is None else filename
    sizes = SubElement(root, "size")
    for key, value in zip(("width", "height", "depth"), (*size, 3), strict=True):
        SubElement(sizes, key).text = str(value)
    for label, (x, y, w, h) in labels:
        item = SubElement(root, "object")
        SubElement(item, "name").text = label
        corners = SubElement(item, "bndbox")
        for key, value in zip(("xmin", "ymin", "xmax", "ymax"), (x, y, x + w, y + h), strict=True):
            SubElement(corners, key).text = str(value)
    return ElementTree(root)


def write_voc(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample, "JPEGImages")
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for split, images in by_split(sample).items():
        for name, labels in images.items():
            voc_xml(name, labels).write(root / "Annotations" / f"{Path(name).stem}.xml", encoding="utf-8")
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{Path(n).stem}\n" for n in images))
    return root


def write_labelme(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample)
    for key, labels in sample.items():
        shapes = [
            {"label": name, "shape_type": "rectangle", "points": [[x, y], [x + w, y + h]], "flags": {}}
            for name, (x, y, w, h) in labels
        ]
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": key.split("/", 1)[1]}
        content |= {"imageData": None, "imageHeight": SIZE[1], "imageWidth": SIZE[0]}
        (root / key).with_suffix(".json").write_text(json.dumps(content))
    return root


def write_csv(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample, "images")
    for split, images in by_split(sample).items():
        with (root / f"{split}_labels.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"])
            for name, labels in images.items():
                if not labels:
                    writer.writerow([name, *SIZE, "", "", "", "", ""])
                for label, (x, y, w, h) in labels:
                    writer.writerow([name, *SIZE, label, x, y, x + w, y + h])
    return root


def write_kitti(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample, "{split}/image_2")
    for split, images in by_split(sample).items():
        (root / split / "label_2").mkdir(parents=True)
        for name, labels in images.items():
            lines = [f"{n} 0.00 0 -1.5 {x} {y} {x + w} {y + h} 1 1 1 0 0 9 -1.5\n" for n, (x, y, w, h) in labels]
            (root / split / "label_2" / f"{Path(name).stem}.txt").write_text("".join(lines))
    return root


def write_cvat(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample, "images")
    top = Element("annotations")
    for split, images in by_split(sample).items():
        for i, (name, labels) in enumerate(images.items()):
            given = {"id": str(i), "name": name, "subset": split, "width": str(SIZE[0]), "height": str(SIZE[1])}
            image = SubElement(top, "image", given)
            for label, (x, y, w, h) in labels:
                corners = {"xtl": x, "ytl": y, "xbr": x + w, "ybr": y + h}
                SubElement(image, "box", {"label": label, **{key: str(value) for key, value in corners.items()}})
    ElementTree(top).write(root / "annotations.xml", encoding="utf-8", xml_declaration=True)
    return root


def write_label_studio(root: Path, sample: Sample = SAMPLE) -> Path:
    draw_all(root, sample)
    width, height = SIZE
    for split, images in by_split(sample).items():
        tasks = []
        for i, (name, labels) in enumerate(images.items()):
            results = [
                {
                    "type": "rectanglelabels",
                    "original_width": width,
                    "original_height": height,
                    "value": {
                        "x": 100 * x / width,
                        "y": 100 * y / height,
                        "rotation": 0,
                        "rectanglelabels": [label],
                        "width": 100 * w / width,
                        "height": 100 * h / height,
                    },
                }
                for label, (x, y, w, h) in labels
            ]
            image = f"/data/upload/3/0a1b2c3d-{name}"
            tasks.append({"id": i, "data": {"image": image}, "annotations": [{"result": results}]})
        (root / f"{split}.json").write_text(json.dumps(tasks))
    return root


WRITERS: dict[str, Callable[..., Path]] = {
    "yolo": write_yolo,
    "coco": write_coco,
    "voc": write_voc,
    "labelme": write_labelme,
    "csv": write_csv,
    "kitti": write_kitti,
    "cvat": write_cvat,
    "label_studio": write_label_studio,
}
