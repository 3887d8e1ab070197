"""The store: a study made and reopened, contracts that differ, damaged files; each refusal leaves it as it was."""

import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from objectives import attributes as keys
from objectives.dataset import Dataset
from search.settings import Settings, load_settings
from search.store import FILE_NAME, PACKAGES, create_study, load_study, open_storage, provenance, storage_url
from spaces.errors import StoreError

START = "start=[{backbone.name: lcnet_050, size.pixels: 96}]"


def settings_of(folder: Path, *overrides: str) -> Settings:
    return load_settings(["conf=smoke", f"store.folder={folder}", *overrides])


def make(settings: Settings, dataset: Dataset) -> optuna.Study:
    settings.folder.mkdir(parents=True, exist_ok=True)
    return create_study(settings, dataset, open_storage(storage_url(settings.folder, None)))


def rows_of(path: Path) -> list[str]:
    """Return the whole content of a database as text."""
    with sqlite3.connect(path) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


def test_study_remembers_its_search(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, START, "gate.map50_min=0.5")
    attrs = make(settings, blocks).user_attrs
    assert attrs[keys.STUDY_VERSION] == keys.VERSION
    assert attrs[keys.SETTINGS] == settings.to_json()
    assert attrs[keys.GATE]["map50_min"] == 0.5
    assert attrs[keys.DATA] == blocks.to_json()
    assert attrs[keys.DEVICE] == settings.device.describe()
    assert attrs[keys.FINGERPRINTS] == {
        "space": settings.space.fingerprint,
        "data": blocks.fingerprint,
        "device": settings.device.fingerprint,
        "training": "2 epochs, seed 42, scored on val",
    }


def test_provenance_names_what_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/automl", "search", "conf=smoke"])
    found = provenance(7)
    assert found["seed"] == 7
    assert found["command"] == "automl search conf=smoke"
    assert set(PACKAGES) < set(found["versions"])
    assert found["versions"]["optuna"] == optuna.__version__
    assert found["created"].endswith("+00:00")
    assert len(found["commit"]) in (0, 40)
    assert json.loads(json.dumps(found)) == found


def test_reopening_goes_on_with_the_same_study(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, START)
    study = make(settings, blocks)
    study.tell(study.ask(), [0.5, 2.0])
    again = make(settings_of(tmp_path, START, "budget.trials=9", "pruner.tolerance=0.5"), blocks)
    assert [t.values for t in again.get_trials()] == [[0.5, 2.0]]
    assert again.user_attrs == study.user_attrs
    assert [d.name for d in again.directions] == ["MAXIMIZE", "MINIMIZE"]


def test_start_candidates_are_asked_first_and_enqueued_once(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, START)
    make(settings, blocks)
    study = make(settings, blocks)
    assert [t.state.name for t in study.get_trials()] == ["WAITING"]
    trial = study.ask()
    assert trial.suggest_categorical("size.pixels", [64, 96]) == 96


@pytest.mark.parametrize(
    ("override", "what", "line"),
    [
        ("space.size.pixels=64,128", "space", "  space: size.pixels: choice(64, 96) -> choice(64, 128)"),
        ("+space.augment.noise=0.02", "space", "  space: augment.noise: absent -> choice(0.02)"),
        ("~space.deploy", "space", "  space: deploy.nms_iou: choice(0.7) -> absent"),
        ("device.threads=0", "device", "  device: threads: 1 -> 0"),
        ("trial.epochs=5", "training", "  training: training: 2 epochs, seed 42, scored on val -> 5 epochs, seed 42,"),
        ("seed=7", "training", "  training: training: 2 epochs, seed 42, scored on val -> 2 epochs, seed 7,"),
    ],
)
def test_another_contract_is_refused_with_a_diff(
    tmp_path: Path, blocks: Dataset, override: str, what: str, line: str
) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks)
    before = rows_of(settings.folder / FILE_NAME)
    with pytest.raises(StoreError) as caught:
        make(settings_of(tmp_path, override), blocks)
    first, *diff = str(caught.value).splitlines()
    assert first == (
        f"store: study 'smoke' was made with another {what}; give the old settings, or name=NEW for a study of its own"
    )
    assert any(told.startswith(line) for told in diff)
    assert all(told.startswith("  ") for told in diff)
    assert rows_of(settings.folder / FILE_NAME) == before


