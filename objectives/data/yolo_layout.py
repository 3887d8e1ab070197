"""A data set laid out for Ultralytics: linked images, text labels and a data.yaml, in a folder named by what it holds.

A data set that was moved or changed gets a layout of its own. What another process trains from stays as it is, and
Ultralytics' caches of labels, which lie beside the labels, never outlive them.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml

from objectives.data.dataset import Dataset, LabelledImage
from objectives.data.pictures.kinds import kind_of_file
from objectives.machine.files import whole_folder
from objectives.machine.locks import locked_folder

DATA_YAML = "data.yaml"  # in a layout
VERSION = 2  # raised when the same data set is laid out in another way


def lay_out(dataset: Dataset, folder: Path) -> Path:
    """Return the data.yaml of the layout of this data set below `folder`; it is written if it is not there yet.

    Images are links, nothing of the user's is touched. The layout is written beside its place and renamed, so that a
    half-written one is never taken for whole; other layouts below `folder` stay.
    """
    layout = folder.absolute() / _digest(dataset, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with locked_folder(folder):
        if not (layout / DATA_YAML).exists():
            with whole_folder(layout) as partial:
                for split, images in dataset.splits.items():
                    _write_split(partial, split, images)
                (partial / DATA_YAML).write_text(yaml.safe_dump(_card(dataset, layout), sort_keys=False))
    return layout / DATA_YAML


def remove_other_layouts(data_yaml: Path) -> None:
    """Remove what lies beside a layout: those of the set's earlier places and contents, and of an older automl.

    Call it only while nothing trains from them.
    """
    for path in data_yaml.parent.parent.iterdir():
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        elif path != data_yaml.parent:
            (path / DATA_YAML).unlink(missing_ok=True)  # first: a removal that is cut leaves nothing that looks whole
            shutil.rmtree(path, ignore_errors=True)


def _digest(dataset: Dataset, folder: Path) -> str:
    """Return sixteen hexadecimal digits over all that a layout holds: its place, classes, links and labels."""
    digest = hashlib.sha256(repr((VERSION, str(folder.absolute()), dataset.fingerprint, dataset.classes)).encode())
    for split, images in dataset.splits.items():
        for image in images:
            seen = split, str(image.path), image.width_px, image.height_px, len(image.classes)
            digest.update(repr(seen).encode() + image.boxes_xywh.tobytes() + image.classes.tobytes())
    return digest.hexdigest()[:16]


def _card(dataset: Dataset, layout: Path) -> dict[str, object]:
    splits = {split: f"images/{split}" for split in dataset.splits}
    return {"path": str(layout), **splits, "names": dict(enumerate(dataset.classes))}


def _write_split(folder: Path, split: str, images: Iterable[LabelledImage]) -> None:
    pictures, labels = folder / "images" / split, folder / "labels" / split
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    for i, image in enumerate(images):
        # Numbered, because two folders of the user's may hold the same file name; and named by what it is, whatever
        # it is called, because the trainer goes by the suffix.
        suffix = kind_of_file(image.path) or image.path.suffix.lower()
        (pictures / f"{i:06d}{suffix}").symlink_to(image.path)
        (labels / f"{i:06d}.txt").write_text("".join(_lines(image)))


def _lines(image: LabelledImage) -> Iterable[str]:
    for label, (x, y, w, h) in zip(image.classes, image.boxes_xywh, strict=True):
        centre = (x + w / 2) / image.width_px, (y + h / 2) / image.height_px
        yield f"{label} {centre[0]:.6f} {centre[1]:.6f} {w / image.width_px:.6f} {h / image.height_px:.6f}\n"
