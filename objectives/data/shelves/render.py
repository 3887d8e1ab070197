"""The embedded data set: retail shelves rendered from a seed in seconds, kept on disk like a user's data.

Ten products look alike in pairs and differ in small print (see `objectives.data.shelves.products`). The splits share no
store and no week, so that a detector is scored on shelves, lamps and planograms that it never saw:

    train   stores a to f   weeks 1 to 6
    val     stores g and h  weeks 7 and 8
    test    stores i and j  weeks 9 and 10
"""

import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from objectives.data.shelves.camera import IMAGE_PX, Sight, aim, develop, look, margin
from objectives.data.shelves.packs import Image
from objectives.data.shelves.products import PRODUCTS
from objectives.data.shelves.scenes import SUPERSAMPLE, cover_foreground, paint
from objectives.data.shelves.stores import Planogram, Store, lay_out, make_planogram, make_stores
from spaces.errors import DataError

VERSION = "3"  # of the pictures that a seed stands for
STALE_SECONDS = 3600.0  # a temporary folder this old belongs to no run that is alive
STORES, PLANOGRAMS, PHOTOS = range(3)  # branches of the seed: no number depends on how many images are asked for
FOREGROUND = 0.25  # probability that a basket or a hand covers a part of the photograph
JPEG_QUALITY = (60, 92)


@dataclass(frozen=True)
class Split:
    """One split: which stores and which weeks are its own."""

    name: str
    stores: tuple[str, ...]
    weeks: tuple[int, ...]


SPLITS = (
    Split("train", ("store-a", "store-b", "store-c", "store-d", "store-e", "store-f"), (1, 2, 3, 4, 5, 6)),
    Split("val", ("store-g", "store-h"), (7, 8)),
    Split("test", ("store-i", "store-j"), (9, 10)),
)


def render_shelves(root: Path, seed: int = 42, train: int = 96, val: int = 32, test: int = 32) -> Path:
    """Return `root`, holding `images/` and `annotations/{train,val,test}.json`, rendered if not there yet.

    The same arguments give the same bytes, and an image is the same however many others are asked for. A
    complete folder is taken as it is: name it after the arguments. The work is done in a folder beside it,
    which is renamed at the end, so `root` is whole or absent, whenever the process dies.

    Args:
        root: folder to be made.
        seed: seed of everything drawn, 0 or more.
        train: images of the training split.
        val: images of the validation split.
        test: images of the test split.

    Raises:
        DataError: `root` holds something else, or it cannot be written.
    """
    if _is_complete(root):
        return root
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(f"shelves: {root} exists and is not a data set of rendered shelves; name another folder")
    try:
        _render_beside(root, seed, {"train": train, "val": val, "test": test})
    except OSError as error:
        raise DataError(f"shelves: cannot write {root}: {error}; name a folder that can be written") from error
    return root


def _is_complete(root: Path) -> bool:
    return all((root / "annotations" / f"{split.name}.json").is_file() for split in SPLITS)


def _render_beside(root: Path, seed: int, counts: dict[str, int]) -> None:
    """Render into a temporary sibling of `root` and rename it; another process may be first."""
    root.parent.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    work = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        (work / "images").mkdir()
        (work / "annotations").mkdir()
        for branch, split in enumerate(SPLITS):
            coco = _render_split(work, split, branch, seed, counts[split.name])
            (work / "annotations" / f"{split.name}.json").write_text(json.dumps(coco), encoding="utf-8")
        work.chmod(0o755)  # mkdtemp's folders are the owner's alone
        work.rename(root)
    except OSError:
        if not _is_complete(root):
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what runs that were killed left beside `root`."""
    for leftover in root.parent.glob(f".{root.name}-*"):
        if time.time() - leftover.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(leftover, ignore_errors=True)


def _generator(seed: int, *branch: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=branch))


def _render_split(root: Path, split: Split, branch: int, seed: int, count: int) -> dict[str, Any]:
    """Write the images of one split and return its COCO mapping."""
    stores = make_stores(split.stores, _generator(seed, STORES, branch))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i in range(count):
        store, week = stores[i % len(stores)], split.weeks[i // len(stores) % len(split.weeks)]
        planogram = make_planogram(week, i % len(stores), _generator(seed, PLANOGRAMS, branch, i % len(stores), week))
        photo, quality, sights = photograph(_generator(seed, PHOTOS, branch, i), store, planogram)
        name = f"{store.name}-week-{week:02d}-{i:04d}.jpg"
        _, jpeg = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
        (root / "images" / name).write_bytes(jpeg.tobytes())
        size = {"width": IMAGE_PX, "height": IMAGE_PX}
        images.append({"id": i + 1, "file_name": name, **size, "store": store.name, "week": week})
        annotations += [_annotation(sight, i + 1, number) for number, sight in enumerate(sights, len(annotations) + 1)]
    return _coco(split.name, seed, images, annotations)


def photograph(rng: np.random.Generator, store: Store, planogram: Planogram) -> tuple[Image, int, list[Sight]]:
    """Return one photograph, (IMAGE_PX, IMAGE_PX, 3) uint8 BGR, its JPEG quality, and what it shows."""
    side = round(IMAGE_PX * (1 + 2 * margin())) * SUPERSAMPLE
    px_per_mm = store.px_per_mm * rng.uniform(0.95, 1.05) * SUPERSAMPLE
    boards = lay_out(rng, store, planogram, side / px_per_mm)
    scene = paint(rng, boards, store, planogram, side, px_per_mm)
    if rng.random() < FOREGROUND:
        cover_foreground(rng, scene)
    view = aim(rng, store)
    sights = look(scene, view)
    photo = develop(rng, scene, view, store)
    return photo, round(rng.uniform(*JPEG_QUALITY)), sights


def _annotation(sight: Sight, image_id: int, number: int) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(edge, 2) for edge in sight.box)
    box = [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": PRODUCTS.index(sight.product) + 1,
        "bbox": box,
        "area": round(box[2] * box[3], 2),
        "iscrowd": 0,
        "visible": round(sight.visible, 3),
    }


def _coco(split: str, seed: int, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the COCO mapping; it holds no date, so that a seed stands for its bytes."""
    info = {"description": f"automl rendered shelves, {split}", "version": VERSION, "seed": seed}
    categories = [
        {"id": i, "name": product.name, "supercategory": product.pack.family}
        for i, product in enumerate(PRODUCTS, start=1)
    ]
    return {"info": info, "licenses": [], "categories": categories, "images": images, "annotations": annotations}
