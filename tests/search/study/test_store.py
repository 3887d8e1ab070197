"""The store: a study made, cut while being made, and reopened; each refusal leaves it as it was."""

import errno
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from search.settings.settings import Settings, load_settings
from search.study.checkout import code_card
from search.study.provenance import PACKAGES, provenance
from search.study.store import (
    create_study,
    load_study,
    open_storage,
    storage_url,
    store_errors,
)
from search.study.study_file import shown_url
from search.study.terms.contract import Contract
from spaces.errors import DiskFull, StoreError

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
    assert attrs[keys.STUDY_VERSION] == keys.OF_ONE_DEVICE
    assert attrs[keys.SETTINGS] == settings.to_json()
    assert attrs[keys.GATE]["map50_min"] == 0.5
    assert attrs[keys.DATA] == blocks.to_json()
    assert attrs[keys.DEVICE] == settings.device.describe()
    assert attrs[keys.FINGERPRINTS] == Contract.of(settings, blocks).fingerprints


def test_provenance_names_what_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/automl", "search", "conf=smoke"])
    found = provenance(7)
    assert found["seed"] == 7
    assert found["command"] == "automl search conf=smoke"
    assert set(PACKAGES) < set(found["versions"])
    assert found["versions"]["optuna"] == optuna.__version__
    assert found["created"].endswith("+00:00")
    assert len(found["commit"]) in (0, 40, 64)
    assert found["code"] == code_card(Path.cwd())
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cret@db:5432/x", "postgresql://me:***@db:5432/x"),
        ("postgresql+psycopg2://me:a:b@db/x", "postgresql+psycopg2://me:***@db/x"),
        ("automl search store.url=postgresql://db:5432/x name=me@lab", None),
        ('{"url": "postgresql://db:5432/x", "name": "me@lab"}', None),
        ('{"url": "mysql://me:pw@db/x", "name": "me@lab"}', '{"url": "mysql://me:***@db/x", "name": "me@lab"}'),
        ("sqlite:///runs/study.sqlite3", None),
        ("postgresql://me:a/b'c@db/x", "postgresql://me:***@db/x"),  # SQLAlchemy takes these as they are
        ("postgresql://db/x?user=me&password=s3cret&a=b", "postgresql://db/x?user=me&password=***&a=b"),
    ],
)
def test_passwords_are_not_shown_and_nothing_else_is_hidden(text: str, shown: str | None) -> None:
    assert shown_url(text) == (shown or text)


def test_what_is_not_the_databases_fault_is_not_called_so() -> None:
    with pytest.raises(OSError, match="Too many open files"), store_errors("smoke"):
        raise OSError(errno.EMFILE, "Too many open files")
    with pytest.raises(DiskFull), store_errors("smoke"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.seconds
def test_reopening_goes_on_with_the_same_study(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path, START)
    study = make(settings, blocks)
    study.tell(study.ask(), [0.5, 2.0])
    again = make(settings_of(tmp_path, START, "budget.trials=9", "pruner.grace=0.5"), blocks)
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


@pytest.mark.seconds
def test_another_contract_is_refused_and_the_study_stays_as_it_is(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks)
    before = rows_of(StudyPaths(settings.folder).store)
    with pytest.raises(StoreError, match="was made with another space; give the old settings"):
        make(settings_of(tmp_path, "space.size.pixels=64,128"), blocks)
    assert rows_of(StudyPaths(settings.folder).store) == before


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("written", range(8))
def test_study_whose_making_was_cut_is_made_again(tmp_path: Path, blocks: Dataset, written: int) -> None:
    settings = settings_of(tmp_path, START)
    whole = make(settings, blocks)
    attrs = whole.user_attrs
    url = storage_url(settings.folder, None)
    optuna.delete_study(study_name="smoke", storage=open_storage(url))
    cut = optuna.create_study(study_name="smoke", storage=open_storage(url), directions=["maximize", "minimize"])
    if written:
        cut.enqueue_trial(settings.start[0])
    for key in [keys.SETTINGS, keys.PROVENANCE, keys.FINGERPRINTS, keys.DEVICE, keys.DATA, keys.GATE][: written - 1]:
        cut.set_user_attr(key, attrs[key])
    again = make(settings, blocks)
    assert again.user_attrs.keys() == attrs.keys()
    assert [trial.state.name for trial in again.get_trials()] == ["WAITING"]


@pytest.mark.seconds
def test_two_processes_that_start_the_same_search_make_one_study(tmp_path: Path, shelves: Path) -> None:
    start = (
        "import sys, time\n"
        "from objectives.data.readers import read_dataset\n"
        "from pathlib import Path\n"
        "from search.settings.settings import load_settings\n"
        "from search.study.store import create_study, open_storage, storage_url\n"
        "settings = load_settings(['conf=smoke', f'store.folder={sys.argv[1]}', sys.argv[3]])\n"
        "data = read_dataset(Path(sys.argv[2]), 'coco')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "study = create_study(settings, data, open_storage(storage_url(settings.folder, None)))\n"
        "print(len(study.get_trials()), len(study.user_attrs))\n"
    )
    (tmp_path / "smoke").mkdir()
    command = [sys.executable, "-c", start, str(tmp_path), str(shelves), START]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    told = [process.communicate("go\n")[0] for process in both]
    assert told == ["1 7\n", "1 7\n"]


@pytest.mark.seconds
def test_newer_version_is_refused(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    make(settings, blocks).set_user_attr(keys.STUDY_VERSION, keys.VERSION + 1)
    newer = f"written by a newer automl \\(format {keys.VERSION + 1}\\); update automl"
    with pytest.raises(StoreError, match=newer):
        make(settings, blocks)
    with pytest.raises(StoreError, match=newer):
        load_study(tmp_path, "smoke", None)


@pytest.mark.seconds
def test_foreign_study_is_refused(tmp_path: Path, blocks: Dataset) -> None:
    settings = settings_of(tmp_path)
    settings.folder.mkdir()
    url = storage_url(settings.folder, None)
    foreign = optuna.create_study(study_name="smoke", storage=open_storage(url), directions=["maximize", "minimize"])
    foreign.tell(foreign.ask(), [0.5, 2.0])
    before = rows_of(StudyPaths(settings.folder).store)
    with pytest.raises(StoreError, match="'smoke' was not made by automl; name another with name="):
        make(settings, blocks)
    with pytest.raises(StoreError, match="not made by automl"):
        load_study(tmp_path, "smoke", None)
    assert rows_of(StudyPaths(settings.folder).store) == before


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/x.db", "mysql://somewhere", "redis://x"])
def test_unusable_url_is_told(url: str) -> None:
    line = "needs the driver 'MySQLdb'.*; pip install mysqlclient" if "mysql" in url else "cannot be used"
    with pytest.raises(StoreError, match=line) as caught:
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


@pytest.mark.seconds
def test_one_storage_holds_several_studies(tmp_path: Path, blocks: Dataset) -> None:
    url = f"sqlite:///{tmp_path / 'all.db'}"
    for name in ("one", "two"):
        create_study(settings_of(tmp_path, f"name={name}"), blocks, open_storage(url))
    assert load_study(tmp_path, "two", url).study_name == "two"
    assert sorted(optuna.get_all_study_names(url)) == ["one", "two"]
