"""A deployable file in another precision: one ONNX file in, one out, with all that the first says of itself."""

import json
from dataclasses import asdict, dataclass
from math import inf, isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import onnx

from objectives.deploy.artifact import PRECISION_KEY
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.fake_quantise import with_fake_quantise
from objectives.deploy.precision.half import halved
from objectives.deploy.precision.layers import Layers
from objectives.deploy.precision.quantisers import NncfQuantiser, OnnxRuntimeQuantiser
from objectives.deploy.precision.sensitivity import LeastLeft, Sensitivity
from objectives.machine.files import whole
from objectives.records.failures import ExportFailed
from spaces.errors import AutomlError, first_line


@dataclass(frozen=True)
class Converted:
    """What a file says of its precision, kept in its metadata.

    Attributes:
        precision: "fp16" or "int8".
        runtime: that it was made for.
        left: blocks of the network that stay in fp32, beside the arithmetic of boxes, which always does.
        sqnr_db: signal over quantisation noise of what the network hands to that; None where it was not measured, or
            is no number: there was no noise at all.
        calibration_images: that ranges were taken from; 0 of a file that is only timed.
        ranges: how they were taken: Percentile, MinMax, or NNCF's way.
    """

    precision: str
    runtime: str
    left: tuple[str, ...] = ()
    sqnr_db: float | None = None
    calibration_images: int = 0
    ranges: str = ""

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what a file says of its precision; None of one in fp32."""
        properties = {p.key: p.value for p in onnx.load(str(path), load_external_data=False).metadata_props}
        if PRECISION_KEY not in properties:
            return None
        values = json.loads(properties[PRECISION_KEY])
        return cls(**{**values, "left": tuple(values["left"])})


def convert(source: Path, target: Path, precision: str, runtime: str, calibration: CalibrationImages) -> Converted:
    """Write a deployable file in another precision.

    Inputs and outputs stay fp32. The file appears under its name only when it is whole; it may be the source's own.

    Args:
        source: an ONNX file in fp32, of this project's.
        target: the file to write.
        precision: "fp16" or "int8".
        runtime: "onnxruntime" or "openvino"; an int8 file for OpenVINO is of no use to others.
        calibration: of int8, images that ranges are taken from.

    Raises:
        ExportFailed: the network cannot be converted.
        DeviceError: what converts it is not installed.
    """
    model = onnx.load(str(source))
    properties = {p.key: p.value for p in model.metadata_props}
    try:
        made, said = (
            (halved(model), Converted("fp16", runtime)) if precision == "fp16" else _bytes(model, runtime, calibration)
        )
    except AutomlError:
        raise
    except Exception as error:  # quantisers raise whatever they like
        reason = first_line(error)
        raise ExportFailed(f"deploy.precision: this network cannot be converted to {precision} ({reason})") from error
    onnx.helper.set_model_props(made, {**properties, PRECISION_KEY: json.dumps(asdict(said), allow_nan=False)})
    with whole(target) as partial:
        onnx.save(made, str(partial))
    return said


def _bytes(model: onnx.ModelProto, runtime: str, calibration: CalibrationImages) -> tuple[onnx.ModelProto, Converted]:
    layers = Layers.of(model)
    if not layers.groups:
        raise ExportFailed("deploy.precision: int8 needs a network of convolutions; leave int8 out of the space")
    with TemporaryDirectory(prefix="automl-int8-") as folder:
        alone = OnnxRuntimeQuantiser(model, calibration, Path(folder))
        kind = NncfQuantiser if runtime == "openvino" else OnnxRuntimeQuantiser
        quantise = kind(model, calibration, Path(folder))
        if calibration.is_noise:
            chosen = LeastLeft(quantise.quantised(layers.without(())), (), 0.0)
        else:
            chosen = Sensitivity(model, layers, calibration).choose(quantise.quantised, alone.quantised)
    if chosen.sqnr_db == -inf:
        raise ExportFailed("deploy.precision: int8 of this network gives numbers that are not finite, or noise alone")
    made = with_fake_quantise(chosen.model) if runtime == "openvino" else chosen.model
    sqnr_db = round(chosen.sqnr_db, 1) if not calibration.is_noise and isfinite(chosen.sqnr_db) else None
    return made, Converted("int8", runtime, chosen.left, sqnr_db, len(calibration.images), quantise.ranges)
