"""A file's latency by the full protocol, on its study's device: what ships is not timed by a quick figure alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.data.dataset import Dataset
from objectives.deploy.device import Device
from objectives.latency.hosts.open import check
from objectives.latency.once import latency_once
from objectives.latency.protocol import LatencyProtocol
from objectives.records.records import Latency
from objectives.trial.job import timed_images
from reports.table.on_device import device_names
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
    try:
        terms = measuring_terms(table)
        check(terms.device)
        return latency_once(model, terms.device, timed_images(terms.dataset.splits[terms.split]), terms.protocol)
    except AutomlError as error:
        return str(error)


@dataclass(frozen=True)
class MeasuringTerms:
    """What a study measures its files by.

    Attributes:
        device: which may not be usable here.
        dataset: read anew, where it lay last.
        split: that trials are scored on.
        protocol: of the latency.
        is_first: whether the device is the one that the study scores by: of several the first.
    """

    device: Device
    dataset: Dataset
    split: str
    protocol: LatencyProtocol
    is_first: bool = True


def measuring_terms(table: StudyTable) -> MeasuringTerms:
    """Return what a study measures its files by.

    Raises:
        DataError: the data set cannot be read.
        DeviceError: the device breaks its rules here, as by more threads than there are.
    """
    settings = table.settings
    data = {**default_values("data"), **settings["data"]}
    if data["root"] != EMBEDDED:
        data["root"] = table.data["root"]  # where it lay last
    return MeasuringTerms(
        read_section(Device, "device", device_settings(table)),
        load_data(DataSettings(**data)),
        str(data["split"]),
        read_section(LatencyProtocol, "latency", settings["latency"]),
        table.device_name == device_names(table)[0],
    )
