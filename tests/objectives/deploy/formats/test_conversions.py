"""The cache folder of converted files: bounded, the oldest make room, and a failure leaves nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from defaults import device_of
from window_detector import write_windows

from objectives.deploy.artifact_files import bytes_of
from objectives.deploy.formats import conversions
from objectives.deploy.formats.deployed import deployed
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.machine.locks import locked_folder, unless_locked
from spaces.errors import AutomlError

pytestmark = [
    pytest.mark.seconds,
    pytest.mark.skipif(bool(DEPLOY_FORMATS["ncnn"].why_not()), reason="ncnn or pnnx is not installed"),
]
NCNN = device_of(name="ncnn", runtime="ncnn", provider="CPU")

SHARES = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH)
print(flush=True)
input()
"""


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is converted."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "automl" / "converted"


def write(folder: Path, i: int) -> Path:
    folder.mkdir(exist_ok=True)
    return write_windows(folder / f"{i}.onnx", ((40, 40), (32, 48 + 8 * i)))


def asked_for(converted: Path, seconds_ago: float) -> None:
    then = time.time() - seconds_ago
    os.utime(converted.parent, (then, then))


def test_the_files_that_were_asked_for_longest_ago_make_room(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write(tmp_path / "made", i) for i in range(5)]
    first, second, third = (deployed(file, NCNN) for file in files[:3])
    for converted, seconds_ago in ((first, 9000), (second, 8000), (third, 10)):
        asked_for(converted, seconds_ago)
    assert deployed(files[0], NCNN) == first  # from now on the second was asked for longest ago
    monkeypatch.setattr(conversions, "BYTES_MOST", 3 * bytes_of(first.parent) + 100)
    fourth = deployed(files[3], NCNN)
    assert {path.name for path in kept.iterdir()} == {one.parent.name for one in (first, third, fourth)}
    asked_for(first, 7000)
    monkeypatch.setattr(conversions, "BYTES_MOST", 1)
    fifth = deployed(files[4], NCNN)  # what was asked for within the hour may be open, and stays
    assert {path.name for path in kept.iterdir()} == {one.parent.name for one in (third, fourth, fifth)}
    assert all(one.is_file() for one in (third, fourth, fifth))


def test_nothing_is_removed_while_others_convert(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = deployed(write(tmp_path / "made", 0), NCNN)
    asked_for(first, 9000)
    monkeypatch.setattr(conversions, "BYTES_MOST", 1)
    with subprocess.Popen([sys.executable, "-c", SHARES, kept], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        deployed(write(tmp_path / "made", 1), NCNN)
        assert first.is_file()
        other.communicate(b"\n")
    deployed(write(tmp_path / "made", 2), NCNN)
    assert not first.exists()


def test_a_conversion_that_fails_leaves_nothing(kept: Path, tmp_path: Path) -> None:
    whole = write(tmp_path / "made", 0)
    (tmp_path / "cut.onnx").write_bytes(whole.read_bytes()[:300])
    with pytest.raises(AutomlError):
        deployed(tmp_path / "cut.onnx", NCNN)
    assert list(kept.iterdir()) == []


def test_what_a_killed_conversion_left_goes_with_the_next_one(kept: Path, tmp_path: Path) -> None:
    left = kept / "ncnn-0123" / ".model-x.partial"
    left.mkdir(parents=True)
    (left / "net.onnx").write_bytes(b"half")
    deployed(write(tmp_path / "made", 0), NCNN)
    assert not left.parent.exists()


def test_many_share_a_folders_lock_and_none_has_it_alone_meanwhile(tmp_path: Path) -> None:
    share = locked_folder(tmp_path, shared=True)
    with share, locked_folder(tmp_path, shared=True), unless_locked(tmp_path) as is_free:
        assert not is_free
    with unless_locked(tmp_path) as is_free:
        assert is_free
