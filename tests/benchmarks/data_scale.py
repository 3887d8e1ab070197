"""How the index, the near-identical pictures, the groups and the splits of a data set grow with its size.

`python tests/benchmarks/data_scale.py 10000 100000` draws sets of small JPEGs with COCO JSON in a temporary folder,
which is removed afterwards, and prints for each the seconds of every step and the peak memory of a first run, and of a
second one after ten files were touched. A run is a process of its own, as a command is; its workers' memory counts too.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from objectives.data.pictures.index import index_file, look
from objectives.data.pictures.near import near_clusters
from objectives.data.readers import read_dataset
from objectives.data.splits.assign import assign
from objectives.data.splits.groups import group_images

SIZE = (96, 72)
COPIES = 50  # every so many pictures one is a recoded copy of the one before
TOUCHED = 10
CLASSES = ("can", "jar", "box", "crate", "tin", "bag", "tray", "tub")


def draw(root: Path, count: int) -> None:
    """Write pictures of soft blobs and one COCO JSON for all of them, three boxes each."""
    chance = np.random.default_rng(count)
    (root / "images").mkdir(parents=True)
    images, boxes = [], []
    pixels = np.zeros((*SIZE[::-1], 3), np.uint8)
    for i in range(count):
        quality = 60 if i % COPIES == 1 else 90
        if quality == 90:
            coarse = chance.integers(0, 256, (7, 9, 3), dtype=np.uint8)
            pixels = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
        name = f"{i:06d}.jpg"
        cv2.imwrite(str(root / "images" / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        images.append({"id": i, "file_name": name, "width": SIZE[0], "height": SIZE[1]})
        for left, top, label in zip(*chance.integers(0, 48, (2, 3)).tolist(), chance.integers(0, 8, 3), strict=True):
            box = [left, top, 20, 20]
            boxes.append({"id": len(boxes), "image_id": i, "category_id": int(label), "bbox": box, "iscrowd": 0})
    categories = [{"id": k, "name": name} for k, name in enumerate(CLASSES)]
    card = {"images": images, "annotations": boxes, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(card))


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"  {what:<18} {time.perf_counter() - start:8.2f} s", flush=True)


def run(root: Path) -> None:
    """Do what a check and the begin of a search do, and print the seconds of each step, and the peak of memory."""
    start = time.perf_counter()
    paths = sorted((root / "images").iterdir())
    with timed("index"):
        pictures = look(paths, index_file(root))
    with timed("near-identical"):
        clusters = near_clusters([picture.looks for picture in pictures.values()])
    with timed("groups"):
        groups = group_images(paths, pictures, root)
    with timed("reading"):
        dataset = read_dataset(root)
    images = [image for split in dataset.splits.values() for image in split]
    images.sort(key=lambda image: image.path)
    with timed("splits"):
        assign(images, groups, dataset.classes, {"train": 0.7, "val": 0.15, "test": 0.15}, 0)
    with timed("fingerprint"):
        _ = dataset.fingerprint
    print(f"  {'in all':<18} {time.perf_counter() - start:8.2f} s; {len(clusters)} clusters; peak {peak_mb():.0f} MB")
    assert not [picture for picture in pictures.values() if picture.problem]


def peak_mb() -> float:
    """Return the most memory of this process, and of as many workers as it has cores, each as large as the largest."""
    mine, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (mine + len(os.sched_getaffinity(0)) * largest) / 1024


def main(counts: list[int]) -> None:
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "set"
            with timed(f"drawing {count:,}"):
                draw(root, count)
            environment = {**os.environ, "XDG_CACHE_HOME": str(Path(folder) / "cache")}
            command = [sys.executable, __file__, "--run", str(root)]
            print(f"{count:,} images, first run", flush=True)
            subprocess.run(command, env=environment, check=True)
            for path in sorted((root / "images").iterdir())[:: max(1, count // TOUCHED)][:TOUCHED]:
                path.touch()
            print(f"{count:,} images, second run, {TOUCHED} files touched", flush=True)
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(Path(sys.argv[2]))
    else:
        main([int(text) for text in sys.argv[1:]] or [10_000])
