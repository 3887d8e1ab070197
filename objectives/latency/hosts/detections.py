"""Detections and scores by a device: here, or by the board's own runtime where `device.accuracy` asks for that."""

from collections.abc import Callable, Sequence
from pathlib import Path

from objectives.data.dataset import LabelledImage
from objectives.deploy.confidence import SCORE_CONFIDENCE
from objectives.deploy.detector import Detections
from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import deployed
from objectives.latency.hosts.ssh import OverSsh
from objectives.machine.device_locks import Patience
from objectives.records.records import Accuracy


def detections_there(
    model: Path, device: Device, images: Sequence[LabelledImage], alive: Callable[[], None]
) -> list[Detections]:
    """Return what a file finds on images, run by the board; waits until the board is free.

    Args:
        model: the deployable file, of which the board gets what its runtime opens.
        device: one that scores there (`Device.scores_there`).
        images: of a split.
        alive: called about once a second.

    Raises:
        DeviceAway: the board cannot be reached now.
        DeviceError: it cannot run the file.
        ExportFailed: the file cannot be converted for it.
    """
    artifact = deployed(model, device)  # a minute, maybe, for which nobody waits for the board
    patience, host = Patience(alive), OverSsh(device)
    with host.alone(patience):
        return host.detect(artifact, [image.path for image in images], SCORE_CONFIDENCE)


def score_on(
    model: Path,
    device: Device,
    images: Sequence[LabelledImage],
    classes: Sequence[str],
    split: str,
    confidence: float | None = None,
    before_each: Callable[[], None] | None = None,
) -> Accuracy:
    """Score a file over a split by a device; arguments as of `objectives.deploy.accuracy.score_file`."""
    from objectives.deploy.accuracy import score, score_file

    if not device.scores_there:
        return score_file(model, device, images, classes, split, confidence, before_each)
    found = detections_there(model, device, images, before_each or (lambda: None))
    return score(found, images, classes, split, confidence)
