"""The file that a device runs: a trial's ONNX file, or what was converted of it where a runtime takes another."""

from collections.abc import Sequence
from pathlib import Path

from objectives.deploy.artifact import CONFIDENCE_KEY
from objectives.deploy.artifact_files import ONNX, read_properties, write_properties
from objectives.deploy.device import Device
from objectives.deploy.formats.contract import SOURCE_KEY, DeployFormat, Source
from objectives.deploy.formats.conversions import converted_once
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.deploy.runtimes.contract import Runtime
from objectives.deploy.runtimes.open import CLASSES, open_artifact
from objectives.records.failures import ExportFailed
from objectives.records.paths import WEIGHTS
from objectives.weights.shelf import sha256_of


def format_of(device: Device) -> DeployFormat | None:
    """Return the format that a device's runtime needs an ONNX file converted to; None where it opens ONNX files."""
    if ONNX in CLASSES[device.runtime].suffixes:
        return None
    return next(one for one in DEPLOY_FORMATS.values() if one.runtime == device.runtime)


def formats_of(devices: Sequence[Device]) -> tuple[DeployFormat, ...]:
    """Return the formats that the devices' runtimes need an ONNX file converted to, each once."""
    found = (format_of(device) for device in devices)
    return tuple({one.name: one for one in found if one is not None}.values())


def converted_file(onnx: Path, device: Device) -> Path:
    """Return where the file that a device runs lies beside an ONNX file: the ONNX file, or what is converted of it."""
    made = format_of(device)
    return onnx if made is None else made.file(onnx)


def convert_beside(onnx: Path, devices: Sequence[Device], weights: Path | None = None) -> None:
    """Convert a trial's file beside it, for each of its devices that does not run it as it is.

    `deployed` finds what a device runs.

    Args:
        onnx: the trial's.
        devices: of the study.
        weights: of the same network.

    Raises:
        ExportFailed: a converter is not here, or does not take this network.
    """
    for made in formats_of(devices):
        made.convert(Source(onnx, weights), made.file(onnx), {SOURCE_KEY: sha256_of(onnx)})


def keep_confidence(onnx: Path, devices: Sequence[Device], confidence: float) -> None:
    """Write the confidence that was just written into an ONNX file into what was converted of it, too."""
    for made in formats_of(devices):
        converted = made.file(onnx)
        kept = {**read_properties(converted), CONFIDENCE_KEY: repr(confidence), SOURCE_KEY: sha256_of(onnx)}
        write_properties(converted, kept)


def deployed(path: Path, device: Device) -> Path:
    """Return the file that a device runs of a deployable file.

    That is the file itself, or what was converted of it and lies beside it; else it is converted into the user's cache
    folder, once, where the oldest make room.

    Raises:
        DataError: the file cannot be read.
        ExportFailed: it cannot be converted.
    """
    made = format_of(device)
    if made is None or path.suffix != ONNX or not path.is_file():
        return path
    digest = sha256_of(path)
    beside = made.file(path)
    if beside.is_file() and read_properties(beside).get(SOURCE_KEY) == digest:
        return beside
    weights = path.with_name(WEIGHTS)
    return converted_once(made, Source(path, weights if weights.is_file() else None), digest)


def open_deployed(path: Path, device: Device) -> Runtime:
    """Open the file that a device runs of a deployable file; errors are those of `deployed` and `open_artifact`."""
    return open_artifact(deployed(path, device), device)


def prepare(device: Device) -> None:
    """Make ready what converts for a device, before a search: the first trial must not wait for a package index.

    Raises:
        ExportFailed: the converter is not to be had here.
    """
    made = format_of(device)
    if made is not None and (missing := made.why_not()):
        raise ExportFailed(f"device={device.name}: its format is {made.name}, which {missing}")
    if made is not None:
        made.prepare()
