"""Latency measured once: the second who asks gets the kept figure, and no process is started for it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from defaults import CPU, protocol_of
from window_detector import POOR, write_windows

from objectives.latency.once import latencies_once, latency_once
from objectives.machine.device_locks import Patience
from objectives.records.records import Latency
from spaces.errors import DeviceError

STEADY = protocol_of(processes=1, processes_max=1, interval=9.0, images_min=10, cap_s=1, warmup_s=0.05)
RNG = np.random.default_rng(4)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    return [path]


@pytest.fixture
def started() -> tuple[set[int], Patience]:
    """The processes that were seen while it was waited for."""
    seen: set[int] = set()
    return seen, Patience(lambda: seen.update(child.pid for child in psutil.Process().children()))


@pytest.mark.seconds
def test_what_was_measured_is_not_measured_again(images: list[Path], tmp_path: Path) -> None:
    model, said = write_windows(tmp_path / "model.onnx", POOR), list[str]()

    def ask(again: bool = False) -> Latency:
        return latency_once(model, CPU, images, STEADY, warn=said.append, again=again)

    first, second = ask(), ask()
    assert first.measured_at.endswith("Z")
    assert not first.kept
    assert second == replace(first, kept=True)
    other = tmp_path / "copy.onnx"
    other.write_bytes(model.read_bytes())
    assert latency_once(other, CPU, images, STEADY) == second
    assert latency_once(other, CPU, images, STEADY.quick()) == second
    third = ask(again=True)
    assert not third.kept
    assert third.raw_p50_ms != first.raw_p50_ms
    assert ask() == replace(third, kept=True)
    assert said == []


@pytest.mark.slow
@pytest.mark.seconds
def test_only_what_is_not_known_is_measured(images: list[Path], tmp_path: Path) -> None:
    known, new = write_windows(tmp_path / "known.onnx", POOR), write_windows(tmp_path / "new.onnx", ((24, 24),))
    before = latency_once(known, CPU, images, STEADY)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no onnx at all")
    found = latencies_once([known, new, broken], CPU, images, STEADY)
    assert found[0] == replace(before, kept=True)
    assert isinstance(found[1], Latency)
    assert not found[1].kept
    assert found[1].peak_bytes == 0  # timed beside the broken one
    assert isinstance(found[2], DeviceError)
    again = latencies_once([known, new], CPU, images, STEADY)
    assert [one.kept for one in again if isinstance(one, Latency)] == [True, True]
    alone = latency_once(new, CPU, images, STEADY)
    assert not alone.kept  # its memory was not known


@pytest.mark.slow
@pytest.mark.seconds
def test_a_file_that_is_not_there_spoils_no_other(images: list[Path], tmp_path: Path) -> None:
    model = write_windows(tmp_path / "model.onnx", POOR)
    good, missing = latencies_once([model, tmp_path / "missing.onnx"], CPU, images, STEADY.quick())
    assert isinstance(good, Latency)
    assert isinstance(missing, DeviceError)
    with pytest.raises(DeviceError, match="is not a file"):
        latency_once(tmp_path / "missing.onnx", CPU, images, STEADY.quick())


@pytest.mark.slow
@pytest.mark.seconds
def test_an_unstable_figure_is_measured_again(
    images: list[Path], tmp_path: Path, started: tuple[set[int], Patience]
) -> None:
    model = write_windows(tmp_path / "model.onnx", POOR)
    seen, patience = started
    doubtful = replace(STEADY, interval=0.0, cap_s=1.2)
    for count in (1, 2):  # processes so far
        found = latency_once(model, CPU, images, doubtful, patience=patience)
        assert (found.stable, found.kept, len(seen)) == (False, False, count)
