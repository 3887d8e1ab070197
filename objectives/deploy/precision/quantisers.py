"""Quantisers of a graph to int8, one a runtime; the nodes that they are asked to leave stay in fp32.

What each makes, and what was measured of other ways, stands in docs/precision.md.
"""

import io
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import onnx

from objectives.deploy.precision.calibration import CalibrationImages
from spaces.errors import DeviceError

NETWORK_INPUT = "images"


class Quantiser(ABC):
    """Makes int8 graphs of one fp32 graph, all with the same ranges."""

    def __init__(self, model: onnx.ModelProto, calibration: CalibrationImages, folder: Path) -> None:
        """Take a graph whose nodes have names.

        Args:
            model: the graph; it stays as it is.
            calibration: images that ranges are taken from.
            folder: for files that pass.
        """
        self.model, self.calibration, self.folder = model, calibration, folder

    @property
    @abstractmethod
    def ranges(self) -> str:
        """How ranges of activations were taken, once something was quantised."""

    @abstractmethod
    def quantised(self, left: Sequence[str]) -> onnx.ModelProto:
        """Return the graph with QuantizeLinear and DequantizeLinear; the nodes of these names stay in fp32."""


class OnnxRuntimeQuantiser(Quantiser):
    """ONNX Runtime's static quantiser.

    Activations are unsigned bytes between the percentiles 0.001 and 99.999 of what the calibration gives, weights
    signed ones with a scale for each channel. Where some tensor hardly varies, so that it has no percentiles, ranges
    are the least and the greatest of all.
    """

    def __init__(self, model: onnx.ModelProto, calibration: CalibrationImages, folder: Path) -> None:
        super().__init__(model, calibration, folder)
        self._ranges = "MinMax" if calibration.is_noise else "Percentile"

    @property
    def ranges(self) -> str:
        """How ranges of activations were taken, once something was quantised."""
        return self._ranges

    def quantised(self, left: Sequence[str]) -> onnx.ModelProto:
        """Return the graph; ranges are taken once, for all of them."""
        try:
            return self._quantised(left)
        except ValueError:  # NumPy's histogram of a tensor that is constant but for its last bits
            if self._ranges == "MinMax":
                raise
            self._ranges = "MinMax"
            return self._quantised(left)

    def _quantised(self, left: Sequence[str]) -> onnx.ModelProto:
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

        source, target = self.folder / "fp32.onnx", self.folder / "int8.onnx"
        if not source.exists():
            onnx.save(onnx.shape_inference.infer_shapes(self.model), str(source))
        with _silent():
            quantize_static(
                str(source),
                str(target),
                _Reader(self.calibration),
                QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(left),
                calibrate_method=CalibrationMethod[self._ranges],
                calibration_cache_path=str(self.folder / "ranges.json"),
            )
        return onnx.load(str(target))


class NncfQuantiser(Quantiser):
    """NNCF, which knows where OpenVINO wants its quantisers and mends what they do to biases."""

    ranges = "NNCF"

    def quantised(self, left: Sequence[str]) -> onnx.ModelProto:
        """Return the graph.

        Raises:
            DeviceError: NNCF is not installed.
        """
        check_nncf()
        import nncf

        nncf.set_log_level(logging.ERROR)
        blobs = list(self.calibration.blobs())
        with _silent():
            return nncf.quantize(
                self.model,
                nncf.Dataset([{NETWORK_INPUT: blob} for blob in blobs]),
                subset_size=len(blobs),
                ignored_scope=nncf.IgnoredScope(names=list(left), validate=False),
            )


def check_nncf() -> None:
    """Check that int8 can be had for OpenVINO.

    Raises:
        DeviceError: NNCF is not installed.
    """
    if find_spec("nncf") is None:
        raise DeviceError("deploy.precision: int8 for OpenVINO needs nncf; install automl[int8]")


class _Reader:
    """A calibration as ONNX Runtime reads it."""

    def __init__(self, calibration: CalibrationImages) -> None:
        self._blobs = calibration.blobs()

    def get_next(self) -> dict[str, object] | None:
        blob = next(self._blobs, None)
        return None if blob is None else {NETWORK_INPUT: blob}

    def __iter__(self) -> Iterator[dict[str, object]]:
        return ({NETWORK_INPUT: blob} for blob in self._blobs)

    def __next__(self) -> dict[str, object]:
        found = self.get_next()
        if found is None:
            raise StopIteration
        return found


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what quantisers print and log of their progress to themselves."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)
