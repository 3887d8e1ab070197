"""Failures: what is at fault is told apart, from exceptions that were really raised where that can be had."""

import errno
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from objectives.records.classify import classify
from objectives.records.failures import ADVICE, Diverged, ExportFailed, Failure
from spaces.errors import AutomlError, DataError, DeviceError, SettingsError, SpaceError


def of(act: Callable[[], object]) -> Failure:
    """Return the class of what an act really raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # whatever it is
        act()
    return classify(caught.value)


@pytest.mark.parametrize(
    "act",
    [
        lambda: torch.empty(1 << 46),
        lambda: np.empty(1 << 55, np.uint8),
        lambda: bytearray(1 << 62),
    ],
    ids=["torch", "numpy", "python"],
)
def test_no_memory_of_the_host(act: Callable[[], object]) -> None:
    assert of(act) is Failure.OUT_OF_MEMORY


def test_a_lone_image_for_batch_normalisation_is_the_architectures_fault() -> None:
    assert of(lambda: torch.nn.BatchNorm2d(4)(torch.zeros(1, 4, 1, 1))) is Failure.NOT_BUILDABLE


def test_memory_that_runs_out_while_building_stays_memory() -> None:
    def build() -> None:
        try:
            torch.empty(1 << 46)
        except RuntimeError as error:
            raise SpaceError("network: this detector cannot be built") from error

    assert of(build) is Failure.OUT_OF_MEMORY


def test_no_memory_for_opencv() -> None:
    program = """
    import resource
    import cv2, numpy as np
    from objectives.records.classify import classify
    image = np.zeros((64, 64, 3), np.uint8)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, -1))
    try:
        cv2.resize(image, (20_000, 20_000))
    except cv2.error as error:
        print(classify(error).value)
    """
    line = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(line, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == Failure.OUT_OF_MEMORY, done.stderr


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8 GiB"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        DeviceError("device=cuda: measuring 'model.onnx' failed: CUDA failure 2: out of memory ; GPU=0"),
    ],
)
def test_no_memory_of_the_device(error: BaseException) -> None:
    assert classify(error) is Failure.OUT_OF_DEVICE_MEMORY


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        RuntimeError("DataLoader worker (pid 812) is killed by signal: Killed. "),
        RuntimeError("DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that dataloader's "
                     "workers are out of shared memory. Please try to raise your shared memory limit."),
        RuntimeError("unable to write to file </torch_77_1>: No space left on device (28)"),
        DeviceError("device=cpu: measuring 'model.onnx' failed: std::bad_alloc"),
    ],
)  # fmt: skip
def test_no_memory_of_the_host_in_words(error: BaseException) -> None:
    assert classify(error) is Failure.OUT_OF_MEMORY


@pytest.mark.seconds
def test_a_full_disk() -> None:
    """What writing to a full disk really raises; torch's own exception does not name the reason."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")

    def save() -> None:
        with full.open("wb") as stream:
            torch.save({"weight": torch.rand(300_000)}, stream)

    assert of(save) is Failure.DISK_FULL
    assert of(lambda: full.write_text("x" * 100_000)) is Failure.DISK_FULL
    assert classify(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))) is Failure.DISK_FULL
    assert classify(sqlite3.OperationalError("database or disk is full")) is Failure.DISK_FULL
    assert classify(RuntimeError("write failed: No space left on device")) is Failure.DISK_FULL


def test_what_an_exception_was_raised_from_counts() -> None:
    def export() -> None:
        try:
            torch.empty(1 << 46)
        except RuntimeError as error:
            raise ExportFailed("export: failed") from error

    assert of(export) is Failure.OUT_OF_MEMORY

    def handle() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise RuntimeError("unexpected pos 768 vs 662")  # noqa: B904  # as torch does it

    assert of(handle) is Failure.DISK_FULL

    def leave_aside() -> None:
        try:
            raise MemoryError
        except MemoryError:
            raise ValueError("something else") from None

    assert of(leave_aside) is Failure.ERROR


def test_data_that_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.read_bytes()[:3000])
    assert of(lambda: Image.open(broken)) is Failure.DATA_UNREADABLE
    with Image.open(cut) as image:
        assert of(image.load) is Failure.DATA_UNREADABLE
    assert of(lambda: cv2.imdecode(np.zeros(0, np.uint8), 1)) is Failure.DATA_UNREADABLE
    assert of(lambda: cv2.resize(np.zeros((0, 0, 3), np.uint8), (8, 8))) is Failure.DATA_UNREADABLE
    in_worker = (
        "Caught FileNotFoundError in DataLoader worker process 0.\nFileNotFoundError: Image Not Found /data/7.jpg"
    )
    assert classify(FileNotFoundError(in_worker)) is Failure.DATA_UNREADABLE
    assert classify(DataError("data.root: '7.jpg' cannot be decoded")) is Failure.DATA_UNREADABLE


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Diverged("the training loss was nan after epoch 3"), Failure.DIVERGED),
        (ExportFailed("export: no such operator"), Failure.EXPORT_FAILED),
        (SpaceError("backbone: unknown network 'x'"), Failure.NOT_BUILDABLE),
        (SettingsError("no"), Failure.NOT_BUILDABLE),
        (AutomlError("no"), Failure.NOT_BUILDABLE),
        (DeviceError("device=cpu: measuring 'x' failed"), Failure.NOT_MEASURABLE),
        (OSError(errno.EACCES, "Permission denied"), Failure.ERROR),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/somewhere/else.so"), Failure.ERROR),
        (cv2.error("OpenCV: (-215:Assertion failed) boxes in function 'NMSBoxes'"), Failure.ERROR),
        (ValueError("shapes"), Failure.ERROR),
        (KeyboardInterrupt(), Failure.ERROR),
    ],
)
def test_the_others(error: BaseException, failure: Failure) -> None:
    assert classify(error) is failure


def test_every_class_has_advice() -> None:
    assert set(ADVICE) == set(Failure)


def test_no_torch_is_needed() -> None:
    program = "import sys, objectives.records.classify; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False).returncode == 0
