"""How the reference network is run, on one processor thread: by ONNX Runtime, else by a runtime that a board has."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from objectives.machine.openvino_core import openvino_core
from spaces.errors import DeviceError

CHANNELS, SIDE = 32, 128  # of the network's one input

Run = Callable[[], object]  # runs the network once


def reference_run(network: bytes) -> tuple[Run, str]:
    """Return what runs the network, and the runtime's version, by which the calm time is kept.

    Args:
        network: the network as an ONNX file's content.

    Raises:
        DeviceError: no runtime here reads it.
    """
    for runtime, opened in REFERENCE_RUNS.items():
        if find_spec(runtime):
            return opened(network)
    raise DeviceError(
        f"device: the reference network needs one of {', '.join(REFERENCE_RUNS)} beside the detector's runtime; "
        "install one of them there"
    )


def _by_onnxruntime(network: bytes) -> tuple[Run, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    feed = {"x": _input()}
    return lambda: session.run(None, feed), str(onnxruntime.__version__)


def _by_openvino(network: bytes) -> tuple[Run, str]:
    import openvino

    core = openvino_core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(core.read_model(network), "CPU", options).create_infer_request()
    feed = [_input()]
    return lambda: request.infer(feed, share_inputs=True), f"openvino-{openvino.__version__.partition('-')[0]}"


# In order of preference. A runtime that reads no ONNX (LiteRT, NCNN) takes its place here with a file of its own.
REFERENCE_RUNS: dict[str, Callable[[bytes], tuple[Run, str]]] = {
    "onnxruntime": _by_onnxruntime,
    "openvino": _by_openvino,
}


def _input() -> NDArray[np.float32]:
    return np.ones((1, CHANNELS, SIDE, SIDE), np.float32)
