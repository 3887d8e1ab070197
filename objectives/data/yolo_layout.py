"""A data set laid out for Ultralytics: linked images, text labels and a data.yaml."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from objectives.data.dataset import Dataset, LabelledImage
from objectives.machine.files import whole_folder
from objectives.records.paths import DATA_YAML


def lay_out(dataset: Dataset, folder: Path) -> Path:
    """Write the layout once and return its data.yaml; images are links, nothing of the user's is touched.

    The layout is written beside `folder` and renamed, so that a half-written one is never taken for whole.
    """
    if not (folder / DATA_YAML).exists():
        with whole_folder(folder) as partial:
            for split, images in dataset.splits.items():
                _write_split(partial, split, images)
            (partial / DATA_YAML).write_text(yaml.safe_dump(_card(dataset, folder), sort_keys=False))
    return folder / DATA_YAML


def _card(dataset: Dataset, folder: Path) -> dict[str, object]:
    splits = {split: f"images/{split}" for split in dataset.splits}
    return {"path": str(folder.absolute()), **splits, "names": dict(enumerate(dataset.classes))}


def _write_split(folder: Path, split: str, images: Iterable[LabelledImage]) -> None:
    pictures, labels = folder / "images" / split, folder / "labels" / split
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    for i, image in enumerate(images):
        # Numbered, because two folders of the user's may hold the same file name.
        (pictures / f"{i:06d}{image.path.suffix.lower()}").symlink_to(image.path)
        (labels / f"{i:06d}.txt").write_text("".join(_lines(image)))


def _lines(image: LabelledImage) -> Iterable[str]:
    for label, (x, y, w, h) in zip(image.classes, image.boxes_xywh, strict=True):
        centre = (x + w / 2) / image.width_px, (y + h / 2) / image.height_px
        yield f"{label} {centre[0]:.6f} {centre[1]:.6f} {w / image.width_px:.6f} {h / image.height_px:.6f}\n"
