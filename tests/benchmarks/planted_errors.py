"""Where planted label errors rank: `python tests/benchmarks/planted_errors.py EXPORT [SPLIT] [SEEDS]`.

EXPORT is a folder of `automl export`. The detector is run over its split once; then, for each seed, labels of the split
are spoilt in memory (10 removed, 10 of another class, 7 moved by 0.55 of their width, 7 invented), and how many of the
34 stand among the first 10, 34 and 50 suspects is printed, beside how many would by chance, in a random order.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import SCORE_CONFIDENCE, detect_all
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.errors.analysis import Analysed, Seen, analyse, images_for
from objectives.deploy.errors.suspects import Doubt, Suspect
from objectives.deploy.runtimes.open import open_artifact
from search.settings.dataset import load_data
from search.study.shipped import find_shipped

REMOVED, SWAPPED, MOVED, INVENTED = 10, 10, 7, 7
FIRST = (10, 34, 50)
Planted = dict[tuple[int, Doubt], list[np.ndarray]]  # image and kind -> true boxes, left, top, width, height


def spoil(
    images: Sequence[LabelledImage], classes: int, rng: np.random.Generator
) -> tuple[list[LabelledImage], Planted]:
    """Return spoilt images, and what was planted."""
    spoilt, planted = list(images), Planted()
    places = [(i, j) for i, image in enumerate(images) for j in range(len(image.classes))]
    chosen = [places[k] for k in rng.choice(len(places), REMOVED + SWAPPED + MOVED, replace=False)]
    removed, swapped, moved = np.split(np.array(chosen), [REMOVED, REMOVED + SWAPPED])
    for i, j in swapped:
        labels = spoilt[i].classes.copy()
        labels[j] = (labels[j] + rng.integers(1, classes)) % classes
        spoilt[i] = replace(spoilt[i], classes=labels)
        planted.setdefault((i, Doubt.WRONG_CLASS), []).append(images[i].boxes_xywh[j])
    for i, j in moved:
        boxes = spoilt[i].boxes_xywh.copy()
        boxes[j, 0] = max(0, boxes[j, 0] - 0.55 * boxes[j, 2])
        spoilt[i] = replace(spoilt[i], boxes_xywh=boxes)
        planted.setdefault((i, Doubt.MISPLACED), []).append(images[i].boxes_xywh[j])
    for i in range(len(images)):
        gone = [int(j) for image, j in removed if image == i]
        planted |= {(i, Doubt.MISSING): [images[i].boxes_xywh[j] for j in gone]} if gone else {}
        kept = np.setdiff1d(np.arange(len(spoilt[i].classes)), gone)
        spoilt[i] = replace(spoilt[i], boxes_xywh=spoilt[i].boxes_xywh[kept], classes=spoilt[i].classes[kept])
    for i in rng.integers(len(images), size=INVENTED).tolist():
        like = images[i].boxes_xywh[rng.integers(len(images[i].boxes_xywh))]
        size = np.array([images[i].width_px, images[i].height_px])
        box = np.concatenate([rng.uniform(0, size - like[2:]), like[2:]])
        boxes, labels = np.vstack([spoilt[i].boxes_xywh, box]), np.append(spoilt[i].classes, rng.integers(classes))
        spoilt[i] = replace(spoilt[i], boxes_xywh=boxes, classes=labels)
        planted.setdefault((i, Doubt.SPURIOUS), []).append(box)
    return spoilt, planted


def ranks(suspects: Sequence[Suspect], images: Sequence[LabelledImage], planted: Planted) -> Iterator[int]:
    """Yield the rank, from 1, of each planted error that is among the suspects, whatever kind it is taken for."""
    index = {image.path: i for i, image in enumerate(images)}
    left = {key: list(boxes) for key, boxes in planted.items()}
    for rank, suspect in enumerate(suspects, 1):
        for (i, _), boxes in left.items():
            if i != index[suspect.image.path]:
                continue
            hit = next((k for k, box in enumerate(boxes) if overlap(box, np.array(suspect.box_xywh)) > 0.5), None)
            if hit is not None:
                boxes.pop(hit)
                yield rank
                break


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the IoU of two boxes."""
    sides = np.minimum(one[:2] + one[2:], other[:2] + other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(0, sides)))
    return shared / (float(np.prod(one[2:]) + np.prod(other[2:])) - shared)


def main(export: str, split: str = "val", seeds: str = "20") -> None:
    shipped = find_shipped(str(Path(export).absolute()), None, "runs", None)
    detector = Detector(open_artifact(shipped.model, shipped.device(None)), SCORE_CONFIDENCE)
    classes = detector.meta.classes
    images = images_for(load_data(shipped.data_settings({})), split, classes)
    found: list[Detections] = detect_all(detector, images)
    of = Analysed(shipped.name, "spoilt", split, classes, shipped.confidence, Seen.UNKNOWN)
    total, labels = REMOVED + SWAPPED + MOVED + INVENTED, sum(len(image.classes) for image in images)
    counts = []
    for seed in range(int(seeds)):
        spoilt, planted = spoil(images, len(classes), np.random.default_rng(seed))
        where = list(ranks(analyse(of, spoilt, found).suspects, spoilt, planted))
        counts.append([sum(rank <= first for rank in where) for first in FIRST] + [len(where)])
    print(f"{shipped.name} on {split}: {labels} labels, {total} planted errors, mean and least of {seeds} seeds")
    for name, column in zip([*(f"first {first}" for first in FIRST), "all suspects"], np.array(counts).T, strict=True):
        first = int(name.split()[-1]) if name.startswith("first") else None
        chance = f", by chance {total * first / labels:.1f}" if first else ""
        print(f"{name:>12}: {column.mean():.1f} of {total}, least {column.min()}{chance}")


if __name__ == "__main__":
    main(*sys.argv[1:])
