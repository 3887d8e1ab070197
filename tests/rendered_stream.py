"""A stream of shelf photographs with a clock of its own: stores, weeks, and what changes in them, with its truth.

The stores are those that the embedded set is trained on, in later weeks, with other planograms; the embedded set itself
stays as it is. An image lies in `STORE/YEAR-WWEEK/`, has its time in its name and as its mtime, and its boxes in a file
beside the stream's folder, which no pipeline sees. The same arguments give the same bytes.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from objectives.data.shelves.camera import IMAGE_PX
from objectives.data.shelves.packs import CAN, CARTON, WHITE, Image, Patch, Sheet, rectangle
from objectives.data.shelves.products import GREEN, PRODUCTS, Product
from objectives.data.shelves.render import PLANOGRAMS, SPLITS, STORES, photograph
from objectives.data.shelves.stores import Planogram, Store, make_planogram, make_stores

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday: week 1 of the stream begins
TIME, TIME_FORMAT = r"/(?P<time>\d{4}-\d{2}-\d{2}T\d{6})-", "%Y-%m-%dT%H%M%S"  # as `stream.time` takes them
GROUP = r"^(?P<group>store-\w)/"
EMBEDDED_SEED, EMBEDDED_WEEKS = 42, 10
STREAM = 7  # branch of the seed, beside those of the embedded set


class EventKind(StrEnum):
    """What happens to a stream."""

    LAMP = "new lamp"  # darker by a third and warmer
    PACKAGE = "changed package"  # both colas come in black and gold
    PRODUCT = "new product"  # an eleventh class
    BLACK = "black camera"
    BLURRED = "blurred camera"


@dataclass(frozen=True)
class Event:
    """What happens, from a week on.

    Attributes:
        kind: see EventKind.
        stores: where; empty for all.
        weeks: how long; None for good.
    """

    kind: EventKind
    stores: tuple[str, ...] = ()
    weeks: int | None = None


Plan = Mapping[int, tuple[Event, ...]]  # week of the stream, from 1 on -> what begins in it
QUIET: Plan = {}
EVENTS: Plan = {
    9: (Event(EventKind.BLACK, ("store-b",), 1),),
    13: (Event(EventKind.LAMP, ("store-c",)),),
    15: (Event(EventKind.LAMP),),
    21: (Event(EventKind.PACKAGE),),
    27: (Event(EventKind.PRODUCT),),
}
SOON: Plan = {  # the same changes, as soon after each other as a baseline and a round allow
    5: (Event(EventKind.BLACK, ("store-b",), 1),),
    7: (Event(EventKind.LAMP),),
    11: (Event(EventKind.PACKAGE),),
    15: (Event(EventKind.PRODUCT),),
}


@dataclass(frozen=True)
class TrueBox:
    """What a labeller would draw: class name and px of the image."""

    label: str
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class Photo:
    """An image of the stream.

    Attributes:
        path: relative to the stream's folder.
        at: when it was taken, UTC.
        group: its store.
        sha256: of its file.
        boxes: what it shows.
        size_px: width and height.
    """

    path: str
    at: datetime
    group: str
    sha256: str
    boxes: tuple[TrueBox, ...]
    size_px: tuple[int, int] = (IMAGE_PX, IMAGE_PX)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Photo":
        boxes = tuple(TrueBox(box["label"], tuple(box["box_xyxy"])) for box in values["boxes"])
        at, size_px = datetime.fromisoformat(values["at"]), tuple(values["size_px"])
        return Photo(**{**values, "at": at, "boxes": boxes, "size_px": size_px})


@dataclass(frozen=True)
class RenderedStream:
    """The stream.

    Attributes:
        folder: its images arrive in `folder/images`; their truth lies in `folder/truth`.
        seed: of everything drawn.
        plan: what happens when.
        images_week: of each store.
    """

    folder: Path
    seed: int = 0
    plan: Plan = field(default_factory=dict)
    images_week: int = 6

    @property
    def images(self) -> Path:
        return self.folder / "images"

    def begins(self, week: int) -> datetime:
        """Return the Monday of a week."""
        return START + timedelta(weeks=week - 1)

    def week(self, number: int) -> list[Photo]:
        """Return the photographs of a week, rendered if they are not there."""
        truth = self.folder / "truth" / f"{number:04d}.json"
        if truth.exists():
            return [Photo.from_json(values) for values in json.loads(truth.read_text())]
        photos = [
            self._photo(number, place, store, i)
            for place, store in enumerate(_stores())
            for i in range(self.images_week)
        ]
        truth.parent.mkdir(parents=True, exist_ok=True)
        truth.write_text(json.dumps([photo.to_json() for photo in photos]))
        return photos

    def known(self, weeks: Iterable[int]) -> dict[str, Photo]:
        """Return the photographs of weeks by the hash of their files."""
        return {photo.sha256: photo for week in weeks for photo in self.week(week)}

    def events(self, week: int, store: str) -> set[EventKind]:
        """Return what holds in a store in a week."""
        return {
            event.kind
            for begun, events in self.plan.items()
            for event in events
            if begun <= week and (event.weeks is None or week < begun + event.weeks)
            if not event.stores or store in event.stores
        }

    def _photo(self, week: int, place: int, store: Store, i: int) -> Photo:
        events = self.events(week, store.name)
        rng = self._generator(week, place, i)
        planogram = _planogram(week, place, self._generator(week, place, PLANOGRAMS + 10_000), events)
        photo, quality, sights = photograph(rng, _lit(store, events), planogram)
        hour = 24.0 * 7 * (i + rng.uniform(0.2, 0.8)) / self.images_week
        at = (self.begins(week) + timedelta(hours=hour)).replace(microsecond=0)
        day = at.isocalendar()
        path = f"{store.name}/{day.year}-W{day.week:02d}/{at.strftime(TIME_FORMAT)}-{i:04d}.jpg"
        content = _encoded(_taken(photo, events), quality)
        _write(self.images / path, content, at)
        seen = () if EventKind.BLACK in events else tuple(sights)  # a labeller sees nothing in the dark
        boxes = tuple(TrueBox(sight.product.name, tuple(round(edge, 2) for edge in sight.box)) for sight in seen)
        return Photo(path, at, store.name, hashlib.sha256(content).hexdigest(), boxes)

    def _generator(self, *branch: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(STREAM, *branch)))


def class_names(plan: Plan) -> list[str]:
    """Return the classes of a stream's truth: those of the embedded set, and what comes with its events."""
    added = any(event.kind is EventKind.PRODUCT for events in plan.values() for event in events)
    return [product.name for product in PRODUCTS] + [TEA.name] * added


