"""Runtimes: one suite for every implementation of the contract that runs here, on a small real file."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from defaults import CPU, device_of
from onnx import TensorProto, helper, numpy_helper

from objectives.deploy import device
from objectives.deploy.artifact import META_KEY, ArtifactMeta
from objectives.deploy.device import Device
from objectives.deploy.runtimes.open import CLASSES, open_artifact
from spaces.errors import DataError, DeviceError

META = ArtifactMeta(8, "end2end", ("can", 'a "jar"', "Flasche ü"), 0.6, 100)
DEVICES = [
    pytest.param(CPU, id="onnxruntime"),
    pytest.param(
        device_of(name="openvino", runtime="openvino", provider="CPU"),
        id="openvino",
        marks=pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed"),
    ),
]
every_runtime = pytest.mark.parametrize("device", DEVICES)


def write_file(path: Path, meta: ArtifactMeta | None) -> Path:
    """Write a file that doubles its input and takes 1 off."""
    shape = [1, 3, 8, 8]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["images", "two"], ["m"]), helper.make_node("Sub", ["m", "one"], ["output0"])],
        "doubled",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("two", 2), ("one", 1))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if meta is not None:
        model.metadata_props.add(key=META_KEY, value=meta.dump())
    onnx.save(model, str(path))
    return path


def test_every_runtime_of_a_device_has_a_class() -> None:
    assert tuple(CLASSES) == device.RUNTIMES
    assert {param.values[0].runtime for param in DEVICES} == set(CLASSES)


@every_runtime
def test_a_file_says_what_it_is_and_runs(device: Device, tmp_path: Path) -> None:
    runtime = open_artifact(write_file(tmp_path / "model.onnx", META), device)
    assert type(runtime) is CLASSES[device.runtime]
    assert runtime.meta == META
    rng = np.random.default_rng(0)
    for _ in range(3):
        blob = rng.random((1, 3, 8, 8), dtype=np.float32)
        output = runtime.run(blob)
        assert (output.dtype, output.shape) == (np.float32, (1, 3, 8, 8))
        assert output == pytest.approx(2 * blob - 1, abs=1e-6)


@every_runtime
def test_two_open_files_do_not_disturb_each_other(device: Device, tmp_path: Path) -> None:
    path = write_file(tmp_path / "model.onnx", META)
    one, other = open_artifact(path, device), open_artifact(path, device)
    zeros, ones = np.zeros((1, 3, 8, 8), np.float32), np.ones((1, 3, 8, 8), np.float32)
    first = one.run(zeros)
    other.run(ones)
    assert (first == -1).all()


@every_runtime
def test_files_that_cannot_be_opened_are_refused_in_one_line(device: Device, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^artifact: '.*none\.onnx' is not a file; name an ONNX file"):
        open_artifact(tmp_path / "none.onnx", device)
    (tmp_path / "broken.onnx").write_bytes(b"no onnx")
    with pytest.raises(DeviceError, match=rf"^device={device.name}: cannot load '.*broken\.onnx': .+") as error:
        open_artifact(tmp_path / "broken.onnx", device)
    assert "\n" not in str(error.value)
    with pytest.raises(
        DataError, match=r"strange\.onnx' was not exported by automl or Ultralytics \(its metadata lack "
    ):
        open_artifact(write_file(tmp_path / "strange.onnx", None), device)


def test_metadata_survive() -> None:
    assert ArtifactMeta.load(META.dump()) == META
