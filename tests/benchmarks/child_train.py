"""A detector of an elastic training, trained on from its own weights or anew: which is better after as many epochs?

    taskset -c 0 python -m tests.benchmarks.child_train --parent-epochs 20 --epochs 8

Trains one elastic parent on the embedded shelves, then its whole network and a child cut from it, each as one detector:
from its own weights, from these at a lower learning rate, and from new ones. Prints a JSON line each: mAP on the
validation split before and after, seconds. `automl train` does what came out best: see the decisions in
docs/architecture.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.export_onnx import meta_of
from objectives.network.assembly import assemble
from objectives.network.slim import Slimmer, built_slim
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.elastic import RECIPE, ElasticTraining
from objectives.training.trainer import Progress, train_phase
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.children import Children, LookedAt
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import DataSettings
from spaces.candidate import Candidate
from spaces.network.family import Family, slim_ratios

RATIOS, SIZES = (0.0, 0.3, 0.5), (192, 160, 128)
LOWER = 0.25  # share of the learning rate, where it is lowered


@dataclass(frozen=True)
class Bench:
    """What all trainings share."""

    given: argparse.Namespace
    data: Dataset
    folder: Path

    def train(self, model: nn.Module, candidate: Candidate, epochs: int, elastic: Any = None) -> nn.Module:
        """Train a network for so many epochs."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        plan = TrainingPlan(lay_out(self.data, self.folder / "data"), folder / "training", epochs, self.given.seed)
        last = {epochs}
        arguments = trainer_arguments(candidate, plan)
        return train_phase(model, arguments, Progress(), last, last, lambda rung: False, elastic=elastic)

    def map(self, model: nn.Module, candidate: Candidate) -> float:
        """Return the mAP of a network on the validation split."""
        looked = LookedAt(self.data.splits["val"], self.data.classes, "val")
        return looked.accuracy(model.eval(), meta_of(model, candidate, self.data.classes)).map


def main() -> None:
    """Train all, print what came of each."""
    given = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        quiet_ultralytics(Path(folder) / "ultralytics")
        for line in _run(Bench(given, load_data(read_section(DataSettings, "data")), Path(folder))):
            print(json.dumps(line), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mobilenetv3_small_100")
    parser.add_argument("--parent-epochs", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--ratio", type=float, default=0.3)
    parser.add_argument("--pixels", type=int, default=160)
    parser.add_argument("--lr0", type=float, default=0.003)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def _run(bench: Bench) -> Iterator[Mapping[str, Any]]:
    given = bench.given
    values = {"backbone.name": given.backbone, "neck.width": 32, "neck.depth": 1, "head.kind": "nms"}
    values |= {"size.pixels": SIZES[0], "train.batch": 4, "train.nbs": 4, "train.lr0": given.lr0}
    candidate = Candidate.of({**values, "augment.policy": "none"})
    _, model = assemble(candidate, bench.data.classes, given.seed)
    slimmer = Slimmer(model, RATIOS[1:], ranked=False)
    family = Family({**{f"slim.{part}": RATIOS for part in slimmer.parts}, "size.pixels": SIZES})
    began = time.perf_counter()
    network = bench.train(model, candidate, given.parent_epochs, ElasticTraining(family, slimmer, RECIPE))
    yield {**vars(given), "parent_s": round(time.perf_counter() - began, 1)}
    makes = Children(network, slimmer, [image.path for image in bench.data.splits["train"]])
    cut = {f"slim.{part}": given.ratio for part in slimmer.parts}
    for name, choices in (
        ("child", {"size.pixels": given.pixels, **cut}),
        ("whole", {"size.pixels": SIZES[0], **dict.fromkeys(cut, 0.0)}),
    ):
        one = Candidate.of({**candidate, **choices})
        yield from _trainings(bench, name, one, makes.make(choices))


def _trainings(bench: Bench, name: str, candidate: Candidate, own: nn.Module) -> Iterator[Mapping[str, Any]]:
    lower = Candidate.of({**candidate, "train.lr0": LOWER * bench.given.lr0})
    _, model = assemble(candidate, bench.data.classes, bench.given.seed)
    fresh = built_slim(model, slim_ratios(candidate), ranked=False)
    before = round(bench.map(deepcopy(own), candidate), 4)
    starts = (("own", own, candidate), ("own, lower lr0", own, lower), ("fresh", fresh, candidate))
    for start, network, choices in starts:
        began = time.perf_counter()
        trained = bench.train(deepcopy(network).train(), choices, bench.given.epochs)
        seconds, after = round(time.perf_counter() - began, 1), round(bench.map(trained, candidate), 4)
        shown = None if start == "fresh" else before
        yield {"detector": name, "from": start, "before": shown, "after": after, "s": seconds}


if __name__ == "__main__":
    main()
