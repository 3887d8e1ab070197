"""The rendered stream: same arguments, same bytes; events come as planned; times and stores can be read back."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered_stream import (
    GROUP,
    TEA,
    TIME,
    TIME_FORMAT,
    Event,
    EventKind,
    Photo,
    RenderedStream,
    class_names,
)

from objectives.data.shelves.products import PRODUCTS
from objectives.data.shelves.render import render_shelves

ALL = {kind: {1: (Event(kind),)} for kind in EventKind}


def brightness(stream: RenderedStream, photos: list[Photo]) -> float:
    return float(np.mean([np.asarray(cv2.imread(str(stream.images / photo.path))).mean() for photo in photos]))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> RenderedStream:
    return RenderedStream(tmp_path_factory.mktemp("quiet"), images_week=1)


@pytest.mark.seconds
def test_same_arguments_same_bytes_and_another_week_others(quiet: RenderedStream, tmp_path: Path) -> None:
    again = RenderedStream(tmp_path / "again", images_week=1).week(1)
    assert quiet.week(1) == again
    assert quiet.week(1) == quiet.week(1)  # read back
    other = RenderedStream(tmp_path / "other", seed=1, images_week=1).week(1)
    hashes = [{photo.sha256 for photo in photos} for photos in (again, other, quiet.week(2))]
    assert len(set.union(*hashes)) == 3 * len(again)


def test_path_time_and_store_say_the_same(quiet: RenderedStream) -> None:
    for photo in quiet.week(2):
        path = quiet.images / photo.path
        said = re.search(TIME, photo.path)
        assert said
        assert datetime.strptime(said["time"], TIME_FORMAT).replace(tzinfo=UTC) == photo.at
        assert path.stat().st_mtime == photo.at.timestamp()
        assert re.match(GROUP, photo.path)["group"] == photo.group  # type: ignore[index]  # no match fails the test too
        assert quiet.begins(2) <= photo.at < quiet.begins(3)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == photo.sha256


def test_an_event_begins_and_ends_where_it_is_said(tmp_path: Path) -> None:
    lamp, dark = Event(EventKind.LAMP, ("store-c",)), Event(EventKind.BLACK, ("store-b",), 2)
    stream = RenderedStream(tmp_path, plan={3: (lamp,), 4: (dark,)})
    assert [stream.events(week, "store-c") for week in (2, 3, 30)] == [set(), {EventKind.LAMP}, {EventKind.LAMP}]
    assert [len(stream.events(week, "store-b")) for week in (3, 4, 5, 6)] == [0, 1, 1, 0]


@pytest.mark.seconds
def test_each_event_is_seen_in_the_pictures_or_in_the_truth(quiet: RenderedStream, tmp_path: Path) -> None:
    weeks = {kind: RenderedStream(tmp_path / kind.name, plan=plan, images_week=1) for kind, plan in ALL.items()}
    shown = {kind: {box.label for photo in stream.week(1) for box in photo.boxes} for kind, stream in weeks.items()}
    before = brightness(quiet, quiet.week(1))
    assert 0.55 < brightness(weeks[EventKind.LAMP], weeks[EventKind.LAMP].week(1)) / before < 0.75
    assert brightness(weeks[EventKind.BLACK], weeks[EventKind.BLACK].week(1)) < 6
    assert shown[EventKind.BLACK] == set()
    assert TEA.name in shown[EventKind.PRODUCT]
    assert shown[EventKind.PACKAGE] <= {product.name for product in PRODUCTS}
    for photo in quiet.week(1):
        for kind in (EventKind.PACKAGE, EventKind.BLURRED):
            twin = next(one for one in weeks[kind].week(1) if one.path == photo.path)
            assert [box.label for box in twin.boxes] == [box.label for box in photo.boxes]
            if kind is EventKind.BLURRED or any(box.label.startswith("cola") for box in photo.boxes):
                assert twin.sha256 != photo.sha256
    assert class_names({}) == [product.name for product in PRODUCTS]
    assert class_names(ALL[EventKind.PRODUCT])[-1] == TEA.name


@pytest.mark.seconds
def test_the_embedded_set_stays_as_it_is(tmp_path: Path) -> None:
    def rendered(name: str) -> list[bytes]:
        root = render_shelves(tmp_path / name, train=2, val=1, test=1)
        return [path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()]

    first = rendered("before")
    for kind in EventKind:
        RenderedStream(tmp_path / kind.name, plan=ALL[kind], images_week=1).week(1)
    assert rendered("after") == first
