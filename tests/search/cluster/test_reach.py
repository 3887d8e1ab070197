"""Whether a store reaches other machines: by the kind of the file system that a file lies on."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from search.cluster.engines.contract import are_elsewhere
from search.cluster.reach import check_reach, file_system
from search.settings.settings import load_settings
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
    server = ["conf=smoke", "store.url=postgresql+psycopg://db/automl"]
    assert check_reach(load_settings([*server, "store.folder=/shared/runs"])) == []
    assert check_reach(load_settings([*server, "store.folder=/runs", "store.artifacts=s3://studies"])) == []
    (note,) = check_reach(load_settings([*server, "store.folder=/runs"]))
    assert note == "'/runs/smoke' must be one folder on all machines: share it, or give store.artifacts=..."


def test_the_file_system_here_is_known(tmp_path: Path) -> None:
    assert file_system(tmp_path / "not" / "there")


@pytest.mark.parametrize(
    ("hosts", "elsewhere"),
    [((), False), (("127.0.0.1", "localhost", "::1"), False), (("127.0.0.1", "198.51.100.7"), True)],
)
def test_other_machines_are_those_whose_address_is_not_ours(hosts: tuple[str, ...], elsewhere: bool) -> None:
    assert are_elsewhere(hosts) is elsewhere
