"""A small stream for the tests of pipelines: pictures of red and blue blocks in stores, and a first data set."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from picture_files import blobs

from search.operate.context import LineEnd, OperateContext
from search.operate.journal.open import open_journal, paths_of
from search.settings.pipeline.pipeline_settings import load_pipeline

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZE = (160, 120)
COLOURS = {"red": (30, 30, 220), "blue": (220, 60, 30)}  # BGR
GROUP = r"stream.group='(?P<group>store-\w)'"
Truth = list[tuple[str, float, float, float, float]]  # class, left, top, width, height


def picture(seed: int) -> tuple[np.ndarray, Truth]:
    """Return a picture (H, W, 3) BGR of two or three blocks on uneven grey, and its boxes."""
    rng = np.random.default_rng(seed)
    grey = (blobs(seed, SIZE)[..., :1] // 4 + 100).astype(np.uint8)
    image, boxes = np.repeat(grey, 3, axis=2), Truth()
    for column in range(int(rng.integers(2, 4))):
        w, h = int(rng.integers(24, 44)), int(rng.integers(28, 58))
        x, y = column * 53 + int(rng.integers(2, 51 - w)), int(rng.integers(2, SIZE[1] - h - 2))
        name = ("red", "blue")[int(rng.integers(2))]
        cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), COLOURS[name], -1)
        boxes.append((name, x, y, w, h))
    return image, boxes


def arrive(folder: Path, name: str, seed: int, at: datetime = NOW) -> tuple[str, Truth]:
    """Put a picture into a folder, as of a time; return its SHA-256 and its boxes."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image, boxes = picture(seed)
    cv2.imwrite(str(path), image)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return hashlib.sha256(path.read_bytes()).hexdigest(), boxes


def coco_of(images: Sequence[tuple[str, Truth]], classes: Iterable[str] = ("red", "blue")) -> dict[str, Any]:
    """Return COCO JSON of pictures by their names."""
    names = list(classes)
    found = [(i, box) for i, (_, boxes) in enumerate(images) for box in boxes]
    return {
        "images": [
            {"id": i, "file_name": name, "width": SIZE[0], "height": SIZE[1]} for i, (name, _) in enumerate(images)
        ],
        "annotations": [
            {"id": j, "image_id": i, "category_id": names.index(label), "bbox": box, "iscrowd": 0}
            for j, (i, (label, *box)) in enumerate(found)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }


def first_data(root: Path, stores: dict[str, str] | None = None) -> Path:
    """Write a first data set: six images a split, of the store that `stores` names for it."""
    named = stores or {"train": "store-a", "val": "store-g", "test": "store-i"}
    for k, (split, store) in enumerate(named.items()):
        images = []
        for i in range(6):
            name = f"images/{store}-{i}.png"
            images.append((name, arrive(root, name, 1000 * (k + 1) + i)[1]))
        (root / f"{split}.json").write_text(json.dumps(coco_of(images)))
    return root


def no_line(words: Sequence[str], log: Path) -> LineEnd:
    """Refuse to run a line: nothing of a stream needs one."""
    raise AssertionError(f"a line was run: {words} to {log}")


def stream_context(folder: Path, *more: str, now: datetime = NOW) -> OperateContext:
    """Return the context of a pipeline whose stream lies in `folder`/stream and whose labels in `folder`/labels."""
    for name in ("stream", "labels"):
        (folder / name).mkdir(exist_ok=True)
    line = [
        "pipeline=base",
        "name=p",
        f"folder={folder / 'pipelines'}",
        f"deployments={folder / 'deployments'}",
        f"data.root={folder / 'first'}",
        f"stream.images={folder / 'stream'}",
        f"stream.labels={folder / 'labels'}",
        *more,
    ]
    settings = load_pipeline(line)
    said: list[str] = []
    return OperateContext(settings, paths_of(settings), open_journal(settings), now, no_line, said.append)
