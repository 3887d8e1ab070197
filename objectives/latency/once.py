"""Latency measured once: what the book of figures holds is not measured again."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from objectives.deploy.device import Device
from objectives.latency.book.asked import Asked, asked_of
from objectives.latency.book.book import Book
from objectives.latency.hosts.open import changes
from objectives.latency.hosts.queue import in_queue
from objectives.latency.measure import measure_latencies
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.device_locks import Patience
from objectives.records.records import Latency
from spaces.errors import AutomlError, DeviceError


def latency_once(
    artifact: Path,
    device: Device,
    images: Sequence[Path],
    protocol: LatencyProtocol,
    *,
    patience: Patience | None = None,
    cores: Collection[int] = (),
    warn: Callable[[str], None] | None = None,
    again: bool = False,
) -> Latency:
    """Return the latency of one deployable file; see `latencies_once`.

    Raises:
        DeviceError: the runtime failed or hung.
    """
    (found,) = latencies_once(
        [artifact], device, images, protocol, patience=patience, cores=cores, warn=warn, again=again
    )
    if isinstance(found, DeviceError):
        raise found
    return found


def latencies_once(
    artifacts: Sequence[Path],
    device: Device,
    images: Sequence[Path],
    protocol: LatencyProtocol,
    *,
    patience: Patience | None = None,
    cores: Collection[int] = (),
    warn: Callable[[str], None] | None = None,
    again: bool = False,
) -> list[Latency | DeviceError]:
    """Return what the book holds of deployable files, and measure the others in one go; see `measure_latencies`.

    Not for comparisons: there both sides are timed in turn, now. Where another machine has the device, that machine is
    asked for all of it: its book answers, and its processes measure.

    Args:
        artifacts: deployable files.
        device: where to run them.
        images: image files, taken in turn.
        protocol: when to end; a figure by the full one answers where its quick one is asked for.
        patience: counts the seconds of waiting for the device, and shows signs of life.
        cores: processor cores to measure on, where this process has not got them all.
        warn: takes what there is to say of the book, and of a device that was changed meanwhile; None: the log.
        again: measure all, in place of what the book holds.

    Returns:
        for each file, in order, its figure, or why it has none.
    """
    if (elsewhere := in_queue(device)) is not None:
        return elsewhere.figures(artifacts, images, protocol, patience or Patience(), again=again)
    warn = warn or logging.getLogger(__name__).warning
    book, others = Book(warn), set[str]()
    try:
        asked: list[Asked | None] = [*asked_of(artifacts, device, images, protocol)]
    except (OSError, AutomlError):  # no such file, runtime or converter: measuring says so, of each file
        asked = [None for _ in artifacts]
    known = [book.known(one) if one and not again else None for one in asked]
    waiting = [i for i, figure in enumerate(known) if figure is None]
    found: list[Latency | DeviceError | None] = [*known]
    measured = measure_latencies([artifacts[i] for i in waiting], device, images, protocol, 300.0, patience, cores)
    for i, figure in zip(waiting, measured, strict=True):
        found[i] = figure
        if isinstance(figure, Latency):
            dated = replace(figure, measured_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
            found[i] = dated
            if (one := asked[i]) is not None and figure.device == one.device:
                book.keep(replace(one, alone=len(waiting) == 1), dated)
            elif one is not None:
                others.add(f"{one.device} -> {figure.device}")
    for other in sorted(others):
        warn(
            f"device={device.name}: it is another one than this process has asked for "
            f"({changes(device) or other}); its new figures are not kept: end this, and begin anew"
        )
    return [figure for figure in found if figure is not None]
