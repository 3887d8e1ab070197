"""`automl weights`: what a space would need, where it is, and the rest fetched ahead."""

from hashlib import sha256
from pathlib import Path

import pytest
from command_line import automl
from small_hub import small_hub

SPACE = ("conf=smoke", "space/train=pretrained", "space.backbone.name=lcnet_050,mobilenetv3_small_100.lamb_in1k")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "automl" / "weights"


def test_what_is_needed_and_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "a folder, of mine"
    (folder / "mobilenetv3_small_100.lamb_in1k").mkdir(parents=True)
    (folder / "mobilenetv3_small_100.lamb_in1k" / "model.safetensors").write_bytes(b"weights" * 100_000)
    done = automl("weights", *SPACE, f"pretrained.folder={folder}", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *rows, last = done.stdout.splitlines()
    digest = sha256(b"weights" * 100_000).hexdigest()
    assert [row.split() for row in rows] == [
        ["backbone", "file", "MB", "where", "sha256"],
        ["lcnet_050", "lcnet_050.ra2_in1k.safetensors", "missing"],
        ["mobilenetv3_small_100.lamb_in1k", "model.safetensors", "0.7", "folder", digest],
    ]
    assert last == "2 files, 1 missing; --fetch fetches them, or put the files into pretrained.folder=DIR"


def test_fetching_ahead(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        hub.files["/timm/lcnet_050.ra2_in1k/resolve/main/model.safetensors"] = b"weights"
        done = automl("weights", *SPACE, "--fetch", folder=tmp_path)
        assert done.returncode == 1
        assert f"fetching lcnet_050.ra2_in1k (0.0 MB) from {hub.url}\n" in done.stdout
        assert (cache / "lcnet_050.ra2_in1k.safetensors").read_bytes() == b"weights"
        assert "not fetched: " in done.stdout
        assert done.stdout.endswith("2 files, 1 missing\n")
        hub.files["/timm/mobilenetv3_small_100.lamb_in1k/resolve/main/model.safetensors"] = b"others"
        done = automl("weights", *SPACE, "--fetch", folder=tmp_path)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 files, 0 missing")
    done = automl("weights", *SPACE, folder=tmp_path)  # without the hub
    assert done.stdout.splitlines()[-1] == "2 files, 0 missing"


def test_a_space_that_needs_none_says_so(tmp_path: Path) -> None:
    done = automl("weights", "conf=smoke", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("this search starts from random weights; space/train=pretrained asks for published")


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = automl("weights", *SPACE, "pretrained.folder=none", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pretrained.folder: " in done.stderr
