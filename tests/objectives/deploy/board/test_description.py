"""What a board says of itself: its parts and not its name, and what it lacks with the command that installs it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from defaults import CPU, device_of
from fake_boards import JETSON, LAPTOP, PI, write_root
from small_board import make_board

from objectives.deploy.board.description import describe, device_description
from objectives.deploy.board.hardware import hardware, unit
from objectives.deploy.board.missing import REFERENCE_READERS, advice, lacks, missing
from objectives.latency.reference_runs import REFERENCE_RUNS

NOT_THERE = "not installed for the board's /usr/bin/python3 (Python 3.11.2)"
PROVIDERS = ["XnnpackExecutionProvider", "CPUExecutionProvider"]
GIVEN: dict[str, Any] = {
    "hardware": {"system": "Linux aarch64", "soc": "raspberrypi,5-model-b brcm,bcm2712"},
    "python": "3.11.2",
    "executable": "/usr/bin/python3",
    "numpy": "2.1.0",
    "opencv": "4.10.0",
    "pixels": "opencv",
    "runtimes": {"onnxruntime": {"version": "1.20.0", "providers": PROVIDERS}},
    "externally_managed": True,
    "has_pip": True,
    "has_venv": True,
}


def test_a_raspberry_pi(tmp_path: Path) -> None:
    parts = hardware(write_root(tmp_path, PI))
    assert parts == {
        "model": "Raspberry Pi 5 Model B Rev 1.0",
        "soc": "raspberrypi,5-model-b brcm,bcm2712",
        "processor": "Cortex-A76",
        "cores": os.cpu_count(),
        "max_mhz": "4 x 2400",
        "memory_gb": 8,
        "accelerators": ["v3d brcm,2712-v3d"],
        "power_mode": "",
        "system": parts["system"],
    }


def test_a_jetson_and_a_laptop(tmp_path: Path) -> None:
    jetson, laptop = (hardware(write_root(tmp_path / n, f)) for n, f in (("jetson", JETSON), ("laptop", LAPTOP)))
    assert (jetson["model"], jetson["power_mode"]) == ("NVIDIA Jetson Orin Nano Developer Kit", "0001")
    assert (jetson["max_mhz"], jetson["memory_gb"]) == ("6 x 1510", 8)
    assert jetson["soc"].endswith("nvidia,tegra234")
    assert laptop["model"] == "LENOVO 21KC ThinkPad X1"
    assert (laptop["processor"], laptop["memory_gb"]) == ("Intel(R) Core(TM) Ultra 7 155U", 32)
    assert (laptop["max_mhz"], laptop["soc"]) == ("1 x 3800 + 1 x 4800", "")
    assert laptop["accelerators"] == ["i915 8086:7D45", "intel_vpu 8086:7D1D"]


def test_where_nothing_can_be_read_it_says_so(tmp_path: Path) -> None:
    parts = hardware(tmp_path)
    assert (parts["model"], parts["soc"], parts["max_mhz"], parts["accelerators"]) == ("", "", "", [])
    assert parts["processor"]  # as Python knows it
    assert unit(tmp_path) == ""


def test_two_boards_of_one_model_are_one_device_and_two_units(tmp_path: Path) -> None:
    serial = {"proc/device-tree/serial-number": "10000000abcdef02\0", "etc/hostname": "kitchen\n"}
    one, other = write_root(tmp_path / "one", PI), write_root(tmp_path / "other", {**PI, **serial})
    assert hardware(one) == hardware(other)
    assert unit(one) != unit(other)
    assert len(unit(one)) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"proc/device-tree/model": "Raspberry Pi 4 Model B\0"},
        {"proc/meminfo": "MemTotal: 4000000 kB\n"},
        {"sys/devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq": "2800000\n"},  # overclocked
        {"var/lib/nvpmodel/status": "pmode:0002"},
    ],
    ids=["model", "memory", "clock", "power mode"],
)
def test_what_changes_its_speed_changes_its_description(tmp_path: Path, change: Mapping[str, str]) -> None:
    assert hardware(write_root(tmp_path / "one", PI)) != hardware(write_root(tmp_path / "other", {**PI, **change}))


def test_the_kernels_share_of_the_memory_changes_nothing(tmp_path: Path) -> None:
    less = {"proc/meminfo": "MemTotal:        8131112 kB\n"}
    assert hardware(write_root(tmp_path / "one", PI)) == hardware(write_root(tmp_path / "other", {**PI, **less}))


def test_the_description_of_a_device_there(tmp_path: Path) -> None:
    board = {**GIVEN, "hardware": hardware(write_root(tmp_path, PI)), "unit": "12345678"}
    found = device_description(CPU, board)
    assert (found["model"], found["memory_gb"], found["pixels"]) == ("Raspberry Pi 5 Model B Rev 1.0", 8, "opencv")
    assert (found["runtime"], found["runtime_version"], found["accelerator"]) == ("onnxruntime", "1.20.0", "")
    assert not {"host", "unit", "python"} & set(found)
    assert device_description(device_of(provider="XnnpackExecutionProvider"), board)["provider"].startswith("Xnn")
    assert device_description(CPU, {**board, "pixels": "numpy"}) != found


def test_nothing_is_missing() -> None:
    assert missing(CPU, GIVEN) == []
    assert advice(GIVEN) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"runtimes": {}},
            "onnxruntime {FOR}; install there: /usr/bin/python3 -m venv ~/automl && "
            "~/automl/bin/pip install onnxruntime numpy; then set device.python=~/automl/bin/python",
        ),
        (
            {"runtimes": {}, "numpy": None, "externally_managed": False},
            "numpy and onnxruntime {FORS}; install there: /usr/bin/python3 -m pip install numpy onnxruntime",
        ),
        (
            {"runtimes": {}, "has_venv": False},
            "onnxruntime {FOR}; install there: sudo apt install "
            "python3-venv && /usr/bin/python3 -m venv ~/automl && ~/automl/bin/pip install onnxruntime numpy; then set "
            "device.python=~/automl/bin/python",
        ),
        (
            {"runtimes": {}, "hardware": {"system": "Linux armv7l", "soc": ""}},
            "onnxruntime {FOR}; there are no wheels for armv7l: install a system of 64 bits on the board",
        ),
        (
            {"runtimes": {"onnxruntime": {"error": "libc.so.6: version `GLIBC_2.38' not found"}}},
            "onnxruntime does not start on the board: libc.so.6: version `GLIBC_2.38' not found",
        ),
    ],
    ids=["runtime", "all", "no venv", "32 bits", "broken"],
)
def test_what_is_missing_is_one_line_with_a_command(change: dict[str, Any], line: str) -> None:
    said = line.replace("{FOR}", f"is {NOT_THERE}").replace("{FORS}", f"are {NOT_THERE}")
    assert missing(CPU, {**GIVEN, **change}) == [f"device=cpu: {said}"]


def test_the_reference_network_needs_a_runtime_that_reads_onnx() -> None:
    assert tuple(REFERENCE_RUNS) == REFERENCE_READERS
    alone = {**GIVEN, "runtimes": {"ncnn": {"version": "1", "providers": ["CPU"]}}}
    assert lacks("ncnn", "ncnn", alone) == ["onnxruntime"]
    assert lacks("ncnn", "ncnn", {**alone, "runtimes": {}, "numpy": None}) == ["numpy", "ncnn", "onnxruntime"]
    assert lacks("ncnn", "ncnn", {**alone, "runtimes": {**alone["runtimes"], "openvino": {}}}) == []
    assert lacks("openvino", "openvino", {**alone, "runtimes": {}}) == ["openvino"]


def test_a_provider_that_the_runtime_has_not() -> None:
    cuda = device_of(name="orin", provider="CUDAExecutionProvider")
    jetson = {**GIVEN, "hardware": {"system": "Linux aarch64", "soc": "nvidia,p3767 nvidia,tegra234"}}
    (line,) = missing(cuda, jetson)
    assert line.startswith(
        "device=orin: onnxruntime has no 'CUDAExecutionProvider' on the board; it has XnnpackExecutionProvider, CPUEx"
    )
    assert "install onnxruntime-gpu" in line or "pip install onnxruntime-gpu" in line
    assert line.endswith("(on a Jetson NVIDIA's own wheel for its JetPack)")


def test_advice_where_there_is_no_opencv() -> None:
    (line,) = advice({**GIVEN, "opencv": None})
    assert "NumPy's there" in line
    assert "~/automl/bin/pip install opencv-python-headless onnxruntime numpy;" in line


@pytest.mark.seconds
def test_a_bare_python_describes_itself(tmp_path: Path) -> None:
    """Over the program: with nothing installed, and with NumPy and a runtime."""
    bare = make_board(tmp_path / "bare", ()).run("describe")["done"]
    assert (bare["numpy"], bare["pixels"], bare["runtimes"]) == (None, "", {})
    assert bare["hardware"] == hardware()
    assert missing(CPU, bare)[0].startswith("device=cpu: numpy and onnxruntime are not installed for the board's")
    full = make_board(tmp_path / "full").run("describe")["done"]
    here = describe()
    assert full["numpy"] == here["numpy"]
    assert full["runtimes"]["onnxruntime"] == here["runtimes"]["onnxruntime"]
    assert (full["pixels"], here["pixels"]) == ("numpy", "opencv")
    assert missing(CPU, full) == []
    assert device_description(CPU, full)["runtime_version"] == CPU.describe()["runtime_version"]
