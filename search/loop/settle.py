"""Settling figures: what stands on the front with a quick latency is measured by the full protocol in the end."""

import time
from collections.abc import Callable, Iterator, Sequence

from objectives.data.dataset import Dataset
from objectives.latency.once import latencies_once
from objectives.machine.device_locks import Patience
from objectives.records.paths import TrialPaths
from objectives.records.records import Latency
from objectives.records.study_record import StudyWriter
from objectives.trial.job import timed_images
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from search.settings.settings import Settings

RESERVED_SHARE = 0.05  # of the budget's hours that is kept for settling figures,
RESERVED_MOST_S = 120.0  # at most
FILE_S = 8.0  # that a file takes by the full protocol, as a guess before the first
AT_ONCE = 4  # files that one call measures, in turn


def reserved_s(hours: float | None) -> float:
    """Return the seconds of the budget's hours that are kept for settling figures."""
    return 0.0 if hours is None else min(RESERVED_SHARE * 3600 * hours, RESERVED_MOST_S)


def unsettled(table: StudyTable) -> list[TrialRow]:
    """Return the members of the front with a quick figure, the pick of the gate first, then the most accurate."""
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
    """
    began, file_s, most = time.monotonic(), FILE_S, 1
    images = timed_images(dataset.splits[settings.data.split])
    tried: set[int] = set()
    while True:
        left = seconds - (time.monotonic() - began)
        models = ((row.number, TrialPaths(settings.folder / (row.folder or "")).model) for row in unsettled(read()))
        waiting = [(number, model) for number, model in models if number not in tried and model.exists()]
        some = waiting[: int(max(0.0, min(most, left / file_s)))]  # a budget without hours leaves no end of them
        if not some:
            return
        start = time.monotonic()
        paths = [model for _, model in some]
        figures = latencies_once(paths, settings.device, images, settings.latency, patience=patience)
        for (number, _), figure in zip(some, figures, strict=True):
            tried.add(number)
            if isinstance(figure, Latency):
                writer.measured_fully(number, figure)
        # The memory of a file that is measured beside others is not known.
        file_s, most = max(0.5, (time.monotonic() - start) / len(some)), 1 if settings.gate.memory_mb_max else AT_ONCE
        yield [number for number, _ in some]
