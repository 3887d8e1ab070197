"""The device that detectors are measured on: a runtime with its options, a fingerprint, and the locks to take."""

import hashlib
import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from objectives.machine.gpus import board_of
from spaces.errors import DeviceError, nearest

RUNTIMES = ("onnxruntime", "openvino", "litert", "ncnn", "torchscript")
MODULES = {"litert": "ai_edge_litert", "torchscript": "torch"}  # a runtime's own, where its name is another
DISTRIBUTIONS = {"litert": "ai-edge-litert", "torchscript": "torch"}
EXTRAS = {"torchscript": "torch"}  # what to install where it is no extra of ours


@dataclass(frozen=True)
class Device:
    """A runtime on this machine.

    Attributes:
        name: name for people ("cpu", "openvino", "cuda").
        runtime: one of RUNTIMES.
        provider: ONNX Runtime's execution provider, OpenVINO's device name; "CPU" of any other.
        threads: threads of the network and of letterbox; 0 leaves the choice to the runtime.
        options: further options, passed to the provider (ONNX Runtime) or the device (OpenVINO) as they are; of
            NCNN, its `Net.opt`.
    """

    name: str
    runtime: str
    provider: str
    threads: int
    options: dict[str, Any]

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise DeviceError(f"device.runtime: '{self.runtime}' is unknown{nearest(self.runtime, RUNTIMES)}")
        if not 0 <= self.threads <= (os.cpu_count() or 1):
            raise DeviceError(f"device.threads: must lie in 0..{os.cpu_count()} on this machine, got {self.threads}")

    def check(self) -> None:
        """Check that the runtime is installed and offers the provider.

        Raises:
            DeviceError: the runtime is not installed, or has no such provider here.
        """
        if find_spec(MODULES.get(self.runtime, self.runtime)) is None:
            raise DeviceError(f"device={self.name}: needs {self.runtime}; install {_to_install(self.runtime)}")
        known = _providers(self.runtime)
        if not any(self.provider == k or self.provider.startswith(f"{k}.") for k in known):
            offered = ", ".join(known)
            raise DeviceError(f"device={self.name}: {self.runtime} has no '{self.provider}' here; it has {offered}")

    @property
    def on_processor(self) -> bool:
        """Whether the runtime computes on the processor, and on nothing else."""
        if self.provider == "OpenVINOExecutionProvider":
            return str(self.options.get("device_type", "CPU")).startswith("CPU")
        return self.provider in ("CPUExecutionProvider", "CPU", "XnnpackExecutionProvider")

    def describe(self) -> dict[str, Any]:
        """Return what the fingerprint is made of: processor, runtime and version, threads, options."""
        package = _package(self.runtime)
        return {
            **asdict(self),
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
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()[:16]


def training_keys(train_device: str) -> tuple[str, ...]:
    """Return the devices that a training keeps busy, named as Ultralytics names it: beside a GPU, the processor too."""
    if train_device == "cpu":
        return ("cpu",)
    names = [f"cuda:{board_of(int(name))}" if name.isdigit() else _plain(name) for name in train_device.split(",")]
    return ("cpu", *names)


def measuring_keys(device: Device) -> tuple[str, ...]:
    """Return the devices that a measurement needs for itself."""
    if device.on_processor:
        return ("cpu",)
    if device.provider in ("CUDAExecutionProvider", "TensorrtExecutionProvider"):
        return (f"cuda:{board_of(int(device.options.get('device_id', 0)))}",)
    return ("cpu", _plain(device.provider))


def _plain(name: str) -> str:
    """Return a name that a file can have."""
    return re.sub(r"[^\w.:-]", "_", name)


def _package(runtime: str) -> str:
    """Return the installed distribution that provides a runtime (ONNX Runtime ships under several names)."""
    if runtime in DISTRIBUTIONS:
        return DISTRIBUTIONS[runtime]
    for name in (runtime, f"{runtime}-gpu", f"{runtime}-directml"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    raise DeviceError(f"device: {runtime} is not installed; install {_to_install(runtime)}")


def _to_install(runtime: str) -> str:
    return EXTRAS.get(runtime, f"automl[{runtime}]")


def _providers(runtime: str) -> list[str]:
    if runtime == "openvino":
        import openvino

        return list(openvino.Core().available_devices)
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
