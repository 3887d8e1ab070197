"""Disk space: a search pauses without it, and goes on once it can write again."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from objectives.machine.disk import free_bytes
from search.study.folder import disk_space
from search.study.folder.disk_space import check_disk_space, has_disk_space, wait_for_disk_space
from spaces.errors import DiskFull


@pytest.fixture
def small_disk(disk_of_mb: Callable[[int], Path]) -> Path:
    return disk_of_mb(8)


def test_a_disk_with_room_is_passed(tmp_path: Path) -> None:
    check_disk_space(tmp_path, 0.5e-6 * free_bytes(tmp_path))
    assert has_disk_space(tmp_path, 0.5e-6 * free_bytes(tmp_path))
    assert list(tmp_path.iterdir()) == []  # what was written to see is gone


def test_too_little_room_is_told_with_what_to_do(tmp_path: Path) -> None:
    least = 2 * shutil.disk_usage(tmp_path).total / 1e6
    with pytest.raises(DiskFull, match=r"MB left, \d+ are needed \(store.free_mb_min\); free some, or set"):
        check_disk_space(tmp_path, least)
    assert not has_disk_space(tmp_path, least)


def test_a_folder_that_cannot_be_written_has_no_room() -> None:
    assert not has_disk_space(Path("/proc"), 0.0)


def test_the_wait_ends_when_there_is_room(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "DISK_LOOK_EVERY_S", 0.05)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(7 << 20))
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            ballast.unlink()

    waiting = threading.Thread(target=wait_for_disk_space, args=(small_disk, 4.0, say))
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()
    assert told[0] == told[1]
    assert "is full; the search goes on once 5 MB are free" in told[0]
    assert told[-1] == ""
