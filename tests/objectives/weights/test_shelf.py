"""Where published weights are looked for: the folder, then the cache, whose files have their hashes beside them."""

from hashlib import sha256
from pathlib import Path

import pytest

from objectives.weights.shelf import IN_CACHE, IN_FOLDER, Shelf, WeightsFile
from spaces.errors import DataError, SettingsError
from spaces.network.published import Published, published

TIMM = Published("lcnet_050.ra2_in1k", "lcnet_050", repository="timm/lcnet_050.ra2_in1k")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for name in ("folder", "cache"):
        (tmp_path / name).mkdir()
    return Shelf(tmp_path / "folder", tmp_path / "cache")


def put(path: Path, content: bytes, *, hashed: bool = True) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    if hashed:
        path.with_name(f"{path.name}.sha256").write_text(f"{sha256(content).hexdigest()}  {path.name}\n")
    return path


@pytest.mark.parametrize(
    "name",
    [
        "lcnet_050.ra2_in1k.safetensors",
        "lcnet_050.ra2_in1k.pt",
        "lcnet_050.ra2_in1k/model.safetensors",
        "lcnet_050.ra2_in1k/pytorch_model.bin",
    ],
)
def test_a_folder_is_looked_at_first(name: str, shelf: Shelf) -> None:
    assert shelf.folder is not None
    assert shelf.find(TIMM) is None
    put(shelf.cache / "lcnet_050.ra2_in1k.safetensors", b"cached")
    found = shelf.find(TIMM)
    assert found is not None
    assert (found.place, found.path) == (IN_CACHE, shelf.cache / "lcnet_050.ra2_in1k.safetensors")
    path = put(shelf.folder / name, b"of the user", hashed=False)
    digest = sha256(b"of the user").hexdigest()
    assert shelf.find(TIMM) == WeightsFile(path, digest, IN_FOLDER, 11)
    assert shelf.find_all([TIMM]).keys() == {TIMM.name}


def test_an_ultralytics_file(shelf: Shelf) -> None:
    assert shelf.folder is not None
    path = put(shelf.folder / "yolo11n.pt", b"network", hashed=False)
    weights = published("yolo11", (0.5, 0.25))
    assert weights is not None
    found = shelf.find(weights)
    assert found is not None
    assert found.path == path


def test_a_file_of_the_cache_without_its_hash_was_never_whole(shelf: Shelf) -> None:
    put(shelf.cache / "lcnet_050.ra2_in1k.safetensors", b"half", hashed=False)
    assert shelf.find(TIMM) is None


def test_a_file_of_the_cache_that_has_changed_is_refused(shelf: Shelf) -> None:
    put(shelf.cache / "lcnet_050.ra2_in1k.safetensors", b"fetched").write_bytes(b"changed!")
    with pytest.raises(DataError, match=r"safetensors' is not what was fetched .*; remove it and fetch again"):
        shelf.find(TIMM)


def test_a_file_that_changes_during_a_search_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "a.pt", b"then", hashed=False)
    found = WeightsFile.of(path, IN_FOLDER)
    found.check()
    path.write_bytes(b"now, larger")
    with pytest.raises(DataError, match="changed since the search began"):
        found.check()
    path.unlink()
    with pytest.raises(DataError, match="changed since the search began"):
        found.check()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"pretrained\.folder: '.*none' is not a folder; name one with weights"):
        Shelf.of(str(tmp_path / "none"))
    assert Shelf.of(None).folder is None
