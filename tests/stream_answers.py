"""What surrounds a pipeline, for replays: the servers that answer and log, the labeller, and a judge of its own.

Servers run the deployed files over the week's images by the deployed program. Which files: as `current` and, while a
version is rolled out, `rollout.json` say, as a user's own server would read them. The judge is pycocotools alone.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from defaults import CPU
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from rendered_stream import Photo

from objectives.deploy.confidence import SCORE_CONFIDENCE, confidence_of
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.runtimes.open import open_artifact
from objectives.predictions.record import LoggedBox, PredictionRecord
from objectives.records.paths import MODEL

PICTURES = (".jpg", ".jpeg", ".png")
LatencyOf = Callable[[str, np.random.Generator], float]  # of a version's answer, ms


@dataclass(frozen=True)
class Served:
    """What answers in a folder of deployments: versions, and how the newer one takes part; see docs/rollout.md."""

    current: str
    challenger: str | None
    kind: str
    share: float


@dataclass(frozen=True)
class Answer:
    """All that a version found in an image, the boxes with low scores too."""

    photo: Photo
    version: str
    classes: tuple[str, ...]
    found: Detections


def served(deployments: Path) -> Served | None:
    """Read what answers; None where nothing does yet."""
    pointer = deployments / "current"
    if not pointer.exists():
        return None
    current = pointer.resolve().name if pointer.is_symlink() else pointer.read_text().strip()
    rollout = deployments / "rollout.json"
    said = json.loads(rollout.read_text()) if rollout.exists() else {}
    if said.get("kind") not in ("shadow", "canary"):
        return Served(current, None, "", 0.0)
    return Served(current, said["version"], said["kind"], float(said.get("share") or 0.0))


class Servers:
    """Servers of a folder of deployments, which keep their files open."""

    def __init__(self, deployments: Path, images: Path, latency_of: LatencyOf, seed: int = 0) -> None:
        self.deployments, self.images = deployments, images
        self.latency_of, self.rng = latency_of, np.random.default_rng(seed)
        self._open: dict[str, Detector] = {}

    def answers(self, photos: Sequence[Photo], version: str) -> list[Answer]:
        """Return what a version finds."""
        detector = self._detector(version)
        return [
            Answer(photo, version, detector.meta.classes, detector(_pixels(self.images / photo.path)))
            for photo in photos
        ]

    def day(self, photos: Sequence[Photo]) -> list[PredictionRecord]:
        """Answer photographs as the servers do; return what they log, in order of time."""
        now = served(self.deployments)
        if now is None:
            return []
        records = []
        for photo in sorted(photos, key=lambda photo: photo.at):
            version = now.current
            if now.challenger and now.kind == "canary" and _chosen(photo, now.share):
                version = now.challenger
            records.append(self._record(photo, version, shadow=False))
            if now.challenger and now.kind == "shadow":
                records.append(self._record(photo, now.challenger, shadow=True))
        return records

    def _record(self, photo: Photo, version: str, *, shadow: bool) -> PredictionRecord:
        (answer,) = self.answers([photo], version)
        confidence = confidence_of(self._detector(version).meta)
        boxes = tuple(
            LoggedBox(answer.classes[label], float(score), tuple(box.tolist()))
            for box, score, label in zip(
                answer.found.boxes_xyxy, answer.found.scores, answer.found.classes.tolist(), strict=True
            )
            if score > confidence
        )
        latency_ms = self.latency_of(version, self.rng)
        return PredictionRecord(
            photo.at, photo.path, version, shadow, boxes, latency_ms, *photo.size_px, photo.group, ""
        )

    def _detector(self, version: str) -> Detector:
        if version not in self._open:
            runtime = open_artifact(self.deployments / version / MODEL, CPU)
            self._open[version] = Detector(runtime, SCORE_CONFIDENCE)
        return self._open[version]


def steady(p50_ms: Mapping[str, float]) -> LatencyOf:
    """Return latencies that spread by a tenth around a version's median; 10 ms for one that is not named."""
    return lambda version, rng: float(p50_ms.get(version, 10.0) * np.exp(rng.normal(0.0, 0.1)))


