"""Whether a store reaches other machines: by the kind of the file system that a file lies on."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from postgres_server import postgres_server
from quick_search import settings_of

from objectives.data.dataset import Dataset
from objectives.records.artifacts.stored_files import ArtifactsRecord, write_artifacts
from search.cluster.engines.contract import are_elsewhere
from search.cluster.reach import check_reach, file_system
from search.settings.settings import load_settings
from search.study.store import create_study, open_storage
from spaces.errors import SettingsError


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the machine's file systems be these: mount point to kind."""

    def make(mounts: dict[str, str]) -> None:
        parts = [SimpleNamespace(mountpoint=point, fstype=kind) for point, kind in mounts.items()]
        monkeypatch.setattr(psutil, "disk_partitions", lambda all: parts)

    return make


def test_a_file_on_a_local_disk_is_refused(mounted: Callable[..., None]) -> None:
    mounted({"/": "ext4", "/shared": "nfs4", "/shared/scratch": "xfs"})
    with pytest.raises(
        SettingsError, match=r"cannot reach '/data/runs/smoke/study.sqlite3'.*\(ext4\); give store.url="
    ):
        check_reach(load_settings(["conf=smoke", "store.folder=/data/runs"]))
    with pytest.raises(SettingsError, match="xfs"):
        check_reach(load_settings(["conf=smoke", "store.folder=/shared/scratch/runs"]))


def test_a_file_on_a_shared_disk_is_warned_of_and_a_server_is_not(mounted: Callable[..., None]) -> None:
    mounted({"/": "ext4", "/shared": "nfs4"})
    (note,) = check_reach(load_settings(["conf=smoke", "store.folder=/shared/runs"]))
    assert note.startswith("the study is one SQLite file on nfs4")
    server = "store.url=postgresql+psycopg://127.0.0.1:1/automl"
    assert check_reach(load_settings(["conf=smoke", "store.folder=/shared/runs", server])) == []


def test_without_a_shared_folder_files_go_by_an_artifact_store(mounted: Callable[..., None]) -> None:
    mounted({"/": "ext4", "/shared": "nfs4"})
    line = ["conf=smoke", "store.folder=/data/runs", "store.url=postgresql+psycopg://127.0.0.1:1/automl"]
    (note,) = check_reach(load_settings(line))
    assert "in '/data/runs/smoke' on this machine's disk (ext4)" in note
    assert "store.artifacts=s3://" in note
    assert check_reach(load_settings([*line, "store.artifacts=s3://studies/smoke"])) == []
    assert check_reach(load_settings([*line, "store.artifacts=/shared/files"])) == []
    for place in ("/data/files", "file:///data/files"):
        with pytest.raises(SettingsError, match=rf"store.artifacts: .* cannot reach '{place}' .*\(ext4\)"):
            check_reach(load_settings([*line, f"store.artifacts={place}"]))


@pytest.mark.slow
@pytest.mark.seconds
def test_the_place_that_a_study_remembers_counts(mounted: Callable[..., None], blocks: Dataset, tmp_path: Path) -> None:
    with postgres_server() as server:
        url = server.url(server.new_database())
        settings = settings_of(tmp_path / "runs", f"store.url={url}")
        storage: Any = open_storage(url)
        write_artifacts(create_study(settings, blocks, storage), ArtifactsRecord("s3://studies/smoke", "smoke-1"))
        storage._backend.engine.dispose()
        mounted({"/": "ext4"})
        assert check_reach(settings) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["data.root=/shared/images"], None),
        (["data.root=/data/images"], "fetch it, if it was pushed"),
    ],
)
def test_a_data_set_on_a_local_disk_is_noted(mounted: Callable[..., None], words: list[str], says: str | None) -> None:
    mounted({"/": "ext4", "/shared": "nfs4"})
    line = ["conf=smoke", "store.url=postgresql+psycopg://127.0.0.1:1/automl", *words]
    notes = check_reach(load_settings([*line, "store.artifacts=s3://studies/smoke"]))
    assert [says in note for note in notes if says] == ([True] if says else [])
    assert len(notes) == (says is not None)
    notes = check_reach(load_settings([*line, "store.folder=/shared/runs"]))
    assert ["all machines need it at that path" in note for note in notes] == ([True] if says else [])


def test_the_file_system_here_is_known(tmp_path: Path) -> None:
    assert file_system(tmp_path / "not" / "there")


@pytest.mark.parametrize(
    ("hosts", "elsewhere"),
    [((), False), (("127.0.0.1", "localhost", "::1"), False), (("127.0.0.1", "198.51.100.7"), True)],
)
def test_other_machines_are_those_whose_address_is_not_ours(hosts: tuple[str, ...], elsewhere: bool) -> None:
    assert are_elsewhere(hosts) is elsewhere
