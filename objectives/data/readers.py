"""Readers of labelled data sets on disk: COCO JSON and YOLO text."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from objectives.data.dataset import IMAGE_SUFFIXES, SPLITS, Dataset, LabelledImage, finish, make_image
from spaces.errors import DataError

FORMATS = ("auto", "coco", "yolo")
_ALIASES = {"valid": "val", "validation": "val", "dev": "val", "training": "train", "testing": "test"}


def read_dataset(root: Path, format_: str = "auto", name: str = "") -> Dataset:
    """Read a data set from a folder (or a YOLO data.yaml, or a COCO JSON file).

    Args:
        root: the folder or file.
        format_: one of FORMATS; "auto" looks at what is there.
        name: name for people; the folder's name if empty.

    Raises:
        DataError: nothing there, no known format, or no usable box.
    """
    root = root.expanduser().absolute()
    if not root.exists():
        raise DataError(f"data.root: '{root}' does not exist; name a folder with COCO JSON or a YOLO data.yaml")
    if format_ not in FORMATS:
        raise DataError(f"data.format: '{format_}' is unknown; known: {', '.join(FORMATS)}")
    yamls, jsons = _yolo_yamls(root), _coco_jsons(root)
    folder = root if root.is_dir() else root.parent
    name = name or (root.name if root.is_dir() else root.parent.name)
    if format_ in ("auto", "yolo") and yamls:
        return _read_yolo(name, folder, yamls[0])
    if format_ in ("auto", "coco") and jsons:
        return _read_coco(name, folder, jsons)
    wanted = {"auto": "COCO JSON or a YOLO data.yaml", "coco": "COCO JSON", "yolo": "a YOLO data.yaml"}[format_]
    raise DataError(
        f"data.root: found no {wanted} in '{root}' (looked in the folder, annotations/ and the split folders)"
    )


# COCO


def _coco_jsons(root: Path) -> dict[str, Path]:
    """Return split to annotation file."""
    if root.is_file():
        return {"train": root} if root.suffix == ".json" else {}
    found: dict[str, Path] = {}
    for path in sorted([*root.glob("*.json"), *root.glob("annotations/*.json"), *root.glob("*/*.coco.json")]):
        text = path.parent.name if path.name.startswith("_annotations") else path.stem
        split = _split_named(text) or ("train" if path.name.startswith("_annotations") else None)
        if split and split not in found and not re.search(r"captions|keypoints|panoptic|stuff", path.stem):
            found[split] = path
    if not found and len(single := [*root.glob("*.json"), *root.glob("annotations/*.json")]) == 1:
        found["train"] = single[0]
    return found


def _split_named(text: str) -> str | None:
    for word in re.split(r"[^a-z]+", text.lower()):
        word = _ALIASES.get(word, word)
        if word in SPLITS:
            return word
    return None


def _read_coco(name: str, root: Path, jsons: dict[str, Path]) -> Dataset:
    contents = {split: _load_json(path) for split, path in jsons.items()}
    names = {c["id"]: str(c["name"]) for content in contents.values() for c in content["categories"]}
    classes = tuple(names.values())
    index = {category: i for i, category in enumerate(names)}
    notes: Counter[str] = Counter()
    splits = {}
    for split, content in contents.items():
        try:
            splits[split] = list(_coco_images(root, split, jsons[split], content, index, notes))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"data.root: '{jsons[split]}' holds an entry that is no COCO ({type(error).__name__}: {error})"
            ) from None
    return finish(name, root, classes, splits, [f"{count} {what}" for what, count in notes.items()])


def _load_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"data.root: '{path}' is no readable JSON: {error}") from None
    missing = {"images", "annotations", "categories"} - set(content if isinstance(content, dict) else ())
    if missing:
        raise DataError(f"data.root: '{path}' is no COCO detection file: it lacks {', '.join(sorted(missing))}")
    return content  # type: ignore[no-any-return]  # a mapping, checked above


def _coco_images(
    root: Path,
    split: str,
    json_path: Path,
    content: dict[str, Any],
    index: dict[Any, int],
    notes: Counter[str],
) -> Iterator[LabelledImage]:
    by_image: dict[Any, list[dict[str, Any]]] = {}
    for annotation in content["annotations"]:
        if annotation.get("iscrowd"):
            notes["crowd boxes were left out"] += 1
        elif annotation.get("category_id") not in index:
            notes["boxes of an unlisted category were left out"] += 1
        else:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
    for entry in content["images"]:
        path = _coco_path(root, split, json_path, str(entry["file_name"]))
        found = by_image.get(entry["id"], [])
        size = (int(entry["width"]), int(entry["height"])) if "width" in entry else image_size_px(path)
        image, dropped = make_image(path, size, (a["bbox"] for a in found), (index[a["category_id"]] for a in found))
        if dropped:
            notes["boxes without area inside the image were left out"] += dropped
        yield image


def _coco_path(root: Path, split: str, json_path: Path, file_name: str) -> Path:
    folders = (
        json_path.parent,
        root / "images",
        root / split,
        root / "images" / split,
        root,
        *root.glob(f"{split}*"),
    )
    for folder in folders:
        if (folder / file_name).is_file():
            return folder / file_name
    raise DataError(f"data.root: image '{file_name}' of '{json_path}' was not found beside it or in images/")


# YOLO


def _yolo_yamls(root: Path) -> list[Path]:
    if root.is_file():
        return [root] if root.suffix in {".yaml", ".yml"} else []
    found = [p for pattern in ("data.yaml", "data.yml", "dataset.yaml", "*.yaml", "*.yml") for p in root.glob(pattern)]
    return [p for p in found if isinstance(content := _load_yaml(p), dict) and "names" in content]


def _load_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"data.root: '{path}' is no readable YAML: {str(error).splitlines()[0]}") from None


def _read_yolo(name: str, root: Path, yaml_path: Path) -> Dataset:
    content = _load_yaml(yaml_path)
    names = content["names"]
    ordered = [names[k] for k in sorted(names)] if isinstance(names, dict) else list(names)
    classes = tuple(map(str, ordered))
    notes: Counter[str] = Counter()
    splits: dict[str, list[LabelledImage]] = {}
    for key, value in content.items():
        split = _ALIASES.get(key, key)
        if split in SPLITS and value:
            files = _yolo_files(yaml_path, content.get("path"), value)
            splits[split] = [_yolo_image(file, classes, yaml_path, notes) for file in files]
    return finish(name, root, classes, splits, [f"{count} {what}" for what, count in notes.items()])


def _yolo_files(yaml_path: Path, base: str | None, value: str | list[str]) -> list[Path]:
    """Return the images of a split: folders, or text files that list images."""
    files: list[Path] = []
    for text in [value] if isinstance(value, str) else value:
        source = _yolo_source(yaml_path, base, text)
        if source.is_dir():
            files += sorted(p for p in source.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
        else:
            lines = source.read_text(encoding="utf-8").split("\n")
            files += [source.parent / line.strip() for line in lines if line.strip()]
    return files


def _yolo_source(yaml_path: Path, base: str | None, text: str) -> Path:
    folder = yaml_path.parent
    # Roboflow writes `../train/images` for a folder beside data.yaml, hence the last one.
    tries = [folder / (base or "") / text, folder / text, folder / text.removeprefix("../")]
    for path in tries:
        if path.exists():
            return path
    raise DataError(
        f"data.root: '{yaml_path}' names '{text}', which does not exist (tried {', '.join(map(str, tries))})"
    )


def _yolo_image(path: Path, classes: tuple[str, ...], yaml_path: Path, notes: Counter[str]) -> LabelledImage:
    width, height = image_size_px(path)
    boxes, labels = [], []
    for line in _label_lines(path):
        try:
            label, *numbers = (float(v) for v in line.split())
            index = int(label)
            if index != label or not 0 <= index < len(classes):
                raise DataError(f"data.root: class {label:g} in the labels of '{path}' is not in {yaml_path.name}")
            cx, cy, w, h = numbers if len(numbers) == 4 else _hull(numbers)
        except (ValueError, OverflowError):
            raise DataError(f"data.root: the labels of '{path}' hold a line that is no box: {line[:60]!r}") from None
        boxes.append(((cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height))
        labels.append(index)
    image, dropped = make_image(path, (width, height), boxes, labels)
    if dropped:
        notes["boxes without area inside the image were left out"] += dropped
    return image


def _label_lines(image: Path) -> list[str]:
    parts = list(image.parts)
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        parts[last] = "labels"
    label = Path(*parts).with_suffix(".txt")
    return [line for line in label.read_text().splitlines() if line.strip()] if label.is_file() else []


def _hull(numbers: list[float]) -> tuple[float, float, float, float]:
    """Centre and size of a polygon x1 y1 x2 y2 ..."""
    xs, ys = numbers[::2], numbers[1::2]
    if len(xs) < 3 or len(xs) != len(ys):
        raise ValueError(numbers)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)


def image_size_px(path: Path) -> tuple[int, int]:
    """Return width and height as decoded, orientation tags applied.

    Raises:
        DataError: the file is missing or no image.
    """
    try:
        with Image.open(path) as image:
            sideways = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (image.height, image.width) if sideways else image.size
    except (OSError, ImportError) as error:  # once Ultralytics is imported, Pillow asks for a HEIF plugin first
        raise DataError(f"data.root: '{path}' is no readable image: {error}") from None
