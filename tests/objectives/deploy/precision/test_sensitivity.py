"""Which blocks stay in fp32: a block that bytes destroy is found and left, the others are not."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from objectives.deploy.artifact import META_KEY, PRECISION_KEY, ArtifactMeta
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.convert import Converted, convert
from objectives.deploy.precision.layers import Layers
from objectives.deploy.precision.sensitivity import Sensitivity

SIDE, BLOCKS = 32, 6


def _network(path: Path, outlier: float) -> onnx.ModelProto:
    """Write a chain of convolutions of which number 3 reads a channel that is `outlier` times as large as it weighs."""
    rng = np.random.default_rng(3)
    nodes, weights, name, channels = [], [], "images", 3
    for i in range(BLOCKS):
        kernel = (rng.standard_normal((8, channels, 3, 3)) / np.sqrt(9 * channels)).astype(np.float32)
        if i == 2:
            kernel[0] *= outlier
        if i == 3:
            kernel[:, 0] /= outlier
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        nodes.append(helper.make_node("Conv", [name, f"w{i}"], [f"c{i}"], name=f"/model.{i}/Conv", pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"], name=f"/model.{i}/Relu"))
        name, channels = f"r{i}", 8
    nodes[-1] = helper.make_node("Sigmoid", [f"c{BLOCKS - 1}"], ["output0"], name="/model.9/Sigmoid")
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 8, SIDE, SIDE])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    meta = ArtifactMeta(SIDE, "nms", ("a",) * 4)
    helper.set_model_props(model, {META_KEY: meta.dump()})
    onnx.save(model, str(path))
    return model


def _calibration(tmp_path: Path) -> CalibrationImages:
    import cv2

    paths = []
    for i in range(8):
        paths.append(tmp_path / f"{i}.png")
        cv2.imwrite(str(paths[-1]), np.random.default_rng(i).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))
    return CalibrationImages(tuple(paths), SIDE)


@pytest.mark.seconds
def test_a_block_that_bytes_destroy_stays(tmp_path: Path) -> None:
    calibration = _calibration(tmp_path)
    left: Mapping[float, Converted] = {}
    for outlier in (1.0, 300.0):
        _network(tmp_path / "fp32.onnx", outlier)
        left = {
            **left,
            outlier: convert(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", "int8", "onnxruntime", calibration),
        }
    assert left[1.0].left == ()
    assert "model.3" in left[300.0].left
    assert len(left[300.0].left) <= BLOCKS // 2
    assert (left[300.0].sqnr_db or 0) > 20
    graph = onnx.load(str(tmp_path / "int8.onnx")).graph
    read = next(node.input[0] for node in graph.node if node.name == "/model.3/Conv")
    assert not any(read in node.output and node.op_type == "DequantizeLinear" for node in graph.node)


def test_blocks_are_those_of_the_network(tmp_path: Path) -> None:
    layers = Layers.of(_network(tmp_path / "fp32.onnx", 1.0))
    assert list(layers.groups) == [f"model.{i}" for i in range(BLOCKS)]
    assert layers.decode == ("/model.9/Sigmoid",)
    assert layers.borders == (f"c{BLOCKS - 1}",)


def test_a_sum_over_bins_is_arithmetic_of_boxes() -> None:
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["c"], name="/model.0/cv2.1/Conv"),
        helper.make_node("Softmax", ["c"], ["s"], name="/model.1/dfl/Softmax", axis=1),
        helper.make_node("Conv", ["s", "bins"], ["output0"], name="/model.1/dfl/conv/Conv"),
    ]
    layers = Layers.of(helper.make_model(helper.make_graph(nodes, "head", [], [])))
    assert list(layers.groups) == ["model.0/cv2.1"]
    assert layers.decode == ("/model.1/dfl/Softmax", "/model.1/dfl/conv/Conv")


def _scaled(model: onnx.ModelProto, by: float) -> onnx.ModelProto:
    """Return a network with all its weights multiplied."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    for tensor in found.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(by), tensor.name))
    return found


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:overflow:RuntimeWarning")
def test_what_is_no_number_is_the_worst_of_all(tmp_path: Path) -> None:
    model = _network(tmp_path / "fp32.onnx", 1.0)
    sensitivity = Sensitivity(model, Layers.of(model), _calibration(tmp_path))
    assert sensitivity.sqnr_db(model) == np.inf
    assert 0 < sensitivity.sqnr_db(_scaled(model, 1.001)) < 60
    assert sensitivity.sqnr_db(_scaled(model, np.nan)) == -np.inf
    assert sensitivity.sqnr_db(_scaled(model, 1e38)) == -np.inf


@pytest.mark.seconds
def test_no_noise_at_all_is_written_as_json_knows_it(tmp_path: Path) -> None:
    onnx.save(_scaled(_network(tmp_path / "fp32.onnx", 1.0), 0.0), str(tmp_path / "zero.onnx"))
    said = convert(tmp_path / "zero.onnx", tmp_path / "int8.onnx", "int8", "onnxruntime", _calibration(tmp_path))
    assert said.sqnr_db is None
    text = {p.key: p.value for p in onnx.load(str(tmp_path / "int8.onnx")).metadata_props}[PRECISION_KEY]
    assert not {"Infinity", "NaN"} & set(re.findall(r"\w+", text))
    assert json.loads(text)["precision"] == "int8"
