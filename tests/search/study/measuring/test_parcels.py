"""What an order is sent with: whole, by a folder and by an object store; images once, files removed when measured."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from defaults import protocol_of
from s3_server import s3_server

from objectives.latency.hosts.queue import Order
from search.study.files.place import open_place
from search.study.measuring.parcels import ParcelPlace, Parcels, SharedFolder
from spaces.errors import StoreError

PROTOCOL = protocol_of(confidence="best_f1")


@pytest.fixture(params=["folder", pytest.param("s3", marks=[pytest.mark.seconds, pytest.mark.slow])])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ParcelPlace]:
    if request.param == "folder":
        yield SharedFolder(tmp_path / "shared")
        return
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield open_place(f"s3://{server.bucket}/prefix")


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """Two files, one of them of two parts, and two images."""
    for name in ("a.onnx", "b.param", "b.bin", "one.png", "two.jpg"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    artifacts, images = (tmp_path / "a.onnx", tmp_path / "b.param"), (tmp_path / "one.png", tmp_path / "two.jpg")
    return Order("cpu", artifacts, images, PROTOCOL, again=True)


def test_an_order_arrives_as_it_was_sent(place: ParcelPlace, order: Order, tmp_path: Path) -> None:
    parcels, there = Parcels(place, "queue"), tmp_path / "there"
    there.mkdir()
    received = Parcels(place, "queue").fetch(parcels.send(order), there)
    assert (received.protocol, received.again) == (PROTOCOL, True)
    assert [path.suffix for path in received.artifacts] == [".onnx", ".param"]
    pairs = [*zip(order.artifacts, received.artifacts, strict=True), *zip(order.images, received.images, strict=True)]
    assert all(own.read_bytes() == other.read_bytes() for own, other in pairs)
    assert received.artifacts[1].with_suffix(".bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_images_go_once_and_files_leave_with_their_order(place: ParcelPlace, order: Order, tmp_path: Path) -> None:
    parcels = Parcels(place, "queue")
    first, second = parcels.send(order), parcels.send(order)
    assert first["images"] == second["images"]
    names = {part["name"] for body in (first, second) for parts in body["files"] for part in parts}
    assert len(names) == 6  # no name comes twice
    parcels.remove(first)
    with pytest.raises((OSError, StoreError)):
        parcels.fetch(first, tmp_path)
    (tmp_path / "there").mkdir()
    parcels.fetch(second, tmp_path / "there")
    parcels.remove(second)
    parcels.close()
    for part in first["images"]:
        with pytest.raises((OSError, StoreError), match=part["name"]):
            list(place.read(part["name"]))


def test_what_has_not_arrived_whole_is_noticed(order: Order, tmp_path: Path) -> None:
    parcels, shared = Parcels(SharedFolder(tmp_path / "shared"), "queue"), tmp_path / "shared"
    body = parcels.send(order)
    half = shared / body["files"][0][0]["name"]
    half.write_bytes(half.read_bytes()[:-1])
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="has not arrived whole"):
        parcels.fetch(body, tmp_path / "there")
