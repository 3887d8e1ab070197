"""Machines with GPUs, made: an NVML of ours, built by the system's C compiler and found by `LD_LIBRARY_PATH`.

The loader looks there when a process starts, so what asks for GPUs runs in a process of its own: `asked`.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMPILER = shutil.which("cc") or shutil.which("gcc")
TWO = "NVIDIA A100-SXM4-40GB;40,NVIDIA A100-SXM4-40GB;40"
PARTED = "NVIDIA A100-SXM4-40GB;40;mig"
ONE_LOST = "NVIDIA A100-SXM4-40GB;40;lost,NVIDIA A100-SXM4-40GB;40"
OLD_BOARD = "NVIDIA GeForce RTX 3060;12"  # that MIG is not for
FIRST, SECOND = "GPU-00000000-aaaa-bbbb-cccc-dddddddddddd", "GPU-11110000-aaaa-bbbb-cccc-dddddddddddd"
PARTS = ("MIG-00000000-aaaa-bbbb-cccc-dddddddddddd", "MIG-01000000-aaaa-bbbb-cccc-dddddddddddd")


def build_nvml(folder: Path) -> Path:
    """Build the library into a folder, and return the folder; skips the test where there is no C compiler."""
    if COMPILER is None:
        pytest.skip("no C compiler (cc, gcc) to build a made NVML with")
    source, built = Path(__file__).with_name("made_nvml.c"), folder / "libnvidia-ml.so.1"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-w", "-o", built, source], check=True, timeout=60)
    return folder


def machine(library: Path, gpus: str, cache: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process on a machine with these GPUs; `cache` is where its locks lie."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
    own = {"LD_LIBRARY_PATH": str(library), "MADE_GPUS": gpus, "XDG_CACHE_HOME": str(cache)}
    return {**kept, **own, **variables}


def start(environment: dict[str, str], program: str) -> "subprocess.Popen[str]":
    """Start a program on a made machine."""
    line = [sys.executable, "-c", textwrap.dedent(program)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(line, cwd=ROOT, env=environment, text=True, **pipes)  # type: ignore[call-overload,no-any-return]  # pipes are of any kind


def asked(environment: dict[str, str], program: str) -> list[str]:
    """Run a program on a made machine, and return the lines that it printed."""
    with start(environment, program) as process:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    return str(out).splitlines()
