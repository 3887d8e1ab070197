"""Data sets pushed to a place and fetched: the same set with the same splits, once a machine, whole or not at all."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from command_line import automl

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from search.settings.settings import load_settings
from search.study.files.data_sets import data_of, fetched, push
from search.study.files.open import follow_artifacts
from search.study.files.place import ArtifactPlace, FileLost, open_place
from search.study.store import create_study, open_storage, storage_url
from spaces.errors import DataError, StoreError


@pytest.fixture(scope="module")
def shelf_set(shelves: Path) -> Dataset:
    return read_dataset(shelves)


@pytest.fixture(autouse=True)
def another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test be on a machine that has fetched nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def place(tmp_path: Path) -> ArtifactPlace:
    return open_place((tmp_path / "artifacts").as_uri())


def test_what_is_fetched_is_the_set_with_its_splits(shelf_set: Dataset, artifacts: str) -> None:
    place = open_place(artifacts)
    pushed = push(shelf_set, place)
    assert not pushed.was_there
    found = fetched(shelf_set.fingerprint, place)
    assert found.fingerprint == shelf_set.fingerprint
    assert found.classes == shelf_set.classes
    assert found.findings == shelf_set.findings
    for split, images in shelf_set.splits.items():
        names = [image.path.relative_to(shelf_set.root).as_posix() for image in images]
        assert [image.path.relative_to(found.root / "images").as_posix() for image in found.splits[split]] == names
        assert [image.path.read_bytes() for image in found.splits[split]] == [i.path.read_bytes() for i in images]
    again = push(shelf_set, place)
    assert again.was_there
    assert again.stored == pushed.stored


def test_it_is_fetched_once(shelf_set: Dataset, place: ArtifactPlace) -> None:
    push(shelf_set, place)
    times: list[int] = []
    for _ in range(2):
        fetched(shelf_set.fingerprint, place, lambda: times.append(1))
    assert times == [1]


def test_a_set_that_is_missing_damaged_or_changed_is_one_line(
    shelf_set: Dataset, place: ArtifactPlace, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"does not hold data set contents-.*automl data push"):
        fetched(shelf_set.fingerprint, place)
    archive = tmp_path / "artifacts" / push(shelf_set, place).stored.object
    content = archive.read_bytes()
    for damaged in (content[: len(content) // 2], content[:5000] + b"?" + content[5001:]):
        archive.write_bytes(damaged)
        with pytest.raises(FileLost, match="is damaged"):
            fetched(shelf_set.fingerprint, place)
        assert not list((tmp_path / "cache" / "automl" / "data").iterdir())
    archive.write_bytes(content)
    found = fetched(shelf_set.fingerprint, place)
    found.splits["val"][0].path.write_bytes(b"another picture")
    with pytest.raises(DataError, match="was changed since"):
        fetched(shelf_set.fingerprint, place)


@pytest.mark.slow
@pytest.mark.seconds
def test_a_push_that_is_killed_counts_as_none_and_the_next_leaves_nothing_over(
    shelf_set: Dataset, place: ArtifactPlace, tmp_path: Path
) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from objectives.data.readers import read_dataset
        from search.study.files.data_sets import push
        from search.study.files.place import open_place
        dataset = read_dataset(Path(sys.argv[1]))
        assert dataset.fingerprint
        last = dataset.splits["test"][-1].path
        last.unlink()
        os.mkfifo(last)  # a disk that gives nothing
        push(dataset, open_place(sys.argv[2]))
    """
    copy = tmp_path / "shelves"
    shutil.copytree(shelf_set.root, copy)
    line = [sys.executable, "-c", textwrap.dedent(code), str(copy), (tmp_path / "artifacts").as_uri()]
    process = subprocess.Popen(line, cwd=Path(__file__).parents[4])
    until = time.monotonic() + 30
    while not list(place.names("data/")):
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(StoreError, match="does not hold"):
        fetched(shelf_set.fingerprint, place)
    assert not push(shelf_set, place).was_there
    fetched(shelf_set.fingerprint, place)
    push(shelf_set, place)
    assert len(list(place.names("data/"))) == 2  # the archive and its list


def test_a_search_without_its_folder_reads_what_was_pushed(
    shelves: Path, shelf_set: Dataset, place: ArtifactPlace, tmp_path: Path
) -> None:
    line = ["conf=smoke", f"store.folder={tmp_path}", f"store.artifacts={tmp_path / 'artifacts'}", "data.format=coco"]
    settings = load_settings([*line, f"data.root={shelves}"])
    gone = load_settings([*line, f"data.root={tmp_path / 'gone'}"])
    with pytest.raises(DataError, match=r"^data.root: .*gone' is not on this machine, and study 'smoke' has not begun"):
        data_of(gone)
    settings.folder.mkdir()
    study = create_study(settings, shelf_set, open_storage(storage_url(settings.folder, None)))
    with pytest.raises(DataError, match="keeps no files in store"):
        data_of(gone)
    follow_artifacts(study, settings.store.artifacts)
    push(shelf_set, place)
    said: list[str] = []
    found = data_of(gone, say=said.append)
    assert found.fingerprint == shelf_set.fingerprint
    assert len(said) == 2
    assert said[1].startswith(f"data: '{tmp_path}/gone' is not on this machine; read as it was pushed")
    create_study(gone, found, open_storage(storage_url(settings.folder, None)))
    assert study.user_attrs["automl.data"]["root"] == str(shelf_set.root)


def test_the_command_says_sizes(shelves: Path, tmp_path: Path) -> None:
    line = ["data", "push", "conf=smoke", f"data.root={shelves}", f"store.artifacts={tmp_path / 'artifacts'}"]
    first, second = automl(*line, folder=tmp_path), automl(*line, folder=tmp_path)
    assert first.returncode == second.returncode == 0
    assert first.stdout.startswith("pushed: shelves, 22 images, ")
    assert second.stdout.startswith("is there already: shelves, 22 images, ")
    refused = automl(*line[:-1], folder=tmp_path)
    assert refused.returncode == 2
    assert "store.artifacts" in refused.stderr
    assert refused.stderr.count("\n") == 1
