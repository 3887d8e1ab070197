"""A small real detector of the coloured blocks of `conftest.py`, made by hand in ONNX: nothing is trained.

Windows of several sizes slide over the image in steps of four pixels; a window's score for a class is how much more of
its colour lies inside than in a ring around it. Input and output are those of a detector with NMS: (1, 3, 160, 160) to
(1, 4 + classes, windows).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from objectives.deploy.artifact import META_KEY, ArtifactMeta

SIDE_PX, STEP_PX, RING_PX = 160, 4, 4
GOOD = tuple((w, h) for w in (24, 32, 40, 48) for h in (24, 32, 40, 48, 56))
POOR = ((24, 24), (48, 56))
COLOURS = {"red": (1.0, 0.0, -1.0), "blue": (-1.0, 0.0, 1.0)}  # weights of R, G, B


def write_windows(
    path: Path,
    sizes: Sequence[tuple[int, int]] = GOOD,
    classes: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    *,
    seen_by: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    gain: float = 1.0,
) -> Path:
    """Write a detector.

    Args:
        path: the file.
        sizes: width and height of its windows, multiples of four.
        classes: name of a class to the colour that it looks for; red and blue by default.
        properties: metadata; automl's own by default.
        seen_by: class to the sizes of its windows; all of `sizes` by default.
        gain: factor of the scores' slope: above 1, fainter blocks are found, and what is none.
    """
    named = classes or {"red": "red", "blue": "blue"}
    nodes = [
        helper.make_node("Conv", ["images", "colours"], ["signed"]),
        helper.make_node("Relu", ["signed"], ["colour"]),
        helper.make_node("AveragePool", ["colour"], ["halved"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    values = {"colours": np.array([COLOURS[colour] for colour in named.values()], np.float32)[:, :, None, None]}
    boxes, scores = [], []
    for i, size in enumerate(sizes):
        seen = [seen_by is None or size in seen_by[name] for name in named]
        nodes += _window(i, size, seen, values, gain)
        boxes.append(_boxes(size))
        scores.append(f"flat{i}")
    values["boxes"] = np.concatenate(boxes, axis=1)[None]
    nodes.append(helper.make_node("Concat", scores, ["scores"], axis=2))
    nodes.append(helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1))
    graph = helper.make_graph(
        nodes,
        "windows",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + len(named), values["boxes"].shape[2]])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    own = {META_KEY: ArtifactMeta(SIDE_PX, "nms", tuple(named), 0.5).dump()}
    for key, text in (own if properties is None else properties).items():
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, str(path))
    return path


def _window(
    i: int, size: tuple[int, int], seen: Sequence[bool], values: dict[str, np.ndarray], gain: float
) -> list[onnx.NodeProto]:
    """Return the nodes of one size; the ring's mean is that of a larger window without the inner one."""
    inner, outer = size[0] * size[1], (size[0] + 2 * RING_PX) * (size[1] + 2 * RING_PX)
    share = outer / (outer - inner)
    values[f"a{i}"], values[f"b{i}"] = (np.array(v, np.float32) for v in (12 * gain * share, -12 * gain * share))
    values["low"] = np.array(-7.5, np.float32)
    values["flat"] = np.array([1, len(seen), -1], np.int64)
    values[f"seen{i}"] = np.array(seen, np.float32).reshape(1, -1, 1, 1)
    larger = size[0] + 2 * RING_PX, size[1] + 2 * RING_PX
    return [
        *_pool(f"in{i}", size),
        *_pool(f"out{i}", larger),
        helper.make_node("Mul", [f"in{i}", f"a{i}"], [f"x{i}"]),
        helper.make_node("Mul", [f"out{i}", f"b{i}"], [f"y{i}"]),
        helper.make_node("Add", [f"x{i}", f"y{i}"], [f"z{i}"]),
        helper.make_node("Add", [f"z{i}", "low"], [f"s{i}"]),
        helper.make_node("Sigmoid", [f"s{i}"], [f"p{i}"]),
        helper.make_node("Mul", [f"p{i}", f"seen{i}"], [f"q{i}"]),
        helper.make_node("Reshape", [f"q{i}", "flat"], [f"flat{i}"]),
    ]


def _pool(name: str, size: tuple[int, int]) -> list[onnx.NodeProto]:
    """Return means of windows: along rows, then along columns, of halved pixels; every window begins at an even one."""
    parts = []
    for source, target, side, axis in (("halved", f"{name}_rows", size[0], 1), (f"{name}_rows", name, size[1], 0)):
        kernel, strides, pads = [1, 1], [1, 1], [0, 0]
        kernel[axis], strides[axis], pads[axis] = side // 2, STEP_PX // 2, (side - STEP_PX) // 4
        parts.append(
            helper.make_node(
                "AveragePool",
                [source],
                [target],
                kernel_shape=kernel,
                strides=strides,
                pads=[*pads, *pads],
                count_include_pad=0,
            )
        )
    return parts


def _boxes(size: tuple[int, int]) -> np.ndarray:
    """Return centre, width and height of each window, (4, windows), row by row."""
    centres = np.arange(0, SIDE_PX, STEP_PX) + STEP_PX / 2
    y, x = np.meshgrid(centres, centres, indexing="ij")
    rows = [x.ravel(), y.ravel(), np.full(x.size, size[0]), np.full(x.size, size[1])]
    return np.stack(rows).astype(np.float32)
