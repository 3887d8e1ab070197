"""Runtimes: one suite for every implementation of the contract that runs here, on a small real file."""

import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from _pytest.mark import ParameterSet
from defaults import CPU, device_of
from onnx import TensorProto, helper, numpy_helper

from objectives.deploy import device
from objectives.deploy.artifact import META_KEY, ArtifactMeta
from objectives.deploy.artifact_files import write_properties
from objectives.deploy.device import Device
from objectives.deploy.runtimes.open import CLASSES, open_artifact
from objectives.latency.hosts.open import check
from spaces.errors import DataError, DeviceError

META = ArtifactMeta(8, "end2end", ("can", 'a "jar"', "Flasche ü"), 0.6, 100)
# What `write_file` writes, as the converter of `formats/litert.py` has converted it, without metadata.
TFLITE = Path(__file__).parents[3] / "data" / "doubled.tflite"
# A layer takes each value times two, another one adds -1; NCNN keeps no weights of such layers.
NCNN = """7767517
4 4
Input in0 0 1 in0
BinaryOp m 1 1 in0 m 0=2 1=1 2=2.0
BinaryOp s 1 1 m s 0=0 1=1 2=-1.0
Reshape r 1 1 s out0 0=64 1=3
"""


def param_of(runtime: str, module: str) -> ParameterSet:
    return pytest.param(
        device_of(name=runtime, runtime=runtime, provider="CPU"),
        id=runtime,
        marks=pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not installed"),
    )


DEVICES = [
    pytest.param(CPU, id="onnxruntime"),
    param_of("openvino", "openvino"),
    param_of("litert", "ai_edge_litert"),
    param_of("ncnn", "ncnn"),
    param_of("torchscript", "torch"),
]
every_runtime = pytest.mark.parametrize("device", DEVICES)


def write_file(path: Path, meta: ArtifactMeta | None) -> Path:
    """Write a file that doubles its input, takes 1 off, and makes rows of the channels: (1, 3, 64)."""
    shape = [1, 3, 8, 8]
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["images", "two"], ["m"]),
            helper.make_node("Sub", ["m", "one"], ["s"]),
            helper.make_node("Reshape", ["s", "rows"], ["output0"]),
        ],
        "doubled",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 3, 64])],
        [
            *(numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("two", 2), ("one", 1))),
            numpy_helper.from_array(np.array([1, 3, 64], np.int64), "rows"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if meta is not None:
        model.metadata_props.add(key=META_KEY, value=meta.dump())
    onnx.save(model, str(path))
    return path


def write_for(device: Device, folder: Path, meta: ArtifactMeta | None, name: str = "model") -> Path:
    """Write such a file in a format that the runtime opens."""
    suffix = CLASSES[device.runtime].suffixes[0]
    path = folder / f"{name}{suffix}"
    if suffix == ".onnx":
        return write_file(path, meta)
    if suffix == ".tflite":
        path.write_bytes(TFLITE.read_bytes())
    elif suffix == ".param":
        path.write_text(NCNN)
        path.with_suffix(".bin").write_bytes(b"")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing's old age
            trace: Any = torch.jit.trace
            trace(lambda x: (2 * x - 1).reshape(1, 3, 64), torch.zeros(1, 3, 8, 8)).save(str(path))
    if meta is not None:
        write_properties(path, {META_KEY: meta.dump()})
    return path


def test_every_runtime_of_a_device_has_a_class() -> None:
    assert tuple(CLASSES) == device.RUNTIMES
    assert {param.values[0].runtime for param in DEVICES} == set(CLASSES)


@every_runtime
def test_a_file_says_what_it_is_and_runs(device: Device, tmp_path: Path) -> None:
    runtime = open_artifact(write_for(device, tmp_path, META), device)
    assert type(runtime) is CLASSES[device.runtime]
    assert runtime.meta == META
    rng = np.random.default_rng(0)
    for _ in range(3):
        blob = rng.random((1, 3, 8, 8), dtype=np.float32)
        output = runtime.run(blob)
        assert (output.dtype, output.shape) == (np.float32, (1, 3, 64))
        assert output == pytest.approx((2 * blob - 1).reshape(1, 3, 64), abs=1e-6)


@every_runtime
def test_two_open_files_do_not_disturb_each_other(device: Device, tmp_path: Path) -> None:
    path = write_for(device, tmp_path, META)
    one, other = open_artifact(path, device), open_artifact(path, device)
    zeros, ones = np.zeros((1, 3, 8, 8), np.float32), np.ones((1, 3, 8, 8), np.float32)
    first = one.run(zeros)
    other.run(ones)
    assert (first == -1).all()


@every_runtime
def test_files_that_cannot_be_opened_are_refused_in_one_line(device: Device, tmp_path: Path) -> None:
    suffix = CLASSES[device.runtime].suffixes[0]
    with pytest.raises(DataError, match=rf"^artifact: '.*none\{suffix}' is not a file; name a file"):
        open_artifact(tmp_path / f"none{suffix}", device)
    broken = write_for(device, tmp_path, META, "broken")
    broken.write_bytes(b"no such file" * 10)
    with pytest.raises(DeviceError, match=rf"^device={device.name}: cannot load '.*broken\{suffix}': .+") as error:
        open_artifact(broken, device)
    assert "\n" not in str(error.value)
    strange = write_for(device, tmp_path, None, "strange")
    with pytest.raises(DataError, match=r"strange.* was not exported by automl or Ultralytics \(its metadata lack "):
        open_artifact(strange, device)


@every_runtime
def test_files_of_another_format_are_refused(device: Device, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"weights")
    with pytest.raises(DataError, match=rf"^artifact: device={device.name} opens \.\w+.* files, got '.*pth'"):
        open_artifact(tmp_path / "model.pth", device)


@pytest.mark.parametrize("device", DEVICES[2:])
@pytest.mark.parametrize("host", [None, "pi5"])
def test_unknown_options_are_found_before_a_file_is_there(device: Device, host: str | None) -> None:
    """Of a board too, before it is asked: the same runtime scores here."""
    with pytest.raises(DeviceError, match=r"^device\.options: unknown option 'use_fp16' of "):
        check(replace(device, host=host, options={"use_fp16": True}))
    if host is None:
        check(device)


@pytest.mark.parametrize("device", DEVICES[2:])
def test_unknown_options_are_refused(device: Device, tmp_path: Path) -> None:
    path = write_for(device, tmp_path, META)
    with pytest.raises(DeviceError, match=r"^device\.options: unknown option 'use_fp16' of "):
        open_artifact(path, replace(device, options={"use_fp16": True}))


@pytest.mark.skipif(find_spec("ncnn") is None, reason="ncnn is not installed")
def test_options_of_ncnn_are_its_own(tmp_path: Path) -> None:
    device = device_of(name="ncnn", runtime="ncnn", provider="CPU", options={"use_packing_layout": False})
    runtime: Any = open_artifact(write_for(device, tmp_path, META), device)
    assert runtime._net.opt.use_packing_layout is False
    assert runtime._net.opt.num_threads == device.threads


def test_threads_of_torch_stay_as_they_were(tmp_path: Path) -> None:
    """A training may be in the same process."""
    device = device_of(name="torchscript", runtime="torchscript", provider="CPU", threads=1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        open_artifact(write_for(device, tmp_path, META), device).run(np.zeros((1, 3, 8, 8), np.float32))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_metadata_survive() -> None:
    assert ArtifactMeta.load(META.dump()) == META
