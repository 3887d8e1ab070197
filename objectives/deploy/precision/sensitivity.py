"""Which blocks of a network stay in fp32: what quantising each does to what the network hands to its boxes' arithmetic.

The measure is the ratio of signal to quantisation noise (SQNR) at the borders of the network, in decibels: 20 dB are a
noise of a tenth of the signal. The worst border counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.layers import Layers

ENOUGH_DB = 20.0  # measured detectors lie at 25 to 50 dB, and lose .004 mAP at most (docs/precision.md)
COMPARED_IMAGES = 8  # images of the calibration that outputs are compared on
FP32_MOST = 0.5  # share of the blocks that may stay in fp32: beyond, nothing is gained

Quantise = Callable[[Sequence[str]], onnx.ModelProto]


@dataclass(frozen=True)
class LeastLeft:
    """A graph of int8 with the blocks that stay in fp32.

    Attributes:
        model: the graph.
        left: blocks that stay in fp32, the most sensitive first.
        sqnr_db: signal over noise at the worst border, in decibels.
    """

    model: onnx.ModelProto
    left: tuple[str, ...]
    sqnr_db: float


class Sensitivity:
    """Compares graphs of int8 with the one of fp32."""

    def __init__(self, model: onnx.ModelProto, layers: Layers, calibration: CalibrationImages) -> None:
        """Run the fp32 graph on some images."""
        self._layers, self._nodes = layers, [node.name for node in model.graph.node]
        self._blobs = list(calibration.blobs(COMPARED_IMAGES))
        self._signal = self._outputs(model)

    def choose(self, quantise: Quantise, quantise_alone: Quantise) -> LeastLeft:
        """Return the graph of the fewest blocks in fp32 that keeps its noise low enough; else the best one seen.

        Args:
            quantise: makes the graph that ships.
            quantise_alone: makes those that blocks are judged by, of one quantised block each.
        """
        best = self._chosen(quantise, ())
        if best.sqnr_db >= ENOUGH_DB:
            return best
        ranked, most = self._ranked(quantise_alone), int(FP32_MOST * len(self._layers.groups))
        count = 1
        while best.sqnr_db < ENOUGH_DB and count <= most:
            best = max(best, self._chosen(quantise, tuple(ranked[:count])), key=lambda one: one.sqnr_db)
            count *= 2
        return best

    def sqnr_db(self, model: onnx.ModelProto) -> float:
        """Return the signal over the noise of a graph at its worst border, in decibels."""
        return min(_sqnr_db(*pair) for pair in zip(self._signal, self._outputs(model), strict=True))

    def _chosen(self, quantise: Quantise, left: tuple[str, ...]) -> LeastLeft:
        model = quantise(self._layers.without(left))
        return LeastLeft(model, left, self.sqnr_db(model))

    def _ranked(self, quantise: Quantise) -> list[str]:
        """Return the blocks, first the one that does most harm where it alone is quantised."""
        harm = {}
        for name, nodes in self._layers.groups.items():
            alone = set(nodes)
            harm[name] = self.sqnr_db(quantise([node for node in self._nodes if node not in alone]))
        return sorted(harm, key=lambda name: harm[name])

    def _outputs(self, model: onnx.ModelProto) -> list[NDArray[np.float32]]:
        """Return the tensors at the borders, each of all images, (images, ...)."""
        import onnxruntime

        shown = onnx.ModelProto()
        shown.CopyFrom(model)
        there = {output.name for output in shown.graph.output}
        shown.graph.output.extend(
            onnx.helper.make_empty_tensor_value_info(name) for name in self._layers.borders if name not in there
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
        read = session.get_inputs()[0].name
        found = [session.run(list(self._layers.borders), {read: blob}) for blob in self._blobs]
        return [np.concatenate(of_border).astype(np.float32) for of_border in zip(*found, strict=True)]


def _sqnr_db(signal: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the signal over the noise of one tensor: inf without noise, -inf where a number is not finite."""
    power, noise = float(np.mean(signal.astype(np.float64) ** 2)), float(np.mean((signal - other) ** 2.0))
    if not np.isfinite(noise) or power == 0 < noise:
        return -np.inf
    return np.inf if noise == 0 else float(10 * np.log10(power / noise))
