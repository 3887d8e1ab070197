"""What a published detector's file is worth: one that is trained here on one data set, fine-tuned on another.

    python -m tests.benchmarks.published_start --data ~/bottles --detectors yolo11n,yolo26n --epochs 20 --seeds 3
    python -m tests.benchmarks.published_start --source ~/shelves --data ~/bottles --first-epochs 50

Trains each detector from random weights on the first data set (`--source`, or the embedded one) and writes it as
Ultralytics publishes its own: `yolo11n.pt` with its class names. Then trains it on the second (`--data`) from that
file, as `pretrained.folder` finds it, and from random weights, with the same seeds and epochs. Prints a JSON line for
the first training (mAP on its own validation split), one for each later one (tensors loaded, what was loaded, mAP and
mAP50 on the validation split after the first and the last epoch, seconds), and one with the means.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.export_onnx import meta_of
from objectives.network.assembly import assemble, initialise, save_weights
from objectives.records.even_sample import evenly
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.trainer import Progress, train_phase
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.children import LookedAt
from objectives.trial.plain_process import write_plain_checkpoint
from objectives.weights.shelf import Shelf, WeightsFile
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import DataSettings
from spaces.candidate import Candidate
from spaces.network.backbones import ULTRALYTICS
from spaces.network.published import HUB, NONE, published_for

FIGURES = ("map_first", "map_last", "map50_first", "map50_last")


def main() -> None:
    """Train, fine-tune from both starts, print what came of each, and the means."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        quiet_ultralytics(Path(name) / "ultralytics")
        source, data = _data(given, given.source), _data(given, given.data)
        for detector in given.detectors.split(","):
            folder = Path(name) / detector
            folder.mkdir()
            start = _published(given, detector, source, folder)
            found: dict[str, list[dict[str, Any]]] = {HUB: [], NONE: []}
            for line in _trainings(given, detector, data, start, folder):
                found[line["start"]].append(line)
                print(json.dumps(line), flush=True)
            means = {
                name: {key: round(mean(one[key] for one in lines), 4) for key in FIGURES}
                for name, lines in found.items()
            }
            print(json.dumps({"detector": detector, "mean": means, "seeds": given.seeds, "epochs": given.epochs}))


def _published(given: argparse.Namespace, detector: str, source: Dataset, folder: Path) -> WeightsFile:
    """Train on the first data set, and write what comes of it as Ultralytics publishes its detectors."""
    began, candidate = time.monotonic(), _candidate(given, detector, NONE)
    _, model = assemble(candidate, source.classes, 0)
    plan = TrainingPlan(lay_out(source, folder / "source"), folder / "first", given.first_epochs, 0)
    arguments, last = trainer_arguments(candidate, plan), {given.first_epochs}
    trained = train_phase(model, arguments, Progress(), last, last, lambda rung: False)
    accuracy = LookedAt(source.splits["val"], source.classes, "val").accuracy(
        trained.eval(), meta_of(trained, candidate, source.classes)
    )
    save_weights(folder / "weights.pt", trained, candidate, source.classes)
    weights = folder / "published"
    weights.mkdir()
    if why_not := write_plain_checkpoint(folder / "weights.pt", weights / f"{detector}.pt"):
        raise SystemExit(f"{detector}: no file for Ultralytics: {why_not}")
    found = Shelf.of(str(weights)).find(_weights(candidate))
    assert found is not None
    figures = {"map": round(accuracy.map, 4), "classes": list(source.classes), "images": len(source.splits["train"])}
    spent = round(time.monotonic() - began, 1)
    print(json.dumps({"detector": detector, "epochs": given.first_epochs, **figures, "seconds": spent}), flush=True)
    return found


def _trainings(
    given: argparse.Namespace, detector: str, data: Dataset, start: WeightsFile, folder: Path
) -> Iterator[dict[str, Any]]:
    data_yaml = lay_out(data, folder / "data")
    for seed in range(given.seeds):
        for source in (HUB, NONE):
            began, candidate = time.monotonic(), _candidate(given, detector, source)
            _, model = assemble(candidate, data.classes, seed)
            loaded = initialise(model, candidate, data.classes, start if source == HUB else None)
            plan, looked = TrainingPlan(data_yaml, folder / f"{source}{seed}", given.epochs, seed), {1, given.epochs}
            progress = Progress()
            train_phase(model, trainer_arguments(candidate, plan), progress, looked, looked, lambda rung: False)
            first, last = progress.rungs[0], progress.rungs[-1]
            figures = {
                "map_first": first.map,
                "map_last": last.map,
                "map50_first": first.map50,
                "map50_last": last.map50,
            }
            yield {
                "detector": detector,
                "start": source,
                "seed": seed,
                "tensors": loaded.tensors,
                "loaded": loaded.note,
                **{name: round(value, 4) for name, value in figures.items()},
                "seconds": round(time.monotonic() - began, 1),
            }


def _candidate(given: argparse.Namespace, detector: str, source: str) -> Candidate:
    depth, width, _ = ULTRALYTICS[detector[:-1]].scales[detector[-1]]
    network = {"backbone.name": detector[:-1], "backbone.depth": depth, "backbone.width": width, "neck.kind": "own"}
    steps = {"train.batch": given.batch, "train.nbs": given.batch, "train.lr0": given.lr0}
    return Candidate.of(
        {**network, **steps, "size.pixels": given.pixels, "augment.policy": "light", "train.pretrained": source}
    )


def _weights(candidate: Candidate) -> Any:
    return published_for(candidate)


def _data(given: argparse.Namespace, root: str) -> Dataset:
    """Read a data set; at most so many images of a split, at even distances."""
    data = load_data(replace(read_section(DataSettings, "data"), root=root))
    return replace(data, splits={name: tuple(evenly(images, given.images)) for name, images in data.splits.items()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="embedded", help="folder of the first data set")
    parser.add_argument("--data", required=True, help="folder of the data set that is fine-tuned on")
    parser.add_argument("--detectors", default="yolo11n,yolo26n")
    parser.add_argument("--first-epochs", type=int, default=20, help="of the training on the first data set")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pixels", type=int, default=192)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr0", type=float, default=0.002)
    parser.add_argument("--images", type=int, default=1000, help="of a split, at most")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
