"""A file's latency by the full protocol, on its study's device: what ships is not timed by a quick figure alone."""

from pathlib import Path
from typing import Any

from objectives.deploy.device import Device
from objectives.latency.measure import measure_latency
from objectives.latency.protocol import LatencyProtocol
from objectives.records.records import Latency
from objectives.trial.job import timed_images
from reports.table.table import StudyTable
from search.settings.compose import default_values
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import EMBEDDED, DataSettings
from spaces.errors import AutomlError


def device_settings(table: StudyTable) -> dict[str, Any]:
    """Return the settings of the device whose latencies a table has."""
    settings: dict[str, Any] = dict(table.settings)
    several = settings.get("devices") or ()
    return next((one for one in several if one["name"] == table.device_name), settings["device"])


def measured_fully(table: StudyTable, model: Path) -> Latency | str:
    """Measure a deployable file as the trials of a study were, or return in one line why that is not possible here."""
    settings = table.settings
    data = {**default_values("data"), **settings["data"]}
    if data["root"] != EMBEDDED:
        data["root"] = table.data["root"]  # where it lay last
    try:
        device = read_section(Device, "device", device_settings(table))
        device.check()
        images = load_data(DataSettings(**data)).splits[data["split"]]
        protocol = read_section(LatencyProtocol, "latency", settings["latency"])
        return measure_latency(model, device, timed_images(images), protocol)
    except AutomlError as error:
        return str(error)
