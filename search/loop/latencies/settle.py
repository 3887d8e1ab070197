"""Settling figures: what stands on the front with a quick latency is measured by the full protocol in the end."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from objectives.data.dataset import Dataset
from objectives.latency.once import latencies_once
from objectives.machine.device_locks import Patience
from objectives.records.paths import DEPLOYED, MODEL, TrialPaths
from objectives.records.records import Latency
from objectives.records.study_record import StudyWriter
from objectives.trial.job import timed_images
from reports.table.on_device import tables_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from search.settings.settings import Settings
from search.study.files.contract import StudyFiles
from search.study.files.local import is_to_be_had

RESERVED_SHARE = 0.05  # of the budget's hours that is kept for settling figures of each device,
RESERVED_MOST_S = 120.0  # at most
FILE_S = 8.0  # that a file takes by the full protocol, as a guess before the first
AT_ONCE = 4  # files that one call measures, in turn


def reserved_s(hours: float | None, devices: int = 1) -> float:
    """Return the seconds of the budget's hours that are kept for settling figures on so many devices."""
    return 0.0 if hours is None else devices * min(RESERVED_SHARE * 3600 * hours, RESERVED_MOST_S)


def unsettled(study: StudyTable) -> list[tuple[str, TrialRow]]:
    """Return what is to be measured by the full protocol: the device, and the trial as that device has it.

    Of each device the members of its front with a quick figure, the pick of its gate first, then the most accurate;
    and of a further device what has no figure there, since a fork has added the device.
    """
    return [(table.device_name, row) for table in tables_of(study) for row in [*_quick(table), *_missing(table, study)]]


def _missing(table: StudyTable, study: StudyTable) -> list[TrialRow]:
    """Return the finished trials without a figure of a table's device, those on the study's front first."""
    if table.device_name == study.device_name:
        return []
    finished = {row.number: row for row in study.finished}
    rows = (row for row in table.rows if row.number in finished)
    missing = [row for row in rows if row.p50_ms is None or row.other_device]
    return sorted(missing, key=lambda row: (not finished[row.number].on_front, -(row.map or 0.0)))


def _quick(table: StudyTable) -> list[TrialRow]:
    pick = judge(table).row
    quick = [row for row in table.front if row.has_quick_latency]
    if pick is not None and pick.has_quick_latency and pick not in quick:
        quick.append(pick)
    return sorted(quick, key=lambda row: (row is not pick, -(row.map or 0.0)))


def settle(
    writer: StudyWriter,
    read: Callable[[], StudyTable],
    settings: Settings,
    dataset: Dataset,
    seconds: float,
    patience: Patience,
    files: StudyFiles,
) -> Iterator[Sequence[int]]:
    """Measure by the full protocol while there is time; yield the trials' numbers, some at a time.

    What comes to the front where a quick figure was too good is measured too; the first file goes alone, and shows what
    one takes.

    Args:
        writer: stores each figure.
        read: reads the study as it stands.
        settings: of the search: device and protocol.
        dataset: whose images are timed.
        seconds: that it may take; a call that has begun is ended.
        patience: counts the seconds of waiting for the device.
        files: of the study.
    """
    began, file_s, most = time.monotonic(), FILE_S, 1
    images = timed_images(dataset.splits[settings.data.split])
    tried: set[tuple[str, int]] = set()
    devices = {device.name: device for device in settings.targets}
    while True:
        left = seconds - (time.monotonic() - began)
        rows = [one for one in unsettled(read()) if (one[0], one[1].number) not in tried]
        waiting = [one for one in rows if is_to_be_had(one[1], settings.folder, MODEL)]
        waiting = [one for one in waiting if one[0] == waiting[0][0]]  # one device after another
        some = waiting[: int(max(0.0, min(most, left / file_s)))]  # a budget without hours leaves no end of them
        if not some:
            return
        start = time.monotonic()
        device, paths = devices[some[0][0]], [_brought(files, row, settings.folder) for _, row in some]
        figures = latencies_once(paths, device, images, settings.latency, patience=patience)
        for (name, row), figure in zip(some, figures, strict=True):
            tried.add((name, row.number))
            if not isinstance(figure, Latency):
                continue
            if device is settings.targets[0]:
                writer.measured_fully(row.number, figure)
            else:
                writer.measured_fully_on(row.number, name, figure)
        # The memory of a file that is measured beside others is not known.
        file_s, most = max(0.5, (time.monotonic() - start) / len(some)), 1 if _bounds_memory(settings) else AT_ONCE
        yield [row.number for _, row in some]


def _brought(files: StudyFiles, row: TrialRow, folder: Path) -> Path:
    """Return a trial's deployable file, which lies in the study's folder then."""
    files.bring(row, DEPLOYED)
    return TrialPaths(folder / (row.folder or "")).model


def _bounds_memory(settings: Settings) -> bool:
    """Whether the gate of a device bounds memory."""
    gate, others = settings.gate, (settings.gate.on(device.name) for device in settings.targets[1:])
    return any(one.memory_mb_max is not None for one in (gate, *others))
