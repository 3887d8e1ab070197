"""`automl data check`: exit codes, lines, YAML, JSON and the page; and the card beside it."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from command_line import automl
from PIL import Image
from small_data import CARD, yolo

LABEL = "0 0.5 0.5 0.4 0.4"


def clean(root: Path, **more: str) -> Path:
    """Write a set without a fault: two classes, twelve images to train on, four to validate."""
    labels = {
        f"train/{i}": f"{i % 2} 0.4 0.5 0.{30 + i} 0.4\n1 0.2 0.2 0.2 0.{20 + i}\n0 0.8 0.8 0.2 0.2" for i in range(12)
    }
    labels |= {
        f"val/v{i}": f"{i % 2} 0.4 0.5 0.{40 + i} 0.4\n0 0.8 0.8 0.2 0.2\n1 0.2 0.2 0.2 0.{20 + i}" for i in range(4)
    }
    yolo(root, labels | {key.replace("__", "/"): text for key, text in more.items()}, CARD)
    rng = np.random.default_rng(7)
    for path in sorted(root.rglob("*.jpg")):  # of patches, so that no two look alike and none is flat
        patches = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(patches).resize((80, 60), Image.Resampling.NEAREST).save(path)
    return root


def copy(root: Path, source: str, target: str) -> None:
    (root / target).write_bytes((root / source).read_bytes())


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    root = clean(tmp_path / "data")
    for source in ("images/3.jpg", "labels/3.txt"):
        copy(root, f"train/{source}", f"val/{source.replace('3', 'v1')}")
    return root


def test_a_clean_set_is_silent(tmp_path: Path) -> None:
    done = automl("data", "check", "conf=smoke", f"data.root={clean(tmp_path / 'data')}", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "nothing found"


def test_a_leak_is_an_error_and_its_places_can_be_copied(tmp_path: Path, leaky: Path) -> None:
    done = automl("data", "check", "conf=smoke", f"data.root={leaky}", folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "error    splits.leak (1): images of one split that are there in another" in done.stdout
    assert "         train/images/3.jpg = val/images/v1.jpg" in done.stdout.splitlines()


def test_a_warning_is_no_error(tmp_path: Path) -> None:
    root = clean(tmp_path / "data", train__x="0 0.5 0.5 0 0.3")
    done = automl("data", "check", "conf=smoke", f"data.root={root}", folder=tmp_path)
    assert done.returncode == 0
    assert "1 warning: nothing that would spoil the scores" in done.stdout
    assert "train/images/x.jpg: can of 0 x 18 px at 40, 21" in done.stdout


@pytest.mark.parametrize(("form", "read"), [("yaml", yaml.safe_load), ("json", json.loads)])
def test_as_values_standard_output_is_theirs_alone(tmp_path: Path, leaky: Path, form: str, read: object) -> None:
    done = automl("data", "check", "conf=smoke", f"data.root={leaky}", f"format={form}", folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    values = read(done.stdout)  # type: ignore[operator]  # a reader of the table above
    assert (values["name"], values["errors"], values["warnings"]) == ("data", 1, 0)
    assert values["splits"]["val"] == {"images": 4, "background": 0, "boxes": 12, "per_class": {"can": 6, "jar": 6}}
    (found,) = values["findings"]
    assert (found["code"], found["severity"], found["count"]) == ("splits.leak", "error", 1)
    assert found["examples"] == ["train/images/3.jpg = val/images/v1.jpg"]


def test_a_page_with_pictures(tmp_path: Path, leaky: Path) -> None:
    line = ["data", "check", "conf=smoke", f"data.root={leaky}", "page=out/check.html"]
    done = automl(*line, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "page: out/check.html"
    page = (tmp_path / "out" / "check.html").read_text()
    assert page.count("<img") >= 2


def test_the_sources_stay_as_they_are(tmp_path: Path, leaky: Path) -> None:
    before = {path: path.read_bytes() for path in leaky.rglob("*") if path.is_file()}
    automl("data", "check", "conf=smoke", f"data.root={leaky}", folder=tmp_path)
    assert {path: path.read_bytes() for path in leaky.rglob("*") if path.is_file()} == before


def test_names_that_look_like_markup_are_printed_as_written(tmp_path: Path) -> None:
    root = clean(tmp_path / "[bold]data", train__x="0 0.5 0.5 0 0.3")
    (root / "data.yaml").write_text(CARD.replace("[can, jar]", '["/[red]", "no"]'))
    done = automl("data", "check", "conf=smoke", f"data.root={root}", folder=tmp_path)
    assert f"[bold]data in {root}" in done.stdout
    assert "/[red] of 0 x 18 px" in done.stdout
    values = yaml.safe_load(automl("data", f"data.root={root}", folder=tmp_path).stdout)
    assert values["splits"]["train"]["per_class"] == {"/[red]": 19, "no": 18} | {"/[red]": 18, "no": 18}


def test_the_data_set_decides_what_is_too_small(tmp_path: Path) -> None:
    """Of the input sizes that the line would search, the largest counts."""
    root = clean(tmp_path / "data", train__x="0 0.5 0.5 0.3 0.08\n1 0.2 0.2 0.1 0.2")
    small = automl("data", "check", "conf=smoke", f"data.root={root}", "space.size.pixels=32", folder=tmp_path)
    large = automl(
        "data", "check", "conf=smoke", f"data.root={root}", "space.size.pixels=choice(32,640)", folder=tmp_path
    )
    assert "labels.too_small" in small.stdout
    assert "labels.too_small" not in large.stdout


def test_groups_of_the_users_stay_on_one_side(tmp_path: Path) -> None:
    root = clean(tmp_path / "data")
    for split, names in (("train", ["a-1", "b-2"]), ("val", ["b-3", "c-4"])):
        for stem, name in zip(("0", "1") if split == "train" else ("v0", "v1"), names, strict=True):
            for folder, suffix in (("images", "jpg"), ("labels", "txt")):
                path = root / split / folder / f"{stem}.{suffix}"
                path.rename(path.with_stem(name))
    line = ["data", "check", "conf=smoke", f"data.root={root}"]
    assert automl(*line, folder=tmp_path).returncode == 0
    done = automl(*line, "data.group='([abc])-'", folder=tmp_path)
    assert done.returncode == 1
    assert "b: train/images/b-2.jpg in train, val/images/b-3.jpg in val" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["data", "chek", "conf=smoke"], "unknown command 'chek'; nearest: check"),
        (["data", "check", "format=jsn"], "format: unknown choice 'jsn'; nearest: json; known: text, yaml, json"),
        (["data", "check", "page="], "page: needs one value, got 'page='; give page=... once"),
        (["data", "check", "format"], "format: needs one value, got 'format'; give format=... once"),
        (["data", "check", "page=."], "page: '.' is a folder; name a file, such as page=check.html"),
        (["data", "check", "format=yaml", "format=json"], "format: needs one value, got 'format=json'"),
        (["data", "check", "data.check=strikt"], "data.check: unknown choice 'strikt'; nearest: strict"),
        (["data", "check", "data.root=nowhere"], "data.root: '"),
        (["data", "check", "data.group='(cam'"], "data.group: '(cam' is no regular expression"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = automl(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_card_has_the_boxes_of_each_class(tmp_path: Path) -> None:
    done = automl("data", "conf=smoke", f"data.root={clean(tmp_path / 'data')}", folder=tmp_path)
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["splits"]["train"]["per_class"] == {"can": 18, "jar": 18}


def test_help_names_both(tmp_path: Path) -> None:
    done = automl("data", "--help", folder=tmp_path)
    assert done.returncode == 0
    assert "automl data check conf=retail" in done.stdout
    assert "page=FILE" in automl("data", "check", "--help", folder=tmp_path).stdout
