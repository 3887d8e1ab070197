"""GPUs that are visible, as CUDA counts them: by the driver's answers, and where it does not answer by its files."""

from pathlib import Path

import pytest
from made_gpus import FIRST, ONE_LOST, PARTED, PARTS, SECOND, TWO, asked, build_nvml, machine

from objectives.machine.gpus.visible import gpu_notes, visible_gpus

SHOWN = """
from objectives.machine.gpus.visible import visible_gpus
print(*(gpu.uuid for gpu in visible_gpus()))
"""


@pytest.fixture(scope="module")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nvml(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A driver's folder with three boards."""
    for name in ("nvidia0", "nvidia1", "nvidia5", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    return tmp_path


def names(devices: Path) -> list[str]:
    return [gpu.uuid for gpu in visible_gpus(devices)]


# Where no driver answers


@pytest.mark.parametrize(
    ("variable", "boards"),
    [
        ("0", ["0"]),
        ("5,1", ["5", "1"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),
        ("0, 7, 1", ["0"]),
        ("none", []),
        ("1,1", []),
    ],
)
def test_the_variable_picks_and_orders_boards(
    devices: Path, variable: str, boards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert names(devices) == boards


def test_without_the_variable_all_boards_are_visible(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert names(devices) == ["0", "1", "5"]
    assert [gpu.node for gpu in visible_gpus(devices)] == [0, 1, 5]


@pytest.mark.parametrize("variable", ["0,1", "GPU-5f1c"])
def test_without_boards_nothing_is_visible(tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus(tmp_path) == []
    assert gpu_notes(tmp_path) == []


def test_a_board_by_uuid_is_what_it_is_called(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5f1c,GPU-77aa")
    assert names(devices) == ["GPU-5f1c", "GPU-77aa"]


def test_boards_without_an_answering_driver_are_one_note(devices: Path) -> None:
    (note,) = gpu_notes(devices)
    assert "the NVIDIA driver does not answer" in note
    assert "one training at a time" in note


# Where it does


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("gpus", "variable", "seen"),
    [
        (TWO, None, [FIRST, SECOND]),
        (TWO, "1,0", [SECOND, FIRST]),
        (TWO, "GPU-1111,0", [SECOND, FIRST]),
        (TWO, "GPU-", []),  # two begin so
        (TWO, f"{FIRST},0", []),  # the same one twice
        (PARTED, None, [*PARTS]),
        (PARTED, PARTS[1], [PARTS[1]]),
        (PARTED, "0", [*PARTS]),
        (PARTED, FIRST, [*PARTS]),
        (PARTED, f"MIG-{FIRST}/10/0", [PARTS[1]]),  # as drivers before R470 named it
        (PARTED, "MIG-", []),
        (ONE_LOST, None, [SECOND]),
        (ONE_LOST, "1", [SECOND]),
        (ONE_LOST, "0,1", []),
    ],
)
def test_the_driver_names_what_the_variable_lists(
    nvml: Path, tmp_path: Path, gpus: str, variable: str | None, seen: list[str]
) -> None:
    given = {} if variable is None else {"CUDA_VISIBLE_DEVICES": variable}
    assert asked(machine(nvml, gpus, tmp_path, **given), SHOWN) == [" ".join(seen)]


@pytest.mark.seconds
@pytest.mark.parametrize(
    ("gpus", "note"),
    [
        (TWO, None),
        (ONE_LOST, "gpu: GPU 0 is left out: NVML: GPU is lost"),
        ("driver", "does not answer (NVML: Driver Not Loaded)"),
        ("version", "does not answer (NVML: RM has detected an NVML/RM version mismatch.)"),
    ],
)
def test_what_is_wrong_is_one_note(nvml: Path, devices: Path, gpus: str, note: str | None) -> None:
    program = f"""
    from pathlib import Path
    from objectives.machine.gpus.visible import gpu_notes
    print(*gpu_notes(Path({str(devices)!r})), sep="\\n")
    """
    (line,) = asked(machine(nvml, gpus, devices), program)
    assert (note in line) if note else (line == "")


@pytest.mark.seconds
def test_memory_is_asked_anew_each_time(nvml: Path, tmp_path: Path) -> None:
    used = tmp_path / "used"
    program = """
    import os
    from pathlib import Path
    from objectives.machine.gpus.driver import memory_of
    from objectives.machine.gpus.visible import visible_gpus
    for text in ("", "1 -1 77 3000\\n1 -1 78 2000\\n0 -1 79 1000\\n"):
        Path(os.environ["MADE_GPUS_USED"]).write_text(text)
        memory = memory_of(visible_gpus()[1])
        print(memory.free_bytes, memory.used_bytes, dict(memory.processes))
    """
    lines = asked(machine(nvml, TWO, tmp_path, MADE_GPUS_USED=str(used)), program)
    assert lines == ["40000000000 0 {}", "35000000000 5000000000 {77: 3000000000, 78: 2000000000}"]
