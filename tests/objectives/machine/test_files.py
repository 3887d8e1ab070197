"""Files: whole or not at all."""

import errno
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from objectives.machine.files import cache_folder, remove_folders, remove_partials, whole, write_text
from objectives.records.paths import TrialPaths

ROOT = Path(__file__).parents[3]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def break_off(path: Path) -> None:
    with whole(path) as partial:
        partial.write_text("ne")
        raise ValueError("half way")


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with whole(path) as partial:
        assert partial.suffix == ".partial"
        assert partial.parent == tmp_path
        partial.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(tmp_path) == ["model.onnx"]


def test_what_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    write_text(path, "old")
    with pytest.raises(ValueError, match="half way"):
        break_off(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["candidate.json"]


def test_the_one_before_is_kept_where_asked_for(tmp_path: Path) -> None:
    path, previous = tmp_path / "a", tmp_path / "a.1"
    for text in ("1", "2", "3"):
        with whole(path, previous) as partial:
            partial.write_text(text)
    assert (path.read_text(), previous.read_text()) == ("3", "2")


def test_a_killed_writer_leaves_the_old_file_and_a_partial_one(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    write_text(path, "old")
    (tmp_path / "model.ncnn.partial").mkdir()  # of a conversion
    program = f"""
    import os, signal
    from pathlib import Path
    from objectives.machine.files import whole
    with whole(Path({str(path)!r})) as partial:
        partial.write_text("ne")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, timeout=60, check=False)
    assert done.returncode < 0
    assert path.read_text() == "old"
    assert (tmp_path / "weights.pt.partial").exists()
    remove_partials(tmp_path)
    assert names(tmp_path) == ["weights.pt"]


def test_checkpoints_go_and_results_stay(tmp_path: Path) -> None:
    for name in ("training-1/checkpoint.pt", "training-2/weights/x", "model.onnx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    remove_folders(TrialPaths(tmp_path).trainings)
    assert names(tmp_path) == ["model.onnx"]


@pytest.fixture
def tiny_disk(disk_of_mb: Callable[[int], Path]) -> Path:
    return disk_of_mb(1)


def test_a_full_disk_takes_nothing_away(tiny_disk: Path) -> None:
    path = tiny_disk / "checkpoint.pt"
    write_text(path, "x" * 600_000)
    with pytest.raises(OSError, match="No space left") as caught:
        write_text(path, "y" * 600_000)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_text() == "x" * 600_000
    assert names(tiny_disk) == ["checkpoint.pt"]  # its room is free again


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "automl"
