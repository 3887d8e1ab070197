"""Files of labelling tools: what is handed over, with the champion's boxes as a beginning."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import yaml

from search.operate.stream.labelling.chosen import AskedImage, AskedImages
from search.settings.pipeline.stream_checks import LABEL_TOOLS

HANDED_IMAGES = "images"
BACK = {
    "coco": "annotations.json: COCO; import it with the folder images (CVAT: COCO 1.0; Roboflow, FiftyOne likewise).\n"
    "Give back: a COCO export (JSON).\n",
    "yolo": "data.yaml, labels/: YOLO; import it with the folder images.\n"
    "Give back: the whole folder, images in it: an image without a label file counts as not labelled, one with an "
    "empty file as labelled with nothing on it.\n",
    "label_studio": "tasks.json: tasks with predictions; config.xml: the labelling interface.\n"
    "Start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT "
    "set to the folder of this pipeline, which holds to_label; add that folder as local storage, then import "
    "tasks.json.\n"
    "Give back: an export as JSON; tasks that nobody has annotated count as not labelled.\n",
}
README = """{count} images to label, handed over by round {number} of the pipeline {pipeline}.

{tool}
Put it into the folder of stream.labels as a folder or a file of its own: {labels}
File names hold a hash by which labels find their images: keep them (what a tool puts before them does not matter).
The boxes that are there already were found by the detector that serves: correct them, and add what is missing.
Leave out what nobody has looked at: an image that is given back counts as labelled, one without a box as empty.
Classes: {classes}. A new class is a new name; it is appended to these.
"""


def write_tool(tool: str, asked: AskedImages, folder: Path, where: str) -> None:
    """Write the files of a labelling tool beside the images.

    Args:
        tool: one of LABEL_TOOLS.
        asked: what is handed over.
        folder: that holds HANDED_IMAGES.
        where: the folder that it will be, relative to the pipeline's, with slashes.
    """
    _WRITERS[tool](asked, folder, where)


def _coco(asked: AskedImages, folder: Path, where: str) -> None:
    del where
    number = {name: i + 1 for i, name in enumerate(asked.classes)}
    images = [
        {"id": i + 1, "file_name": image.name, "width": image.width_px, "height": image.height_px}
        for i, image in enumerate(asked.images)
    ]
    found = [(i + 1, box) for i, image in enumerate(asked.images) for box in image.boxes]
    annotations = [
        {
            "id": j + 1,
            "image_id": i,
            "category_id": number[box.label],
            "bbox": list(box.box_xywh),
            "area": box.box_xywh[2] * box.box_xywh[3],
            "iscrowd": 0,
            "score": box.score,
        }
        for j, (i, box) in enumerate(found)
    ]
    categories = [{"id": i, "name": name} for name, i in number.items()]
    _dump(folder / "annotations.json", {"images": images, "annotations": annotations, "categories": categories})


def _yolo(asked: AskedImages, folder: Path, where: str) -> None:
    del where
    number = {name: i for i, name in enumerate(asked.classes)}
    (folder / "labels").mkdir()
    for image in asked.images:
        lines = [f"{number[box.label]} {_shares(box.box_xywh, image)}\n" for box in image.boxes]
        (folder / "labels" / f"{Path(image.name).stem}.txt").write_text("".join(lines))
    card = {"path": ".", "train": HANDED_IMAGES, "val": HANDED_IMAGES, "names": {i: name for name, i in number.items()}}
    (folder / "data.yaml").write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _shares(box: Sequence[float], image: AskedImage) -> str:
    """Return centre and size of a box as shares of the sides."""
    left, top, width, height = box
    values = (
        (left + width / 2) / image.width_px,
        (top + height / 2) / image.height_px,
        width / image.width_px,
        height / image.height_px,
    )
    return " ".join(f"{value:.6f}" for value in values)


def _label_studio(asked: AskedImages, folder: Path, where: str) -> None:
    """Write tasks in Label Studio's format of pre-annotations: boxes in per cent, one prediction a task."""
    _dump(folder / "tasks.json", [_task(image, where) for image in asked.images])
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in asked.classes)
    (folder / "config.xml").write_text(
        '<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="label" toName="image">\n'
        f"{labels}\n  </RectangleLabels>\n</View>\n",
        encoding="utf-8",
    )


def _task(image: AskedImage, where: str) -> dict[str, Any]:
    found = [
        {
            "id": f"box{i}",
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": image.width_px,
            "original_height": image.height_px,
            "image_rotation": 0,
            "score": box.score,
            "value": {**_per_cent(box.box_xywh, image), "rotation": 0, "rectanglelabels": [box.label]},
        }
        for i, box in enumerate(image.boxes)
    ]
    score = sum(box.score for box in image.boxes) / len(image.boxes) if image.boxes else 0.0
    data = {"image": f"/data/local-files/?d={where}/{HANDED_IMAGES}/{image.name}", "sha256": image.sha256}
    return {"data": data, "predictions": [{"model_version": "champion", "score": score, "result": found}]}


def _per_cent(box: Sequence[float], image: AskedImage) -> dict[str, float]:
    left, top, width, height = box
    across, down = 100 / image.width_px, 100 / image.height_px
    return {"x": left * across, "y": top * down, "width": width * across, "height": height * down}


def _dump(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")


_WRITERS: dict[str, Callable[[AskedImages, Path, str], None]] = dict(
    zip(LABEL_TOOLS, (_coco, _yolo, _label_studio), strict=True)
)
