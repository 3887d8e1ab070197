"""A table of formats: what each comes to with a trained detector of each kind, beside the ONNX file.

    PYTHONPATH=tests python -m tests.benchmarks.format_table [--epochs 20] [--size 160] [--kinds lcnet] [--from DIR]

Trains lcnet, mobilenetv3 and yolo11 on the embedded data set (or takes DIR/KIND/model.onnx with weights.pt beside it),
writes every format that can be written here, and prints for each mAP on the validation split by its own runtime, p50
and p95 by the full protocol on one core, and bytes; all against the ONNX file in fp32. fp16 and int8 are made for the
two runtimes that they can be made for, each with a file of its own.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from recorder import Recorder
from small_jobs import quick_job, tiny_candidate

from objectives.data.dataset import Dataset
from objectives.deploy.accuracy import score_file
from objectives.deploy.artifact_files import bytes_of
from objectives.deploy.device import Device
from objectives.deploy.formats.contract import Source
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.convert import convert
from objectives.deploy.runtimes.open import open_artifact
from objectives.latency.measure import measure_latency
from objectives.latency.protocol import LatencyProtocol
from objectives.records.paths import MODEL, TrialPaths
from objectives.trial.job import timed_images
from objectives.trial.trial import run_trial
from search.settings.dataset import load_data
from search.settings.precision_check import CONVERTED_FOR
from search.settings.sections import read_section
from search.settings.settings import load_settings
from spaces.errors import AutomlError

KINDS: dict[str, dict[str, Any]] = {
    "lcnet": {"backbone.name": "lcnet_050"},
    "mobilenetv3": {"backbone.name": "mobilenetv3_small_100"},
    "yolo11": {"backbone.name": "yolo11", "backbone.width": 0.25, "backbone.depth": 0.5},
}
TRAINING = {"neck.width": 64, "head.kind": "nms", "train.batch": 8, "train.nbs": 8, "train.lr0": 0.002}
PRECISIONS = ("fp16", "int8")
DEVICES = {"onnx": "cpu"}  # device that shows a format, where it is not called as the format is


@dataclass(frozen=True)
class Row:
    """One file; no figures where the format does not take the network."""

    kind: str
    format: str
    precision: str
    map: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    megabytes: float | None = None
    note: str = ""


def trained(kind: str, dataset: Dataset, folder: Path, epochs: int, size_px: int) -> Path:
    """Train a detector by a real trial; return its ONNX file."""
    job = quick_job(
        dataset,
        folder / kind,
        tiny_candidate({**TRAINING, **KINDS[kind], "size.pixels": size_px}),
        epochs=epochs,
        rungs=1,
    )
    ending = run_trial(job, Recorder())
    assert ending is not None
    return TrialPaths(job.folder).model


def rows_of(kind: str, onnx: Path, dataset: Dataset, protocol: LatencyProtocol) -> Iterator[Row]:
    """Yield a row a format, and of those that have others a row a precision."""
    weights = onnx.with_name("weights.pt")
    source = Source(onnx, weights if weights.is_file() else None)
    for one in (one for one in DEPLOY_FORMATS.values() if one.runtime and not one.why_not()):
        device = read_section(Device, "device", {"name": DEVICES.get(one.name, one.name)})
        place = onnx.parent / "formats" / one.name
        place.mkdir(parents=True, exist_ok=True)
        row = partial(_row, kind, one.name, device=device, dataset=dataset, protocol=protocol)
        yield row("fp32", make=partial(one.convert, source, one.file(place / MODEL)))
        if one.runtime not in CONVERTED_FOR:
            continue
        for precision in PRECISIONS:
            file = place / f"{precision}.onnx"
            yield row(precision, make=partial(_converted, onnx, file, precision, device, dataset))


def _converted(onnx: Path, file: Path, precision: str, device: Device, dataset: Dataset) -> Path:
    training = [image.path for image in dataset.splits["train"]]
    convert(onnx, file, precision, device.runtime, CalibrationImages.of(training, open_artifact(onnx, device).meta))
    return file


def _row(
    kind: str,
    name: str,
    precision: str,
    *,
    device: Device,
    make: Callable[[], Path],
    dataset: Dataset,
    protocol: LatencyProtocol,
) -> Row:
    try:
        path = make()
        accuracy = score_file(path, device, dataset.splits["val"], dataset.classes, "val")
        latency = measure_latency(path, device, timed_images(dataset.splits["val"]), protocol)
    except AutomlError as error:
        return Row(kind, name, precision, note=str(error))
    figures = accuracy.map, latency.p50_ms, latency.p95_ms, bytes_of(path) / 1e6
    return Row(kind, name, precision, *figures, "" if latency.stable else f"unstable: {latency.note}")


def as_text(row: Row, base: Row) -> str:
    """Return a line of a Markdown table; `base` is the ONNX file in fp32."""
    if row.map is None or base.map is None or row.p50_ms is None or base.p50_ms is None:
        return f"| {row.kind} | {row.format} | {row.precision} | - | - | - | - | - | {row.note} |"
    return (
        f"| {row.kind} | {row.format} | {row.precision} | {row.map:.4f} | {row.map - base.map:+.4f} | "
        f"{row.p50_ms:.2f} | {row.p95_ms:.2f} | {base.p50_ms / row.p50_ms:.2f} | {row.megabytes:.2f} {row.note} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--from", dest="given", type=Path)
    parser.add_argument("--to", type=Path, default=None)
    asked = parser.parse_args()
    settings = load_settings([])
    dataset = load_data(settings.data)
    folder = asked.to or Path(tempfile.mkdtemp())
    print("| kind | format | precision | mAP | less ONNX's | p50 ms | p95 ms | times as fast | MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    found: list[Row] = []
    for kind in asked.kinds.split(","):
        onnx = asked.given / kind / MODEL if asked.given else trained(kind, dataset, folder, asked.epochs, asked.size)
        base: Row | None = None
        for row in rows_of(kind, onnx, dataset, settings.latency):
            base = base or row
            found.append(row)
            print(as_text(row, base), flush=True)
    (folder / "format_table.json").write_text(json.dumps([vars(row) for row in found], indent=2))


if __name__ == "__main__":
    main()
