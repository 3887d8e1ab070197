"""DVC's hashes: found where its files say that they are of this folder, and nowhere else."""

from pathlib import Path

import pytest
from small_data import CARD, yolo

from objectives.data.dvc import dvc_hashes
from objectives.data.readers import read_dataset

OUT = "outs:\n- md5: 22e3f61e52c0ba45334d973244efc155.dir\n  size: 64\n  nfiles: 2\n  path: {}\n"
LOCK = "schema: '2.0'\nstages:\n  fetch:\n    cmd: fetch.py\n    outs:\n    - path: data/cans\n      md5: aaaa.dir\n"
BROKEN = [
    "outs: 3\n",
    "outs:\n- 7\n- path: cans\n",
    "[",
    "\0",
    "[" * 5000,
    "!!python/object/apply:os.getcwd []\n",
    "stages: 1",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return yolo(tmp_path / "data" / "cans", {"train/a": "0 0.5 0.5 0.5 0.2", "val/b": "1 0.5 0.5 1 1"}, CARD)


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("data/cans.dvc", "cans"),
        ("data.dvc", "data"),
        ("data/cans/train.dvc", "train"),
        ("data/other.dvc", "./cans/val"),
    ],
)
def test_outputs_that_are_the_folder_hold_it_or_lie_in_it(tmp_path: Path, root: Path, file: str, path: str) -> None:
    (tmp_path / file).write_text(OUT.format(path))
    assert dvc_hashes(root) == {f"{tmp_path / file}: {path}": "22e3f61e52c0ba45334d973244efc155.dir"}


def test_outputs_of_stages_are_read_from_the_lock(tmp_path: Path, root: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert dvc_hashes(root) == {f"{tmp_path / 'dvc.lock'}: data/cans": "aaaa.dir"}


def test_the_card_holds_what_is_found(tmp_path: Path, root: Path) -> None:
    assert "dvc" not in read_dataset(root).to_json()
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert read_dataset(root).to_json()["dvc"] == dvc_hashes(root)


@pytest.mark.parametrize("text", [OUT.format("jars"), *BROKEN])
def test_other_outputs_and_other_files_are_passed_over(tmp_path: Path, root: Path, text: str) -> None:
    (tmp_path / "data" / "x.dvc").write_text(text)
    (tmp_path / "dvc.lock").write_text(text)
    (tmp_path / "data" / "cans" / "y.dvc").mkdir()
    assert dvc_hashes(root) == {}


def test_nothing_above_the_repository_is_looked_at(tmp_path: Path, root: Path) -> None:
    (tmp_path / "data" / ".git").mkdir()
    (tmp_path / "data.dvc").write_text(OUT.format("data"))
    assert dvc_hashes(root) == {}
