"""The device that detectors are measured on: a runtime with its options, a fingerprint, and the locks to take."""

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from objectives.machine.gpus.visible import gpu_of
from objectives.machine.openvino_core import openvino_core
from spaces.errors import DeviceError, nearest

RUNTIMES = ("onnxruntime", "openvino", "litert", "ncnn", "torchscript")
MODULES = {"litert": "ai_edge_litert", "torchscript": "torch"}  # a runtime's own, where its name is another
DISTRIBUTIONS = {"litert": "ai-edge-litert", "torchscript": "torch"}
EXTRAS = {"torchscript": "torch"}  # what to install where it is no extra of ours
PYTHON = "python3"  # of a board, where nothing else is asked for
BOARD_THREADS_MOST = 1024


@dataclass(frozen=True)
class Device:
    """A runtime on this machine, or on a board that `ssh` reaches.

    Attributes:
        name: name for people ("cpu", "openvino", "cuda").
        runtime: one of RUNTIMES.
        provider: ONNX Runtime's execution provider, OpenVINO's device name; "CPU" of any other.
        threads: threads of the network and of letterbox; 0 leaves the choice to the runtime.
        options: further options, passed to the provider (ONNX Runtime) or the device (OpenVINO) as they are; of
            NCNN, its `Net.opt`.
        host: the board, as ssh knows it; None is this machine.
        python: the Python on the board, a name or a path.
        accuracy: whether the board's own runtime scores, too; else the same runtime here does. A device on this machine
            scores here in any case.
    """

    name: str
    runtime: str
    provider: str
    threads: int
    options: dict[str, Any]
    host: str | None
    python: str
    accuracy: bool

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise DeviceError(f"device.runtime: '{self.runtime}' is unknown{nearest(self.runtime, RUNTIMES)}")
        if self.host is not None:
            if not 0 <= self.threads <= BOARD_THREADS_MOST:
                raise DeviceError(f"device.threads: must lie in 0..{BOARD_THREADS_MOST}, got {self.threads}")
            return
        if self.python != PYTHON:
            raise DeviceError(f"device.python: names the Python of a board, which needs device.host; got {self.python}")
        if not 0 <= self.threads <= (os.cpu_count() or 1):
            raise DeviceError(f"device.threads: must lie in 0..{os.cpu_count()} on this machine, got {self.threads}")

    def check(self) -> None:
        """Check that the runtime is installed on this machine and offers the provider.

        Raises:
            DeviceError: the runtime is not installed, or has no such provider here.
        """
        if not self.is_installed():
            raise DeviceError(f"device={self.name}: needs {self.runtime}; install {_to_install(self.runtime)}")
        if not self.is_offered():
            offered = ", ".join(_providers(self.runtime))
            raise DeviceError(f"device={self.name}: {self.runtime} has no '{self.provider}' here; it has {offered}")

    @property
    def on_processor(self) -> bool:
        """Whether the runtime computes on the processor, and on nothing else."""
        if self.provider == "OpenVINOExecutionProvider":
            return str(self.options.get("device_type", "CPU")).startswith("CPU")
        return self.provider in ("CPUExecutionProvider", "CPU", "XnnpackExecutionProvider")

    @property
    def scores_there(self) -> bool:
        """Whether a board scores."""
        return self.accuracy and self.host is not None

    def here(self) -> "Device":
        """Return what runs a file on this machine, for what does not depend on the device's speed: its scores.

        That of a board is its runtime here: with its provider and options if this machine has the provider, else on
        the processor.
        """
        if self.host is None:
            return self
        threads = min(self.threads, os.cpu_count() or 1)
        own = replace(self, host=None, python=PYTHON, threads=threads)
        if not self.is_installed() or own.is_offered():
            return own
        return replace(own, provider="CPUExecutionProvider" if self.runtime == "onnxruntime" else "CPU", options={})

    def is_installed(self) -> bool:
        """Whether the runtime is installed on this machine."""
        return find_spec(MODULES.get(self.runtime, self.runtime)) is not None

    def is_offered(self) -> bool:
        """Whether the runtime has the provider on this machine."""
        return any(self.provider == k or self.provider.startswith(f"{k}.") for k in _providers(self.runtime))

    def describe(self) -> dict[str, Any]:
        """Return what the fingerprint is made of: processor, runtime and version, threads, options.

        Of a device on this machine; a board describes its own (`objectives.latency.hosts`).
        """
        if self.host is not None:
            raise DeviceError(f"device={self.name}: board '{self.host}' describes itself, and was not asked")
        package = _package(self.runtime)
        return {
            **{name: value for name, value in asdict(self).items() if name not in ("host", "python", "accuracy")},
            "processor": _processor(),
            "accelerator": "" if self.on_processor else _accelerator(),
            "cores": os.cpu_count(),
            "runtime_version": version(package),
            "precision": str(self.options.get("INFERENCE_PRECISION_HINT", "fp32")),
            "system": f"{platform.system()} {platform.machine()}",
        }

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits; figures of two fingerprints never stand on one front."""
        return digest(self.describe())


def digest(description: Mapping[str, Any]) -> str:
    """Return the fingerprint of a device that describes itself so: sixteen hexadecimal digits."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]


def training_keys(train_device: str) -> tuple[str, ...]:
    """Return the devices that a training keeps busy, named as Ultralytics names it: beside a GPU, the processor too."""
    if train_device == "cpu":
        return ("cpu",)
    names = [gpu_of(int(name)).key if name.isdigit() else _plain(name) for name in train_device.split(",")]
    return ("cpu", *names)


def measuring_keys(device: Device) -> tuple[str, ...]:
    """Return the devices that a measurement needs for itself: of this machine none, if a board measures."""
    if device.host is not None:
        return (_plain(f"board:{device.host}"),)
    if device.on_processor:
        return ("cpu",)
    if device.provider in ("CUDAExecutionProvider", "TensorrtExecutionProvider"):
        return (gpu_of(int(device.options.get("device_id", 0))).key,)
    return ("cpu", _plain(device.provider))


def _plain(name: str) -> str:
    """Return a name that a file can have."""
    return re.sub(r"[^\w.:-]", "_", name)


def offers(runtime: str) -> tuple[str, list[str]] | None:
    """Return a runtime's version and its providers here; None where it is not installed."""
    try:
        return version(_package(runtime)), _providers(runtime)
    except DeviceError:
        return None


def _package(runtime: str) -> str:
    """Return the installed distribution that provides a runtime (ONNX Runtime ships under several names).

    Raises:
        DeviceError: none of them is installed.
    """
    own = DISTRIBUTIONS.get(runtime)
    for name in [own] if own else (runtime, f"{runtime}-gpu", f"{runtime}-directml"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    raise DeviceError(f"device: {runtime} is not installed; install {_to_install(runtime)}")


def _to_install(runtime: str) -> str:
    return EXTRAS.get(runtime, f"automl[{runtime}]")


def offered(runtime: str) -> list[str]:
    """Return the providers (ONNX Runtime) or devices (OpenVINO) that an installed runtime offers here."""
    return _providers(runtime)


def _providers(runtime: str) -> list[str]:
    if runtime == "openvino":
        return list(openvino_core().available_devices)
    if runtime != "onnxruntime":
        return ["CPU"]
    import onnxruntime

    return list(onnxruntime.get_available_providers())


@cache
def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def _accelerator() -> str:
    """Name of the first NVIDIA board, as its driver names it; empty where there is none."""
    boards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = boards[0].read_text().splitlines() if boards else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("Model")), "")
