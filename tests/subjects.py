"""Small subjects of the check: entries by hand, with or without files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from objectives.data.check.spots import Spot
from objectives.data.check.subject import CheckedImage, Subject
from objectives.data.frame import Header
from objectives.data.pictures.picture import Picture

Labelled = tuple[int, float, float, float, float]  # class, left, top, width, height
SIZE_PX = (200, 100)


def entry(
    name: str,
    boxes: Sequence[Labelled] = (),
    split: str | None = "train",
    size_px: tuple[int, int] | None = SIZE_PX,
    source: str | None = "labels.json",
    picture: Picture | None = None,
    root: Path = Path("/set"),
) -> CheckedImage:
    rows = np.array(boxes, dtype=np.float64).reshape(-1, 5)
    return CheckedImage(
        path=root / name,
        split=split,
        size_px=size_px,
        boxes=rows[:, 1:],
        classes=rows[:, 0].astype(np.int64),
        source=root / source if source else None,
        picture=picture,
    )


def picture(
    name: str, content: str = "", looks: int | None = None, root: Path = Path("/set"), **more: object
) -> Picture:
    header = Header(SIZE_PX, int(more.pop("orientation", 1)))  # type: ignore[call-overload]  # whole numbers by name
    return Picture(root / name, header, content or name, looks, **{"mode": "RGB", **more})  # type: ignore[arg-type]  # fields by name


def subject(
    *entries: CheckedImage, classes: Sequence[str] = ("can", "jar"), root: Path = Path("/set"), **more: object
) -> Subject:
    return Subject(root, tuple(classes), entries, **more)  # type: ignore[arg-type]  # fields by name


def counts(spots: Iterable[Spot]) -> dict[str, int]:
    """Return how often each code was found."""
    found: Counter[str] = Counter()
    for spot in spots:
        found[spot.code] += spot.count
    return dict(found)


def texts(spots: Iterable[Spot], code: str) -> list[str]:
    return [spot.text for spot in spots if spot.code == code]