def map50_of(answers: Sequence[Answer], classes: Sequence[str]) -> float:
    """Return the mAP50 of answers by pycocotools; a class that no image shows does not count."""
    ids = {name: number for number, name in enumerate(classes, 1)}
    numbered = list(enumerate(answers, 1))
    truth = COCO()
    truth.dataset = coco_of([answer.photo for answer in answers], classes)
    boxes = [
        {"image_id": number, "category_id": ids[answer.classes[label]], "bbox": _xywh(box), "score": float(score)}
        for number, answer in numbered
        for box, score, label in zip(
            answer.found.boxes_xyxy.tolist(), answer.found.scores, answer.found.classes.tolist(), strict=True
        )
        if answer.classes[label] in ids
    ]
    if not boxes or not truth.dataset["annotations"]:
        return 0.0
    with redirect_stdout(io.StringIO()):
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(boxes), "bbox")
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][0, :, :, 0, -1]  # IoU 0.5: (recalls, classes); -1 where a class is not shown
    return float(precision[precision > -1].mean())


def coco_of(photos: Sequence[Photo], classes: Sequence[str], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return photographs and their truth as COCO, under other names if they are given."""
    ids = {name: number for number, name in enumerate(classes, 1)}
    images, annotations = [], []
    for number, photo in enumerate(photos, 1):
        name = names[number - 1] if names else photo.path
        images.append({"id": number, "file_name": name, "width": photo.size_px[0], "height": photo.size_px[1]})
        for box in photo.boxes:
            x, y, width, height = _xywh(box.box_xyxy)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": ids[box.label],
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def label(handed_over: Path, known: Mapping[str, Photo], classes: Sequence[str], labels: Path) -> int:
    """Label what was handed over, whatever the tool, and put it back as COCO; return the images.

    A hand-over is known by the bytes of its images. What it says of them is not looked at.
    """
    files = [path for path in sorted(handed_over.rglob("*")) if path.suffix.lower() in PICTURES]
    found = [(path, known.get(hashlib.sha256(path.read_bytes()).hexdigest())) for path in files]
    pairs = [(path, photo) for path, photo in found if photo is not None]
    return _put_back([path for path, _ in pairs], [photo for _, photo in pairs], classes, labels / handed_over.name)


def sample(photos: Sequence[Photo], count: int, images: Path, classes: Sequence[str], target: Path, seed: int) -> int:
    """Label photographs at random and unasked, in a data set `target`; return the images."""
    rng = np.random.default_rng(seed)
    chosen = [photos[i] for i in sorted(rng.permutation(len(photos))[:count].tolist())]
    return _put_back([images / photo.path for photo in chosen], chosen, classes, target)


def _put_back(files: Sequence[Path], photos: Sequence[Photo], classes: Sequence[str], target: Path) -> int:
    """Write a data set beside its name, and give it its name when it is whole."""
    if not files or target.exists():
        return 0
    work = target.with_name(f".{target.name}-being-labelled")
    (work / "train" / "images").mkdir(parents=True, exist_ok=True)
    for path in files:
        link = work / "train" / "images" / path.name
        if not link.exists():
            os.link(path, link)
    content = coco_of(photos, classes, [f"images/{path.name}" for path in files])
    (work / "train" / "_annotations.coco.json").write_text(json.dumps(content))
    work.rename(target)
    return len(files)


def before(photos: Iterable[Photo], moment: datetime) -> list[Photo]:
    """Return the photographs that were taken before a moment."""
    return [photo for photo in photos if photo.at < moment]


def _chosen(photo: Photo, share: float) -> bool:
    """Return whether a photograph is of the canary's share, by its hash."""
    return int(photo.sha256[:8], 16) / 2**32 < share


def _pixels(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path))
    assert pixels is not None, path
    return np.asarray(pixels, np.uint8)


def _xywh(box: Sequence[float]) -> list[float]:
    x0, y0, x1, y1 = box
    return [x0, y0, x1 - x0, y1 - y0]
