"""A made study with a small data set on disk, whose trials have detections on its validation images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import optuna
from optuna.trial import TrialState

from objectives.data.dataset import Dataset, LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.kept_detections import keep_detections, write_kept
from objectives.records import attributes
from objectives.records.paths import TrialPaths
from objectives.records.study_record import StudyRecord
from search.settings.compose import default_values
from search.settings.dataset import load_data
from search.study.files.validation import data_settings_of

SIZE_PX = (320, 240)
NAMES = ("can", "jar", "box")


@dataclass(frozen=True)
class PicturedStudy:
    """The study, its folder, its data set as it was read, and the numbers of the trials that have detections."""

    study: optuna.Study
    folder: Path
    dataset: Dataset
    numbers: tuple[int, ...]

    @property
    def images(self) -> tuple[LabelledImage, ...]:
        return self.dataset.splits["val"]


def pictured_study(
    study: optuna.Study, folder: Path, images: int = 8, classes: Sequence[str] = NAMES, names: str = "image-{}.jpg"
) -> PicturedStudy:
    """Give a made study a data set in `folder / "data"`, and its first two finished trials detections on it.

    Args:
        study: as `report_study` makes it.
        folder: of the study.
        images: in each split.
        classes: names.
        names: of the image files, with a place for a number.
    """
    root = draw_data(folder / "data", images, classes, names)
    settings = {**study.user_attrs[attributes.SETTINGS], "data": {**default_values("data"), "root": str(root)}}
    study.set_user_attr(attributes.SETTINGS, settings)
    study.set_user_attr(attributes.DATA, {"name": "data", "root": str(root), "classes": list(classes)})
    dataset = load_data(data_settings_of(StudyRecord.of(study)))
    numbers = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))[:2]:
        numbers.append(trial.number)
        give_detections(TrialPaths(folder / trial.user_attrs[attributes.FOLDER]), dataset, seed=trial.number)
    return PicturedStudy(study, folder, dataset, tuple(numbers))


def give_detections(paths: TrialPaths, dataset: Dataset, seed: int, confidence: float = 0.25) -> list[Detections]:
    """Write what a trial found on the validation images; return it."""
    images, rng = dataset.splits["val"], np.random.default_rng(seed)
    found = [made_detections(image, len(dataset.classes), rng) for image in images]
    paths.folder.mkdir(parents=True, exist_ok=True)
    write_kept(keep_detections(found, images, "val", confidence), paths.found)
    return found


def made_detections(image: LabelledImage, classes: int, rng: np.random.Generator) -> Detections:
    """Return detections of every kind: most labels found, some as another class or poorly placed, some from nowhere."""
    rows = []
    for (x, y, w, h), label in zip(image.boxes_xywh, image.classes, strict=True):
        off = rng.normal(0, 0.05 if rng.random() < 0.7 else 0.35, 4) * [w, h, w, h]
        other = int(label) if rng.random() < 0.7 else int(rng.integers(classes))
        for _ in range(int(rng.integers(0, 3))):
            left, top, width, height = np.array([x, y, w, h]) + off
            rows.append((left, top, left + max(width, 1), top + max(height, 1), rng.uniform(0.02, 0.98), other))
    for _ in range(int(rng.integers(0, 3))):
        x, y = rng.uniform(0, image.width_px), rng.uniform(0, image.height_px)
        rows.append((x, y, x + 30, y + 20, rng.uniform(0.02, 0.9), int(rng.integers(classes))))
    table = np.array(sorted(rows, key=lambda row: -row[4]), dtype=np.float64).reshape(-1, 6)
    scores = table[:, 4].astype(np.float32).astype(np.float64)
    return Detections(table[:, :4], scores, table[:, 5].astype(np.int64))


def draw_data(root: Path, images: int, classes: Sequence[str], names: str) -> Path:
    """Write a COCO data set of coloured boxes."""
    rng = np.random.default_rng(4)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for split in ("train", "val"):
        entries, boxes = [], []
        for i in range(images):
            name = f"{split}-{names.format(i)}"
            pixels = np.full((SIZE_PX[1], SIZE_PX[0], 3), int(rng.integers(90, 160)), np.uint8)
            for j in range(4):
                x, y = 20 + 75 * j, int(rng.integers(10, 120))
                w, h, label = int(rng.integers(25, 60)), int(rng.integers(40, 110)), int(rng.integers(len(classes)))
                cv2.rectangle(pixels, (x, y), (x + w, y + h), (40 * label + 30, 60, 220 - 60 * label), -1)
                boxes.append({"id": len(boxes) + 1, "image_id": i, "category_id": label + 1, "bbox": [x, y, w, h]})
            (root / "images" / name).write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
            entries.append({"id": i, "file_name": name, "width": SIZE_PX[0], "height": SIZE_PX[1]})
        kinds = [{"id": i + 1, "name": name} for i, name in enumerate(classes)]
        text = json.dumps({"images": entries, "annotations": boxes, "categories": kinds})
        (root / "annotations" / f"{split}.json").write_text(text)
    return root
