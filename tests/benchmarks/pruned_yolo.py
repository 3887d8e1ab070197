"""What pruning does to YOLO11n and YOLO26n: multiply-adds, parameters, latency, and mAP after the same epochs as uncut.

    taskset -c 0 python -m tests.benchmarks.pruned_yolo --epochs 40 --seeds 2 --images 96

Whole networks of Ultralytics' own files. Each is cut by the product's own code after half of the epochs, as a candidate
with `prune.at=0.5` is; the rest fine-tunes. Prints a JSON line for each network and ratio (0: uncut) before training,
with its latency by the quick protocol, all files timed in turn in one process; one for each training, with mAP and
mAP50 on the validation split; and one for each network and ratio with the means over the seeds. With `--start` the
trainings begin from a checkpoint (a `weights.pt`, or an Ultralytics `.pt`) instead of random weights.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from ultralytics.nn.tasks import yaml_model_load

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.device import Device
from objectives.deploy.export_onnx import export_onnx, meta_of
from objectives.latency.measure import measure_latencies
from objectives.latency.protocol import LatencyProtocol
from objectives.network.pruning import prune_detector
from objectives.records.even_sample import evenly
from objectives.records.records import Latency
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.trainer import Progress, train_phase
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.children import LookedAt
from objectives.trial.job import timed_images
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import DataSettings
from spaces.candidate import Candidate
from spaces.network.detector import build_detector, count_multiply_adds, count_parameters
from spaces.network.pretrained import load_pretrained

NETWORKS, RATIOS = ("yolo11n", "yolo26n"), (0.0, 0.2, 0.4)


@dataclass(frozen=True)
class Bench:
    """What all networks share."""

    given: argparse.Namespace
    data: Dataset
    folder: Path

    def candidate(self) -> Candidate:
        """Return the choices of training, size and deployment."""
        train = {"train.batch": 8, "train.nbs": 8, "train.lr0": self.given.lr0, "augment.policy": "light"}
        return Candidate.of({"size.pixels": self.given.pixels, "head.kind": "nms", **train})

    def build(self, name: str, seed: int) -> Any:
        """Return a whole network of Ultralytics' file, with random weights or those of the checkpoint."""
        description = {**yaml_model_load(f"{name}.yaml"), "nc": len(self.data.classes)}
        model = build_detector(description, seed)
        if self.given.start:
            load_pretrained(model, name.rstrip("nsm"), self.given.start)
        return model

    def cut(self, model: Any, ratio: float) -> Any:
        """Cut a network, unless it stays whole; return the network."""
        if ratio:
            prune_detector(model, ratio, self.given.importance)
        return model

    def costs(self) -> Iterator[dict[str, Any]]:
        """Yield what each network costs, all timed together."""
        lines, files = [], []
        for name, ratio in _all(self.given):
            model = self.cut(self.build(name, 0), ratio)
            figures = {"multiply_adds": count_multiply_adds(model, self.given.pixels)}
            lines.append({"network": name, "ratio": ratio, **figures, "parameters": count_parameters(model)})
            meta = meta_of(model, self.candidate(), self.data.classes)
            files.append(export_onnx(model, meta, self.folder / f"{name}-{ratio:g}.onnx"))
        device, protocol = read_section(Device, "device", {"name": "cpu"}), read_section(LatencyProtocol, "latency")
        found = measure_latencies(files, device, timed_images(self.data.splits["val"]), protocol.quick())
        for line, latency in zip(lines, found, strict=True):
            assert isinstance(latency, Latency), latency
            yield {**line, "p50_ms": round(latency.p50_ms, 2), "p95_ms": round(latency.p95_ms, 2)}

    def train(self, name: str, ratio: float, seed: int) -> dict[str, Any]:
        """Train one network, cut halfway, and return its accuracy."""
        began, epochs, progress = time.monotonic(), self.given.epochs, Progress()
        data_yaml = lay_out(self.data, self.folder / "data")
        model = self.build(name, seed)
        phases = [epochs // 2, epochs - epochs // 2] if ratio else [epochs]
        for i, count in enumerate(phases):
            if i:
                self.cut(model, ratio)
            plan = TrainingPlan(data_yaml, self.folder / f"{name}-{ratio:g}-{seed}-{i}", epochs, seed)
            arguments = trainer_arguments(self.candidate(), plan, count)
            model = train_phase(model, arguments, progress, {epochs}, {epochs}, lambda rung: False)
        looked = LookedAt(self.data.splits["val"], self.data.classes, "val")
        found = looked.accuracy(model.eval(), meta_of(model, self.candidate(), self.data.classes))
        accuracy = {"map": round(found.map, 4), "map50": round(found.map50, 4)}
        return {
            "network": name,
            "ratio": ratio,
            "seed": seed,
            **accuracy,
            "seconds": round(time.monotonic() - began, 1),
        }


def main() -> None:
    """Measure all, train all, print what came of each, and the means."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        quiet_ultralytics(Path(name) / "ultralytics")
        bench = Bench(given, _data(given), Path(name))
        for line in bench.costs():
            print(json.dumps(line), flush=True)
        trained: dict[tuple[str, float], list[dict[str, Any]]] = {}
        for seed in range(given.seeds):
            for network, ratio in _all(given):
                line = bench.train(network, ratio, seed)
                trained.setdefault((network, ratio), []).append(line)
                print(json.dumps(line), flush=True)
    images = len(bench.data.splits["train"])
    for (network, ratio), lines in trained.items():
        means = {key: round(mean(line[key] for line in lines), 4) for key in ("map", "map50")}
        shared = {"seeds": given.seeds, "epochs": given.epochs, "images": images}
        print(json.dumps({"mean": {"network": network, "ratio": ratio, **means}, **shared}), flush=True)


def _all(given: argparse.Namespace) -> list[tuple[str, float]]:
    return [(name, ratio) for name in given.networks.split(",") for ratio in RATIOS]


def _data(given: argparse.Namespace) -> Dataset:
    """Read the data set; at most so many images of a split, at even distances."""
    data = load_data(replace(read_section(DataSettings, "data"), root=given.data))
    return replace(data, splits={name: tuple(evenly(images, given.images)) for name, images in data.splits.items()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="embedded", help="data.root of a data set")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names of Ultralytics' files, with their scale")
    parser.add_argument("--start", default="", help="a checkpoint to begin from")
    parser.add_argument("--importance", default="l2", help="how channels are ranked")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--lr0", type=float, default=0.003)
    parser.add_argument("--pixels", type=int, default=160)
    parser.add_argument("--images", type=int, default=10_000, help="of a split, at most")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
