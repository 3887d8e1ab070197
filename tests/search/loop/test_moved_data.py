"""A data set between two runs: moved alike it goes on from its new place, changed it is refused; `automl train` too."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from defaults import CPU, PROTOCOL
from PIL import Image
from quick_search import Begun, begun, run, settings_of

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out
from objectives.records import attributes as keys
from search.commands.train import run_train
from spaces.errors import AutomlError, StoreError

HOLD = """
import sys
from pathlib import Path
from search.study.claims.kernel_locks import KernelClaims
claims = KernelClaims(Path(sys.argv[1]))
claims.enter(int(sys.argv[2]))
print("entered", flush=True)
sys.stdin.readline()
"""


@contextmanager
def holding(folder: Path, key: int) -> Iterator[None]:
    """Have another process live that searches a study."""
    command = [sys.executable, "-c", HOLD, str(folder), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "entered\n"
        yield
        other.communicate("end\n")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A YOLO data set of four training images and two to validate."""
    root = tmp_path / "cans"
    for split, count in (("train", 4), ("valid", 2)):
        (root / split / "images").mkdir(parents=True)
        (root / split / "labels").mkdir()
        for i in range(count):
            Image.new("RGB", (64, 48), (40 * i, 90, 120)).save(root / split / "images" / f"{split}{i}.png")
            (root / split / "labels" / f"{split}{i}.txt").write_text("0 0.5 0.5 0.25 0.25\n1 0.2 0.2 0.25 0.25\n")
    (root / "data.yaml").write_text("train: train/images\nval: valid/images\nnames: [can, jar]\n")
    return root


def layouts(search: Begun) -> list[Path]:
    return list((search.folder / "data").iterdir())


def images_of(data_yaml: Path) -> list[Path]:
    return [link.readlink() for link in sorted((data_yaml.parent / "images" / "train").iterdir())]


def change(place: Path, what: str) -> None:
    label, image = place / "train" / "labels" / "train0.txt", place / "train" / "images" / "train0.png"
    match what:
        case "class":
            label.write_text(label.read_text().replace("0 0.5", "1 0.5"))
        case "box":
            label.write_text(label.read_text().replace("0.5 0.5", "0.5 0.4"))
        case "names":
            (place / "data.yaml").write_text((place / "data.yaml").read_text().replace("[can, jar]", "[jar, can]"))
        case "image":
            image.write_bytes(image.read_bytes() + b"\0")
        case _:
            label.unlink()
            image.unlink()


@pytest.mark.seconds
def test_a_moved_data_set_goes_on_from_its_new_place(tmp_path: Path, place: Path) -> None:
    first = run(settings_of(tmp_path, "budget.trials=1"), read_dataset(place))
    now = read_dataset(place.rename(tmp_path / "moved"))
    again = run(settings_of(tmp_path, "budget.trials=2"), now)
    assert len(again.table().rows) == 2
    assert images_of(again.jobs.data_yaml) == [image.path for image in now.splits["train"]]
    assert again.jobs.data_yaml != first.jobs.data_yaml
    assert layouts(again) == [again.jobs.data_yaml.parent]
    assert again.study.user_attrs[keys.DATA]["root"] == str(tmp_path / "moved")  # where exports find it


