"""What each format of an exported detector comes to: mAP on the validation split, latency, bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.deploy.artifact_files import bytes_of, files_of
from objectives.deploy.device import Device
from objectives.deploy.formats.contract import DeployFormat
from objectives.deploy.formats.deployed import format_of
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.latency.hosts.detections import score_on
from objectives.latency.hosts.open import check
from objectives.latency.measure import measure_latency
from objectives.records.records import Accuracy, Latency
from objectives.trial.job import Half, halves, timed_images
from objectives.weights.shelf import sha256_of
from reports.table.row import TrialRow
from search.loop.latencies.full_latency import MeasuringTerms
from search.settings.sections import read_section
from spaces.errors import AutomlError

SHOWN_BY = {"onnx": "cpu"}  # the device that shows a format here, where it is not called as the format is


@dataclass(frozen=True)
class FormatFigures:
    """One format of a detector, with what it came to.

    Attributes:
        format: which.
        file: the file that is opened, or the vendor's folder.
        device: name of what ran it; "" where nothing here does.
        accuracy: on the images that the study reports this trial on, by the format's runtime.
        latency: by the protocol.
        why_not: why there are no figures, in one line; else empty.
        from_study: whether the figures are the study's own.
    """

    format: DeployFormat
    file: Path
    device: str
    accuracy: Accuracy | None
    latency: Latency | None
    why_not: str = ""
    from_study: bool = False

    @property
    def bytes(self) -> int:
        """What ships of the format."""
        return bytes_of(self.file)

    def to_json(self) -> dict[str, Any]:
        """Return what the lineage says: files with their hashes, and the figures."""
        files = sorted(self.file.rglob("*")) if self.file.is_dir() else files_of(self.file)
        return {
            "files": {f.name: {"sha256": sha256_of(f), "bytes": f.stat().st_size} for f in files if f.is_file()},
            "tested": self.format.tested,
            "device": self.device,
            "accuracy": self.accuracy.to_json() if self.accuracy else None,
            "latency": self.latency.to_json() if self.latency else None,
            **({"why_not": self.why_not} if self.why_not else {}),
        }


@dataclass(frozen=True)
class Measuring:
    """How formats are measured.

    Attributes:
        terms: the study's.
        progress: called with one line before each format.
    """

    terms: MeasuringTerms
    progress: Callable[[str], None]

    def figures(self, made: Mapping[str, Path], row: TrialRow, latency: Latency | None) -> list[FormatFigures]:
        """Return the figures of each format; of the one that the study scores the study's own.

        That is its first device's. An export for a further device, which only timed, has its format scored here.

        Args:
            made: the file by format.
            row: the trial.
            latency: of the trial, as it is exported.
        """
        return [self._of(DEPLOY_FORMATS[name], file, row, latency) for name, file in made.items()]

    def _of(self, one: DeployFormat, file: Path, row: TrialRow, latency: Latency | None) -> FormatFigures:
        is_own = one.name == (format_of(self.terms.device) or DEPLOY_FORMATS["onnx"]).name
        if is_own and self.terms.is_first:
            return FormatFigures(one, file, self.terms.device.name, row.accuracy, latency, from_study=True)
        if not one.runtime:
            return FormatFigures(one, file, "", None, None, "nothing on this machine runs it")
        shown_by = read_section(Device, "device", {"name": SHOWN_BY.get(one.name, one.name)})
        device = self.terms.device if is_own else shown_by
        self.progress(f"measuring {one.name} on device={device.name}")
        images, on = self.terms.dataset.splits[self.terms.split], self._reported_on(row)
        confidence = row.accuracy.confidence if row.accuracy else None
        try:
            check(device)
            accuracy = score_on(file, device, on.images, self.terms.dataset.classes, on.name, confidence)
            timed = measure_latency(file, device, timed_images(images), self.terms.protocol)
        except AutomlError as error:
            return FormatFigures(one, file, device.name, None, None, str(error))
        return FormatFigures(one, file, device.name, accuracy, timed)

    def _reported_on(self, row: TrialRow) -> Half:
        """Return the images that the study's accuracy of a trial is of: the held-out half of a child's or its polish's.

        It is known by its name, which the accuracy has.
        """
        images, split = self.terms.dataset.splits[self.terms.split], self.terms.split
        _, held_out = halves(images, split)
        is_half = row.accuracy is not None and row.accuracy.split == held_out.name
        return held_out if is_half else Half(images, split)
