"""Detectors in fp32, fp16 and int8: mAP, latency and size of each file, by each runtime.

    taskset -c 0 python -m tests.benchmarks.precision --backbone lcnet_050 --epochs 40

Trains one detector on the embedded shelves, writes its file in each precision for each runtime, scores every file
on the validation split and measures all files of a runtime together by the full protocol. Prints a JSON line each; the
table stands in docs/precision.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.accuracy import score_file
from objectives.deploy.device import Device
from objectives.deploy.export_onnx import export_onnx, meta_of
from objectives.deploy.precision.calibration import CalibrationImages
from objectives.deploy.precision.convert import Converted, convert
from objectives.latency.measure import measure_latencies
from objectives.latency.protocol import LatencyProtocol
from objectives.network.assembly import assemble
from objectives.records.records import Latency
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.trainer import Progress, train_phase
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.job import timed_images
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import DataSettings
from spaces.candidate import Candidate

DEVICES = ("cpu", "openvino")
PRECISIONS = ("fp32", "fp16", "int8")


def main() -> None:
    """Train, convert, measure, print."""
    given = _arguments()
    torch.set_num_threads(1)
    data = load_data(read_section(DataSettings, "data"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet_ultralytics(folder / "ultralytics")
        candidate = _candidate(given)
        model = given.file or export_onnx(
            network := _trained(given, candidate, data, folder),
            meta_of(network, candidate, data.classes),
            folder / "fp32.onnx",
        )
        for device in (read_section(Device, "device", {"name": name}) for name in DEVICES):
            for line in _lines(model, device, data, folder):
                print(json.dumps({"detector": given.backbone, **line}), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="lcnet_050")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--pixels", type=int, default=224)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--file", type=Path, help="an exported file in fp32, in place of a training")
    return parser.parse_args()


def _candidate(given: argparse.Namespace) -> Candidate:
    values = {"backbone.name": given.backbone, "neck.width": 32, "neck.depth": 1, "head.kind": "nms"}
    values |= {"size.pixels": given.pixels, "train.batch": 4, "train.nbs": 4, "train.lr0": 0.003}
    if given.backbone.startswith("yolo"):
        values |= {"backbone.width": 0.25, "backbone.depth": 0.5}
    return Candidate.of({**values, "augment.policy": "none"})


def _trained(given: argparse.Namespace, candidate: Candidate, data: Dataset, folder: Path) -> nn.Module:
    _, network = assemble(candidate, data.classes, given.seed)
    plan = TrainingPlan(lay_out(data, folder / "data"), folder / "training", given.epochs, given.seed)
    last = {given.epochs}
    return train_phase(network, trainer_arguments(candidate, plan), Progress(), last, last, lambda rung: False)


def _lines(model: Path, device: Device, data: Dataset, folder: Path) -> Iterator[Mapping[str, Any]]:
    from objectives.deploy.runtimes.open import open_artifact

    calibration = CalibrationImages.of(
        [image.path for image in data.splits["train"]], open_artifact(model, device).meta
    )
    files, said = [model], [Converted("fp32", device.runtime)]
    seconds = [0.0]
    for precision in PRECISIONS[1:]:
        began = time.perf_counter()
        files.append(folder / f"{precision}-{device.runtime}.onnx")
        said.append(convert(model, files[-1], precision, device.runtime, calibration))
        seconds.append(time.perf_counter() - began)
    images, protocol = data.splits["val"], read_section(LatencyProtocol, "latency")
    latencies = measure_latencies(files, device, timed_images(images), protocol)
    for file, of, latency, took_s in zip(files, said, latencies, seconds, strict=True):
        assert isinstance(latency, Latency), latency
        yield {
            "runtime": device.runtime,
            "precision": of.precision,
            "map": round(score_file(file, device, images, data.classes, "val").map, 4),
            "p50_ms": round(latency.p50_ms, 3),
            "p95_ms": round(latency.p95_ms, 3),
            "stable": latency.stable,
            "file_kb": round(file.stat().st_size / 1e3),
            "left": of.left,
            "sqnr_db": of.sqnr_db,
            "convert_s": round(took_s, 1),
        }


if __name__ == "__main__":
    main()
