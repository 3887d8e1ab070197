"""The reference network: a fixed little network timed beside every detector, and what its time is on a calm machine."""

import math
import time
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from objectives.machine.files import cache_folder, write_text

VERSION = 4  # of the network and of how it is timed
CHANNELS, SIDE, BLOCKS = 32, 128, 4
SETTLE_S = 2.0  # seconds that the calm time is looked for
CALM_RUNS = 100  # least runs of it


class Reference:
    """Runs the reference network on one processor thread, and keeps its calm time on this device."""

    def __init__(self, fingerprint: str, clock: Callable[[], float] = time.process_time) -> None:
        """Load the network; `fingerprint` names the device whose calm time is kept, `clock` gives seconds."""
        self._clock = clock
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            _network().SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = {"x": np.ones((1, CHANNELS, SIDE, SIDE), np.float32)}
        # With the version of its own runtime: another one may be faster, and `fingerprint` may name OpenVINO's alone.
        self._file = cache_folder() / f"reference-{VERSION}-{onnxruntime.__version__}-{fingerprint}.txt"

    def time_ms(self) -> float:
        """Run once and return milliseconds.

        An untimed run comes first: the detector has just emptied the caches, a large one more than a small one.
        """
        self._session.run(None, self._input)
        start = self._clock()
        self._session.run(None, self._input)
        return 1e3 * (self._clock() - start)

    def calm_ms(self) -> float:
        """Return the calm time of the reference on this device: measured once, and kept for good.

        Were it a best that later sessions could still beat, one of them would shift all figures after it. Where it
        cannot be kept, it is measured by each process that asks.
        """
        try:
            kept = float(self._file.read_text())
            if 0 < kept < math.inf:
                return kept
        except (OSError, ValueError):
            pass
        found = settle(self.time_ms)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, f"{found:.6f}", shared=True)
        except OSError:  # a folder that cannot be written must not end a search
            pass
        return found


def settle(time_ms: Callable[[], float]) -> float:
    """Measure the calm time: the fastest twentieth of the runs of SETTLE_S seconds ends there.

    On two cores at a load of 6 it came out within 4 % of itself, over six processes, and at most 6 % over the
    time of a calmer hour; the least of the medians of 20 runs within 13 %, and up to 22 % over.

    Args:
        time_ms: runs the reference once and returns milliseconds.
    """
    end = time.perf_counter() + SETTLE_S
    times: list[float] = []
    while len(times) < CALM_RUNS or time.perf_counter() < end:
        times.append(time_ms())
    return float(np.quantile(times, 0.05))


def _network() -> onnx.ModelProto:
    """Build the network: blocks as of a mobile network, so that it feels the caches as much as the arithmetic.

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
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
