"""The reference network: a fixed little network timed beside every detector, so that a busy machine shows."""

import os
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

CHANNELS, SIDE, LAYERS = 48, 40, 2


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
        self._file = cache_folder() / f"reference-{fingerprint}.txt"

    def time_ms(self) -> float:
        """Run once and return milliseconds."""
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
        """Keep a session's median if it is the best so far."""
        if median_ms < self.best_ms():
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial = self._file.with_suffix(f".{os.getpid()}")
            partial.write_text(f"{median_ms:.6f}")
            partial.replace(self._file)


def cache_folder() -> Path:
    """Return the user's cache folder of this project (XDG_CACHE_HOME is honoured)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "automl"


def _network() -> onnx.ModelProto:
    """Build the network: plain 3x3 convolutions whose weights do not matter for the time."""
    weights = np.full((CHANNELS, CHANNELS, 3, 3), 1e-3, np.float32)
    names = [*(f"t{i}" for i in range(LAYERS)), "y"]
    nodes = [
        helper.make_node("Conv", ["x" if i == 0 else names[i - 1], "w"], [names[i]], pads=[1, 1, 1, 1])
        for i in range(LAYERS)
    ]
    nodes[-1].output[0] = "y"
    shape = [1, CHANNELS, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "reference",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