def test_another_data_set_is_refused(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks)
    fewer = replace(blocks, splits={**blocks.splits, "train": blocks.splits["train"][:-1]})
    with pytest.raises(StoreError, match="made with another data") as caught:
        make(settings, fewer)
    assert "'images': 48" in str(caught.value)
    assert "'images': 47" in str(caught.value)
    box = blocks.splits["val"][0]
    moved = replace(blocks, splits={**blocks.splits, "val": (replace(box, boxes_xywh=box.boxes_xywh + 1),)})
    with pytest.raises(StoreError, match="made with another data"):
        make(settings, moved)


def test_boxes_that_moved_are_told_although_the_cards_agree(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks)
    first, *rest = blocks.splits["val"]
    moved = replace(first, boxes_xywh=first.boxes_xywh + 1)
    with pytest.raises(StoreError, match="another data;") as caught:
        make(settings, replace(blocks, splits={**blocks.splits, "val": (moved, *rest)}))
    assert str(caught.value).splitlines()[1:] == ["  data: the contents differ"]


def test_everything_that_differs_is_named(tmp_path: Path, blocks: Dataset) -> None:
    make(settings_of(tmp_path), blocks)
    with pytest.raises(StoreError, match="made with another space and device and training;"):
        make(settings_of(tmp_path, "space.neck.width=24", "device.threads=0", "seed=3"), blocks)


def test_newer_version_is_refused(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks).set_user_attr(keys.STUDY_VERSION, keys.VERSION + 1)
    newer = f"written by a newer automl \\(format {keys.VERSION + 1}\\); update automl"
    with pytest.raises(StoreError, match=newer):
        make(settings, blocks)
    with pytest.raises(StoreError, match=newer):
        load_study(tmp_path, "smoke", None)


def test_foreign_study_is_refused(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    settings.folder.mkdir()
    url = storage_url(settings.folder, None)
    optuna.create_study(study_name="smoke", storage=open_storage(url), directions=["maximize", "minimize"])
    before = rows_of(settings.folder / FILE_NAME)
    with pytest.raises(StoreError, match="'smoke' was not made by automl; name another with name="):
        make(settings, blocks)
    with pytest.raises(StoreError, match="not made by automl"):
        load_study(tmp_path, "smoke", None)
    assert rows_of(settings.folder / FILE_NAME) == before


@pytest.mark.parametrize("damage", ["noise", "text", "cut", "page"])
def test_damaged_file_is_told_and_left_alone(tmp_path: Path, blocks: Dataset, damage: str) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks)
    path = settings.folder / FILE_NAME
    whole = path.read_bytes()
    damaged = {
        "noise": os.urandom(9000),
        "text": b"no database",
        "cut": whole[: len(whole) // 2],
        "page": whole[:4096] + os.urandom(len(whole) - 4096),
    }[damage]
    path.write_bytes(damaged)
    for use in (lambda: make(settings, blocks), lambda: load_study(tmp_path, "smoke", None)):
        with pytest.raises(StoreError, match="cannot be used") as caught:
            use()
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/x.db", "mysql://somewhere", "redis://x"])
def test_unusable_url_is_told(url: str) -> None:
    with pytest.raises(StoreError, match="cannot be used") as caught:
        open_storage(url)
    assert "\n" not in str(caught.value)


def test_unknown_study_is_told_with_the_nearest(tmp_path: Path, blocks: Dataset) -> None:
    with pytest.raises(StoreError, match=r"there is no 'smoke' in .*; none was started yet"):
        load_study(tmp_path, "smoke", None)
    make(settings_of(tmp_path), blocks)
    with pytest.raises(StoreError, match=r"there is no 'smok' in .*; nearest: smoke"):
        load_study(tmp_path, "smok", None)
    with pytest.raises(StoreError, match=r"there is no 'zzz' in .*; known: smoke"):
        load_study(tmp_path, "zzz", None)
    with pytest.raises(StoreError, match=r"the store holds no 'smok'; nearest: smoke"):
        load_study(tmp_path, "smok", storage_url(tmp_path / "smoke", None))
    assert load_study(tmp_path, "smoke", None).study_name == "smoke"


def test_looking_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        load_study(tmp_path, "smoke", f"sqlite:///{tmp_path / 'typo.db'}")
    assert list(tmp_path.iterdir()) == []


def test_one_storage_holds_several_studies(tmp_path: Path, blocks: Dataset) -> None:
    url = f"sqlite:///{tmp_path / 'all.db'}"
    for name in ("one", "two"):
        create_study(settings_of(tmp_path, f"name={name}"), blocks, open_storage(url))
    assert load_study(tmp_path, "two", url).study_name == "two"
    assert sorted(optuna.get_all_study_names(url)) == ["one", "two"]
