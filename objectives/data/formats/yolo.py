"""Reader of YOLO text labels with a data.yaml."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from objectives.data.class_names import gap_note, names_in_yaml
from objectives.data.dataset import (
    IMAGE_SUFFIXES,
    SPLIT_ALIASES,
    SPLITS,
    Dataset,
    LabelledImage,
    finish,
    make_noted_image,
)
from objectives.data.frame import TURNED_UNKNOWN, read_header
from spaces.errors import DataError


def find_yamls(root: Path) -> list[Path]:
    """Return the data.yaml files of a folder, likeliest first."""
    if root.is_file():
        return [root] if root.suffix in {".yaml", ".yml"} else []
    found = [p for pattern in ("data.yaml", "data.yml", "dataset.yaml", "*.yaml", "*.yml") for p in root.glob(pattern)]
    return [p for p in found if isinstance(content := _parse(p, _read(p)), dict) and "names" in content]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"data.root: '{path}' is not readable YAML: {str(error).splitlines()[0]}") from None


def _parse(path: Path, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"data.root: '{path}' is not readable YAML: {str(error).splitlines()[0]}") from None


def read_yolo(name: str, root: Path, yaml_path: Path) -> Dataset:
    """Read the data set that a data.yaml describes.

    Raises:
        DataError: something it names is missing or unusable.
    """
    text = _read(yaml_path)
    content = _parse(yaml_path, text)
    if not isinstance(content, dict) or "names" not in content:
        raise DataError(f"data.root: '{yaml_path}' is not a YOLO data.yaml: it lacks names")
    notes: Counter[str] = Counter()
    names = names_in_yaml(text, yaml_path, notes)
    index = {key: i for i, key in enumerate(names)}
    splits: dict[str, list[LabelledImage]] = {}
    for key, value in content.items():
        split = SPLIT_ALIASES.get(key, key)
        if split in SPLITS and value:
            if split in splits:
                raise DataError(f"data.root: '{yaml_path}' names the {split} split twice; keep one of the two keys")
            files = _once(_files(yaml_path, content.get("path"), value), notes)
            splits[split] = [_image(file, index, yaml_path, notes) for file in files]
    lines = [f"{count} {what}" for what, count in notes.items()]
    return finish(name, root, tuple(names.values()), splits, lines + gap_note(names, yaml_path))


def _files(yaml_path: Path, base: str | None, value: str | list[str]) -> list[Path]:
    """Return the images of a split: folders, or text files that list images."""
    files: list[Path] = []
    for text in [value] if isinstance(value, str) else value:
        source = _source(yaml_path, base, text)
        if source.is_dir():
            files += sorted(p for p in source.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
        else:
            lines = source.read_text(encoding="utf-8").split("\n")
            files += [source.parent / line.strip() for line in lines if line.strip()]
    return files


def _once(files: list[Path], notes: Counter[str]) -> list[Path]:
    unique = list(dict.fromkeys(files))
    if len(unique) < len(files):
        notes["images were listed again in their split, and read once"] += len(files) - len(unique)
    return unique


def _source(yaml_path: Path, base: str | None, text: str) -> Path:
    folder = yaml_path.parent
    # Roboflow writes `../train/images` for a folder beside data.yaml, hence the last one.
    tries = [folder / (base or "") / text, folder / text, folder / text.removeprefix("../")]
    for path in tries:
        if path.exists():
            return path
    raise DataError(
        f"data.root: '{yaml_path}' names '{text}', which does not exist (tried {', '.join(map(str, tries))})"
    )


def _image(path: Path, classes: dict[int, int], yaml_path: Path, notes: Counter[str]) -> LabelledImage:
    header = read_header(path)
    width, height = header.shown_px
    boxes, labels = [], []
    for line in _label_lines(path):
        try:
            label, *numbers = (float(v) for v in line.split())
            index = int(label)
            if index != label or index not in classes:
                raise DataError(f"data.root: class {label:g} in the labels of '{path}' is not in {yaml_path.name}")
            cx, cy, w, h = numbers if len(numbers) == 4 else _hull(numbers)
        except (ValueError, OverflowError):
            raise DataError(f"data.root: the labels of '{path}' hold a line that is not a box: {line[:60]!r}") from None
        boxes.append(((cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height))
        labels.append(classes[index])
    if header.orientation > 1 and boxes:
        notes[TURNED_UNKNOWN] += 1
    return make_noted_image(path, (width, height), np.array(boxes).reshape(-1, 4), labels, notes)


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
