"""A data set as one stream: its images as they are, and one JSON file of boxes, classes and splits; and back.

What is packed is the data set as it was read: mended, and split. Read back it has the same fingerprint.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from objectives.data.dataset import Dataset, LabelledImage
from objectives.data.findings import Finding
from objectives.machine.files import cache_folder
from spaces.errors import DataError

PACKED_AS = 1
CARD = "data.json"
PACKED_IMAGES = "images"


def home_of_fetched() -> Path:
    """Return the folder of the data sets that this machine has fetched: no place to name to other machines."""
    return cache_folder() / "data"


def pack(dataset: Dataset, stream: IO[bytes]) -> None:
    """Write a data set to a stream that need not seek, as a tar archive.

    Raises:
        OSError: an image cannot be read, or the stream not written.
    """
    names = _names(dataset)
    with tarfile.open(fileobj=stream, mode="w|", dereference=True) as archive:
        card = json.dumps(_card(dataset, names)).encode()
        entry = tarfile.TarInfo(CARD)
        entry.size = len(card)
        archive.addfile(entry, BytesIO(card))
        for path, name in names.items():
            entry = tarfile.TarInfo(name)
            with path.open("rb") as image:
                entry.size = path.stat().st_size
                archive.addfile(entry, image)


def unpack(stream: IO[bytes], folder: Path) -> None:
    """Write what a stream holds into a folder; nothing is written outside of it.

    Raises:
        tarfile.TarError: the stream is no such archive, or was cut.
    """
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        archive.extractall(folder, filter="data")


def read_packed(folder: Path) -> Dataset:
    """Read a folder that a data set was unpacked into.

    Raises:
        DataError: it holds no such data set.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if card["format"] != PACKED_AS:
            raise DataError(f"data: '{folder}' was packed by another automl (format {card['format']}); push it again")
        splits = {split: tuple(_image(folder, image) for image in images) for split, images in card["splits"].items()}
        findings = tuple(Finding(code, count, tuple(places)) for code, count, places in card["findings"])
        return Dataset(card["name"], folder, tuple(card["classes"]), splits, findings)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"data: '{folder}' holds no packed data set ({error}); remove it, and it is fetched") from None


def _card(dataset: Dataset, names: Mapping[Path, str]) -> dict[str, Any]:
    return {
        "format": PACKED_AS,
        "name": dataset.name,
        "classes": list(dataset.classes),
        "splits": {
            split: [[names[i.path], i.width_px, i.height_px, i.boxes_xywh.tolist(), i.classes.tolist()] for i in images]
            for split, images in dataset.splits.items()
        },
        "findings": [[finding.code, finding.count, list(finding.examples)] for finding in dataset.findings],
    }


def _image(folder: Path, values: list[Any]) -> LabelledImage:
    name, width_px, height_px, boxes, classes = values
    labels = np.array(classes, dtype=np.int64)
    return LabelledImage(folder / name, width_px, height_px, np.array(boxes, dtype=np.float64).reshape(-1, 4), labels)


def _names(dataset: Dataset) -> dict[Path, str]:
    """Return image file -> its name in the archive: below the data set's root what it is there."""
    return {path: name for images in dataset.splits.values() for path, name in _named(images, dataset.root)}


def _named(images: tuple[LabelledImage, ...], root: Path) -> Iterator[tuple[Path, str]]:
    for image in images:
        inside = image.path.relative_to(root) if image.path.is_relative_to(root) else Path(*image.path.parts[1:])
        yield image.path, f"{PACKED_IMAGES}/{inside.as_posix()}"