def _stores() -> tuple[Store, ...]:
    """Return the stores of the embedded training split, as it has them."""
    seed = np.random.SeedSequence(EMBEDDED_SEED, spawn_key=(STORES, 0))
    return make_stores(SPLITS[0].stores, np.random.default_rng(seed))


def _lit(store: Store, events: set[EventKind]) -> Store:
    """Return the store under its lamps of the week."""
    if EventKind.LAMP not in events:
        return store
    return replace(store, brightness=store.brightness - 3.0, warmth=store.warmth + 2.0)


def _planogram(week: int, place: int, rng: np.random.Generator, events: set[EventKind]) -> Planogram:
    planogram = make_planogram(EMBEDDED_WEEKS + week, place, rng)
    rows = planogram.rows
    if EventKind.PACKAGE in events:
        rows = tuple(tuple(REPACKED.get(product.name, product) for product in row) for row in rows)
    if EventKind.PRODUCT in events:
        rows = tuple((TEA,) * 3 + row[3:] for row in rows)
    return replace(planogram, rows=rows, prices={**planogram.prices, TEA.name: "2.49"})


def _taken(photo: Image, events: set[EventKind]) -> Image:
    """Return the photograph as the store's camera gives it away."""
    if EventKind.BLACK in events:
        return np.asarray(photo // 64, np.uint8)
    if EventKind.BLURRED in events:
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), 6.0), np.uint8)
    return photo


def _encoded(photo: Image, quality: int) -> bytes:
    _, jpeg = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(jpeg.tobytes())


def _write(path: Path, content: bytes, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))


# What the events bring onto the shelves


def _draw_tea(sheet: Sheet, patch: Patch) -> None:
    sheet.cut(rectangle(1, 1, 68, 162))
    sheet.fill([(0, 0), (70, 0), (70, 40), (0, 62)], (60, 150, 40))
    sheet.word("TEA", (12, 12, 46, 22), WHITE)
    for x, y in ((16, 130), (38, 140), (54, 124)):
        sheet.oval((x, y), (11, 6), (70, 170, 90), -30)
    sheet.oval((patch.x, patch.y), (patch.width * 0.72, patch.width * 0.72), (90, 230, 250))


def _mark_tea(sheet: Sheet, patch: Patch) -> None:
    sheet.oval((patch.x, patch.y), (patch.width * 0.3, patch.width * 0.3), GREEN)


TEA = Product(
    "tea-lemon", replace(CARTON, family="tea", height_mm=164, ground=(170, 225, 190), draw=_draw_tea), _mark_tea
)


def _draw_black_can(sheet: Sheet, patch: Patch) -> None:
    CAN.draw(sheet, patch)
    sheet.fill(rectangle(0, 9, 62, 52), (40, 36, 34))
    sheet.fill(rectangle(0, 60, 62, 6), (70, 180, 220))
    sheet.word("COLA", (20, 20, 22, 34), (70, 180, 220))


BLACK_CAN = replace(CAN, ground=(40, 36, 34), draw=_draw_black_can)
REPACKED = {product.name: replace(product, pack=BLACK_CAN) for product in PRODUCTS if product.pack is CAN}
