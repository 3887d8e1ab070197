"""Boards that are visible, as CUDA counts them, told from the driver's files alone."""

from pathlib import Path

import pytest

from objectives.machine.gpus import visible_gpus


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A driver's folder with three boards."""
    for name in ("nvidia0", "nvidia1", "nvidia5", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "boards"),
    [("0", [0]), ("5,1", [5, 1]), ("", []), ("-1", []), ("0,-1,1", [0]), ("0, 7, 1", [0]), ("none", [])],
)
def test_the_variable_picks_and_orders_boards(
    devices: Path, variable: str, boards: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus(devices) == boards


def test_without_the_variable_all_boards_are_visible(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(devices) == [0, 1, 5]


@pytest.mark.parametrize("variable", ["0,1", "GPU-5f1c"])
def test_without_boards_nothing_is_visible(tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus(tmp_path) == []


def test_a_board_by_uuid_has_one_number(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5f1c,GPU-77aa")
    one, other = visible_gpus(devices)
    assert one != other
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-77aa")
    assert visible_gpus(devices) == [other]
