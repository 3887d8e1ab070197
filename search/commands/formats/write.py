"""A detector written in several formats, each in a folder of its own under `formats/`."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.artifact_files import files_of
from objectives.deploy.formats.contract import DeployFormat, Source
from objectives.records.paths import DetectorPaths
from spaces.errors import AutomlError

FORMATS_FOLDER = "formats"  # of an export


def write_formats(
    formats: Sequence[DeployFormat],
    paths: DetectorPaths,
    dataset: Dataset,
    leave_out: Callable[[str], None] | None,
    fp32_trial: int | None = None,
) -> dict[str, Path]:
    """Write a detector's ONNX file in further formats.

    Args:
        formats: which.
        paths: the detector's files; what a trial has converted already lies there and is copied.
        dataset: that vendors' compilers calibrate on.
        leave_out: called with one line for each format that does not take this network, which is left out then; None
            ends the whole with its error.
        fp32_trial: number of the trial that has the same detector in fp32, where this one has another precision.

    Returns:
        the file, or the vendor's folder, by format.

    Raises:
        AutomlError: a format does not take this network.
    """
    made = {}
    with tempfile.TemporaryDirectory() if any(one.of_data for one in formats) else nullcontext("") as folder:
        data_yaml = lay_out(dataset, Path(folder)) if folder else None
        for one in formats:
            place = paths.folder / FORMATS_FOLDER / one.name
            place.mkdir(parents=True)
            try:
                made[one.name] = _write(one, Source(paths.model, paths.weights, data_yaml, fp32_trial), place)
            except AutomlError as error:
                if leave_out is None:
                    raise
                leave_out(str(error))
                shutil.rmtree(place)
    return made


def _write(one: DeployFormat, source: Source, place: Path) -> Path:
    there = one.file(source.onnx)
    if not there.is_file():
        return one.convert(source, place / there.name)
    for file in files_of(there):
        shutil.copy2(file, place / file.name)
    return place / there.name
