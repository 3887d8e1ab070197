"""The file that the device of an export runs: a trial's own is in its folder, else it is converted into the export."""

from collections.abc import Callable

from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import convert_beside, converted_file
from objectives.records.paths import DetectorPaths
from reports.table.table import StudyTable
from search.loop.latencies.full_latency import device_settings
from search.settings.sections import read_section
from spaces.errors import AutomlError


def add_converted(paths: DetectorPaths, table: StudyTable, warn: Callable[[str], None]) -> None:
    """Convert a detector's file for the device that a table is of, unless that is there, or runs the ONNX file.

    An older automl converted for a study's first device alone.

    Args:
        paths: the detector's files.
        table: the study as the device has it.
        warn: called with one line where it cannot be converted; the ONNX file ships then.
    """
    try:
        device = read_section(Device, "device", device_settings(table))
        if not converted_file(paths.model, device).is_file():
            convert_beside(paths.model, [device], paths.weights)
    except AutomlError as error:
        warn(f"not in the format that device={table.device_name} runs: {error}")
