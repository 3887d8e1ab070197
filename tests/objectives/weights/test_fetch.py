"""Weights fetched from a hub on this machine: once, whole, hashed; hubs that are silent, broken or gone."""

import socket
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from small_hub import SmallHub, small_hub

from objectives.weights import fetch
from objectives.weights.fetch import Hubs
from objectives.weights.shelf import IN_CACHE, Shelf
from spaces.network.published import Published

NAME = "lcnet_050.ra2_in1k"
TIMM = Published(NAME, "lcnet_050", repository=f"timm/{NAME}")
SAFE, BIN = f"/timm/{NAME}/resolve/main/model.safetensors", f"/timm/{NAME}/resolve/main/pytorch_model.bin"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    with small_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield running


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(None, tmp_path / "cache")


@pytest.mark.parametrize(("address", "ending"), [(SAFE, "safetensors"), (BIN, "bin")])
def test_what_a_hub_has_is_kept_with_its_hash(hub: SmallHub, shelf: Shelf, address: str, ending: str) -> None:
    hub.files[address] = content = bytes(range(256)) * 9000  # more than is read at once
    said: list[str] = []
    assert Hubs(shelf, said.append).fetch([TIMM]) == {}
    assert said == [f"fetching {NAME} (2.3 MB) from {hub.url}"]
    found = shelf.find(TIMM)
    assert found is not None
    assert (found.path, found.place) == (shelf.cache / f"{NAME}.{ending}", IN_CACHE)
    assert found.path.read_bytes() == content
    assert found.sha256 == sha256(content).hexdigest()
    kept = found.path.with_name(f"{found.path.name}.sha256").read_text()
    assert kept == f"{found.sha256}  {found.path.name}\n"  # as sha256sum writes it
    asked = len(hub.asked)
    assert Hubs(shelf).fetch([TIMM]) == {}
    assert len(hub.asked) == asked  # nothing is fetched twice


def test_an_address_outside_a_hub(hub: SmallHub, shelf: Shelf) -> None:
    hub.files["/assets/yolo11n.pt"] = b"network"
    yolo = Published("yolo11n", "yolo11", url=f"{hub.url}/assets/yolo11n.pt")
    assert Hubs(shelf).fetch([yolo]) == {}
    found = shelf.find(yolo)
    assert found is not None
    assert found.path.name == "yolo11n.pt"


def test_what_a_hub_lacks_is_named_and_the_rest_is_fetched(hub: SmallHub, shelf: Shelf) -> None:
    hub.files[SAFE] = b"weights"
    other = Published("other.in1k", "other", repository="timm/other.in1k")
    failed = Hubs(shelf).fetch([other, TIMM])
    assert failed == {"other.in1k": f"{hub.url}/timm/other.in1k/resolve/main/pytorch_model.bin answers 404 Not Found"}
    assert shelf.find(TIMM) is not None


def test_a_download_that_breaks_off_leaves_nothing_and_the_hub_is_given_up(hub: SmallHub, shelf: Shelf) -> None:
    hub.files[SAFE] = b"weights"
    hub.short_by = 3
    other = Published("other.in1k", "other", repository="timm/other.in1k")
    failed = Hubs(shelf).fetch([TIMM, other])
    assert failed.keys() == {NAME, "other.in1k"}
    assert len(set(failed.values())) == 1
    assert "broke off" in failed[NAME]
    assert list(shelf.cache.iterdir()) == []
    assert not any("other" in address for _, address in hub.asked)


def test_what_hugging_faces_client_has_kept_needs_no_hub(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "hf" / f"models--timm--{NAME}"
    (kept / "snapshots" / "abc").mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    (kept / "snapshots" / "abc" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    assert Hubs(shelf).fetch([TIMM]) == {}
    found = shelf.find(TIMM)
    assert found is not None
    assert found.path.read_bytes() == b"weights"


@pytest.mark.slow
@pytest.mark.seconds
def test_silent_hubs_are_found_out_once_and_together(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hubs that take a connection and say nothing, and one whose name nobody resolves, cost under 5 s in all."""
    real = socket.getaddrinfo

    def resolve(host: str, *more: object, **named: object) -> object:
        if host == "nowhere.invalid":
            time.sleep(30)
        return real(host, *more, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    try:
        hosts = [f"127.0.0.1:{one.getsockname()[1]}" for one in listening] + ["nowhere.invalid"]
        wanted = [Published(f"n{i}", "n", url=f"http://{host}/n{i}.pt") for i, host in enumerate(hosts * 2)]
        hubs, began = Hubs(shelf), time.monotonic()
        failed = hubs.fetch(wanted)
        assert time.monotonic() - began < 5
        assert failed.keys() == {one.name for one in wanted}
        assert all(" did not answer within 4 s" in why or "cannot be reached" in why for why in failed.values())
        began = time.monotonic()
        assert hubs.fetch(wanted) == failed
        assert time.monotonic() - began < 0.5
    finally:
        for one in listening:
            one.close()


def test_a_hub_that_refuses_or_is_switched_off_is_known_at_once(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gone = Published("a", "a", url=f"http://127.0.0.1:{port}/a.pt")
    assert "cannot be reached ([Errno 111] Connection refused)" in Hubs(shelf).fetch([gone])["a"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(fetch, "urlopen", None)  # is not called
    told = Hubs(shelf).fetch([TIMM])[NAME]
    assert told == "https://huggingface.co cannot be reached (HF_HUB_OFFLINE is set)"
