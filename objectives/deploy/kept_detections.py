"""Detections of a trial on the images that it was scored on, kept in one small file beside its weights.

The surest of all images together are kept, so that everything above one score, the floor, is there: counts from the
floor on are those of the whole detector. Which images they are of is kept as digests of labels and names: an image's
place in its split may be another on another machine.
"""

import hashlib
import json
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.machine.files import whole
from spaces.errors import AutomlError

KEPT_FORMAT = 1
LEAST_FLOOR = 0.01  # boxes scored lower are never kept
KEPT_LEAST, KEPT_AN_IMAGE, KEPT_A_LABEL = 2000, 5, 2  # boxes that are kept at most, of all images together


@dataclass(frozen=True, eq=False)
class KeptDetections:
    """What a detector found on images of a split.

    Attributes:
        split: name of the images that the trial was scored on.
        confidence: as deployed.
        floor: everything scored above it is kept.
        found: one an image; scores are as they were, boxes to a 32-bit float.
        labels: (images,) digest of the labels of each image.
        names: (images,) digest of the name of its file.
    """

    split: str
    confidence: float
    floor: float
    found: tuple[Detections, ...]
    labels: NDArray[np.uint64]
    names: NDArray[np.uint32]


def keep_detections(
    found: Sequence[Detections], images: Sequence[LabelledImage], split: str, confidence: float
) -> KeptDetections:
    """Return what is to be kept of the detections of a split.

    Args:
        found: one an image, low scores included.
        images: of the split.
        split: its name.
        confidence: as deployed.
    """
    labels = sum(len(image.classes) for image in images)
    most = max(KEPT_LEAST, KEPT_AN_IMAGE * len(images) + KEPT_A_LABEL * labels)
    floor = floor_of(np.concatenate([np.zeros(0), *(one.scores for one in found)]), most)
    kept = tuple(_above(one, floor) for one in found)
    of_labels = np.array([labels_digest(image) for image in images], dtype=np.uint64)
    of_names = np.array([zlib.crc32(image.path.name.encode(errors="replace")) for image in images], dtype=np.uint32)
    return KeptDetections(split, confidence, floor, kept, of_labels, of_names)


def floor_of(scores: NDArray[np.float64], most: int) -> float:
    """Return the lowest floor, LEAST_FLOOR at least, above which there are at most so many scores."""
    if len(scores) <= most:
        return LEAST_FLOOR
    return max(LEAST_FLOOR, float(np.partition(scores, len(scores) - most - 1)[len(scores) - most - 1]))


def labels_digest(image: LabelledImage) -> int:
    """Return 64 bits of an image's size and its labels, in their order."""
    digest = hashlib.blake2b(f"{image.width_px} {image.height_px}".encode(), digest_size=8)
    digest.update(image.boxes_xywh.round(2).astype("<f8").tobytes() + image.classes.astype("<i8").tobytes())
    return int.from_bytes(digest.digest(), "little")


def places_in(kept: KeptDetections, images: Sequence[LabelledImage]) -> list[int | None]:
    """Return the place of each kept image among the images of the split as they are now; None where it is not there.

    An image is known again by its labels, and where several have the same (none, say) by its name, or else in order.
    """
    by_labels: dict[int, list[int]] = defaultdict(list)
    for place, image in enumerate(images):
        by_labels[labels_digest(image)].append(place)
    names = [zlib.crc32(image.path.name.encode(errors="replace")) for image in images]
    alike = [by_labels[int(digest)] for digest in kept.labels]
    found: list[int | None] = [None] * len(alike)
    for i, places in enumerate(alike):
        same = next((place for place in places if names[place] == int(kept.names[i])), None)
        if same is not None:
            found[i] = same
            places.remove(same)
    for i, places in enumerate(alike):
        if found[i] is None and places:
            found[i] = places.pop(0)
    return found


def write_kept(kept: KeptDetections, path: Path) -> None:
    """Write the file, whole."""
    boxes = np.concatenate([np.zeros((0, 4)), *(one.boxes_xyxy for one in kept.found)]).astype("<f4")
    scores = np.concatenate([np.zeros(0), *(one.scores for one in kept.found)]).astype("<f8")
    classes = np.concatenate([np.zeros(0, np.int64), *(one.classes for one in kept.found)])
    head = {"format": KEPT_FORMAT, "split": kept.split, "confidence": kept.confidence, "floor": kept.floor}
    packed = BytesIO()
    np.savez_compressed(
        packed,
        head=np.frombuffer(json.dumps(head).encode(), np.uint8),
        counts=np.array([len(one.scores) for one in kept.found], dtype="<u4"),
        labels=kept.labels.astype("<u8"),
        names=kept.names.astype("<u4"),
        boxes=_by_byte(boxes),
        scores=_by_byte(scores),
        classes=classes.astype("<u2"),
    )
    with whole(path) as partial:
        partial.write_bytes(packed.getvalue())


def read_kept(path: Path) -> KeptDetections:
    """Read the file.

    Raises:
        AutomlError: it is not there, damaged, or a newer automl's.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            if head["format"] != KEPT_FORMAT:
                raise AutomlError(
                    f"'{path}' has format {head['format']}, and this automl reads {KEPT_FORMAT}; update automl"
                )
            return _read(head, {name: file[name] for name in file.files})
    except FileNotFoundError:
        raise AutomlError(f"'{path}' is not there: the trial kept no detections, or they were removed") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile, zlib.error):
        raise AutomlError(f"'{path}' is damaged; score the trial again to have its detections") from None


def _read(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> KeptDetections:
    boxes = _from_bytes(arrays["boxes"], "<f4").reshape(-1, 4).astype(np.float64)
    scores, classes = _from_bytes(arrays["scores"], "<f8").astype(np.float64), arrays["classes"].astype(np.int64)
    counts, labels, names = arrays["counts"].astype(np.int64), arrays["labels"], arrays["names"]
    if not len(boxes) == len(scores) == len(classes) == counts.sum() or not len(counts) == len(labels) == len(names):
        raise ValueError("lengths differ")
    ends = np.cumsum(counts)
    parts = [slice(int(end - count), int(end)) for end, count in zip(ends, counts, strict=True)]
    found = tuple(Detections(boxes[part], scores[part], classes[part]) for part in parts)
    return KeptDetections(str(head["split"]), float(head["confidence"]), float(head["floor"]), found, labels, names)


def _above(found: Detections, floor: float) -> Detections:
    kept = found.scores > floor
    return Detections(found.boxes_xyxy[kept], found.scores[kept], found.classes[kept])


def _by_byte(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the first bytes of all values, then the second ones: what is alike stands together, and packs better."""
    return np.ascontiguousarray(values.reshape(-1, 1).view(np.uint8).reshape(values.size, values.itemsize).T)


def _from_bytes(planes: NDArray[np.uint8], kind: str) -> NDArray[Any]:
    return np.ascontiguousarray(planes.T).view(kind).reshape(-1)
