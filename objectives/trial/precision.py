"""A network's deployable file in the precision of its candidate: exported in fp32, then converted."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.export_onnx import export_onnx
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.convert import convert
from spaces.candidate import Candidate
from spaces.network.family import FP32, precision_of


def export_as(
    model: nn.Module, meta: ArtifactMeta, path: Path, candidate: Candidate, runtime: str, training: Sequence[Path] = ()
) -> Path:
    """Export a network in its candidate's precision.

    Args:
        model: trained or not.
        meta: kept in the file.
        path: the file to write.
        candidate: whose precision counts.
        runtime: of the device.
        training: images of the training split; none for a file that is only timed, whose ranges do not matter.

    Raises:
        ExportFailed: the network cannot be exported, or not be converted.
        DeviceError: what converts it is not installed.
    """
    export_onnx(model, meta, path)
    if precision_of(candidate) != FP32:
        convert_to(path, path, candidate, meta, runtime, training)
    return path


def convert_to(
    source: Path, target: Path, candidate: Candidate, meta: ArtifactMeta, runtime: str, training: Sequence[Path] = ()
) -> None:
    """Write an exported file in the precision of a candidate; see `export_as`."""
    calibration = CalibrationImages.of(training, meta) if training else CalibrationImages.of_noise(meta)
    convert(source, target, precision_of(candidate), runtime, calibration)
