"""The reference network: a fixed little network timed beside every detector, so that a busy machine shows."""

import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from objectives.machine.files import cache_folder, write_text

VERSION = 3  # of the network and of how it is timed
CHANNELS, SIDE, BLOCKS = 32, 64, 4


class Reference:
    """Runs the reference network on one processor thread, and remembers its best median on this device."""

    def __init__(self, fingerprint: str) -> None:
        """Load the network; `fingerprint` names the device whose best figure is kept."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            _network().SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = {"x": np.ones((1, CHANNELS, SIDE, SIDE), np.float32)}
        self._file = cache_folder() / f"reference-{VERSION}-{fingerprint}.txt"

    def time_ms(self) -> float:
        """Run once and return milliseconds.

        An untimed run comes first: the detector has just emptied the caches, a large one more than a small one.
        """
        self._session.run(None, self._input)
        start = time.perf_counter()
        self._session.run(None, self._input)
        return 1e3 * (time.perf_counter() - start)

    def best_ms(self) -> float:
        """Return the least median that was ever remembered; infinite before the first."""
        try:
            return float(self._file.read_text())
        except (OSError, ValueError):
            return float("inf")

    def remember(self, median_ms: float) -> None:
        """Keep a session's median that is the best so far."""
        if median_ms < self.best_ms():
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, f"{median_ms:.6f}", shared=True)


def _network() -> onnx.ModelProto:
    """Build the network: blocks as of a mobile network, so that it feels the caches as much as the arithmetic.

    The weights do not matter for the time.
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
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
