"""The reference network as an ONNX file: built here, and sent to boards, which need no onnx."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from objectives.latency.reference_runs import CHANNELS, SIDE

BLOCKS = 4


def network_bytes() -> bytes:
    """Return the network as an ONNX file: blocks as of a mobile network, so that it feels caches as much as arithmetic.

    Of the sides 24, 64, 128 and 256 px and a pyramid of them, ratios to 128 px spread least over six detectors: its
    maps of 2 MB leave the inner caches, as those of detectors do. The weights do not matter for the time.
    """
    pointwise = np.full((CHANNELS, CHANNELS, 1, 1), 1 / CHANNELS, np.float32)
    depthwise = np.full((CHANNELS, 1, 3, 3), 1 / 9, np.float32)
    nodes, last = [], "x"
    for i in range(BLOCKS):
        nodes += [
            helper.make_node("Conv", [last, "pointwise"], [f"p{i}"]),
            helper.make_node("HardSwish", [f"p{i}"], [f"h{i}"]),
            helper.make_node("Conv", [f"h{i}", "depthwise"], [f"d{i}"], pads=[1, 1, 1, 1], group=CHANNELS),
        ]
        last = f"d{i}"
    nodes.append(helper.make_node("Relu", [last], ["y"]))
    shape = [1, CHANNELS, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "reference",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(pointwise, "pointwise"), numpy_helper.from_array(depthwise, "depthwise")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