@pytest.mark.seconds
def test_a_layout_of_an_older_automl_is_not_trusted(tmp_path: Path, place: Path) -> None:
    settings = settings_of(tmp_path, "budget.trials=1")
    older = settings.folder / "data"
    for folder in ("images/train", "labels/train"):
        (older / folder).mkdir(parents=True)
    (older / "labels" / "train" / "000000.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    (older / "labels" / "train.cache").write_text("of other labels")
    (older / "data.yaml").write_text(yaml.safe_dump({"path": str(older), "train": "images/train", "names": ["x"]}))
    search = run(settings, read_dataset(place))
    assert layouts(search) == [search.jobs.data_yaml.parent]
    assert not list(older.rglob("*.cache"))
    assert yaml.safe_load(search.jobs.data_yaml.read_text())["names"] == {0: "can", 1: "jar"}


@pytest.mark.seconds
def test_what_another_process_trains_from_stays_until_it_has_ended(tmp_path: Path, place: Path) -> None:
    settings = settings_of(tmp_path, "budget.trials=1")
    copy = shutil.copytree(place, tmp_path / "copy")
    with begun(settings, read_dataset(place)) as other:
        other.run()
        elsewhere = other.jobs.data_yaml
        key = other.session.key
    with holding(settings.folder, key):
        search = run(settings_of(tmp_path, "budget.trials=2"), read_dataset(copy))
        assert {path.name for path in layouts(search)} == {elsewhere.parent.name, search.jobs.data_yaml.parent.name}
        assert images_of(elsewhere)[0].is_relative_to(place)
    search = run(settings_of(tmp_path, "budget.trials=3"), read_dataset(copy))
    assert layouts(search) == [search.jobs.data_yaml.parent]


@pytest.mark.seconds
@pytest.mark.parametrize("what", ["class", "box", "names", "image", "fewer"])
@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.slow
def test_a_changed_data_set_is_refused(tmp_path: Path, place: Path, what: str, moves: bool) -> None:
    search = run(settings_of(tmp_path, "budget.trials=1"), read_dataset(place))
    before = layouts(search)
    if moves:
        place = place.rename(tmp_path / "moved")
    change(place, what)
    with pytest.raises(StoreError, match="was made with another data; give the old settings") as refused:
        run(settings_of(tmp_path, "budget.trials=2"), read_dataset(place))
    lines = [line.strip() for line in str(refused.value).splitlines()[1:]]
    told = {"names": "data: classes: 2 -> 2, in another order", "fewer": "data: train: 4 images, 8 boxes -> 3 images"}
    assert any(line.startswith(told.get(what, "data: the contents differ")) for line in lines)
    assert (f"data: root: {tmp_path / 'cans'} -> {tmp_path / 'moved'}" in lines) == moves
    assert layouts(search) == before


# `automl train`


@pytest.fixture
def export(tmp_path: Path, place: Path) -> Path:
    """An export as `automl train` reads it."""
    folder = tmp_path / "out"
    folder.mkdir()
    tiny = {"backbone.name": "lcnet_050", "neck.width": 16, "neck.depth": 1, "head.kind": "nms", "size.pixels": 64}
    config: dict[str, Any] = {
        "format": 1,
        "study": "s",
        "trial": 0,
        "candidate": tiny,
        "epochs": 2,
        "seed": 1,
        "classes": ["can", "jar"],
        "data": {"root": str(place), "format": "auto", "split": "val"},
        "device": vars(CPU),
        "latency": vars(PROTOCOL),
        "gate": {},
        "train_device": "cpu",
        "workers": 0,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_train_reads_a_moved_data_set_from_its_new_place(tmp_path: Path, place: Path, export: Path) -> None:
    quick = {**yaml.safe_load((export / "config.yaml").read_text()), "run": "quick_trainer:run_trial"}
    (export / "config.yaml").write_text(yaml.safe_dump(quick))
    run_train(str(export), [])
    begun_with = json.loads((export / "trained" / "run.json").read_text())
    older = read_dataset(place).fingerprint_by_sizes  # as an older automl wrote it
    (export / "trained" / "run.json").write_text(json.dumps({**begun_with, "data": older}))
    moved = place.rename(tmp_path / "moved")
    run_train(str(export), [f"data.root={moved}"])
    assert json.loads((export / "trained" / "run.json").read_text()) == begun_with
    (layout,) = (export / "trained" / "data").iterdir()
    now = read_dataset(moved)
    assert images_of(layout / "data.yaml") == [image.path for image in now.splits["train"]]


@pytest.mark.parametrize("fingerprint", [lambda data: data.fingerprint, lambda data: data.fingerprint_by_sizes])
def test_train_refuses_a_changed_data_set_before_anything_is_laid_out(
    tmp_path: Path, place: Path, export: Path, fingerprint: Callable[[Dataset], str]
) -> None:
    (export / "trained").mkdir()
    before = read_dataset(place)
    identity = {"epochs": 2, "seed": 1, "data": fingerprint(before)}
    (export / "trained" / "run.json").write_text(json.dumps(identity))
    card = lay_out(before, export / "trained" / "data")
    moved = place.rename(tmp_path / "moved")
    change(moved, "class")
    with pytest.raises(AutomlError, match="was begun with other settings \\(data "):
        run_train(str(export), [f"data.root={moved}"])
    assert list((export / "trained" / "data").iterdir()) == [card.parent]
    assert json.loads((export / "trained" / "run.json").read_text()) == identity
