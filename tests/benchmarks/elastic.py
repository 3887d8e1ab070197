"""Elastic trainings against trainings of one detector each: do children reach what their twins reach?

    python -m tests.benchmarks.elastic --backbone mobilenetv3_small_100 --epochs 40
    python -m tests.benchmarks.elastic ... --child 0.3,192      # the twin of one child, trained alone

Prints a JSON line a child: ratio of channels left out (of all parts alike), size in pixels, mAP, seconds; the parent's
training seconds are in the first line. `--data` takes a folder instead of the embedded shelves.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.export_onnx import meta_of
from objectives.network.assembly import assemble, initialise
from objectives.network.slim import Slimmer
from objectives.training.arguments import TrainingPlan, trainer_arguments
from objectives.training.elastic import RECIPE, ElasticTraining, Recipe
from objectives.training.trainer import Progress, train_phase
from objectives.training.ultralytics_env import quiet_ultralytics
from objectives.trial.children import Children, LookedAt
from search.settings.dataset import load_data
from search.settings.sections import read_section
from search.settings.settings import DataSettings
from spaces.candidate import Candidate
from spaces.network.family import PARTS, SLIM_BLOCKS, Family

RATIOS = (0.0, 0.15, 0.3, 0.5)
SIZES = (128, 160, 192, 224, 256)
RECIPES = {
    "chosen": RECIPE,
    "random-40": Recipe(whole=0.4, own=0.0, taught=0.0),
    "random-65": Recipe(whole=0.65, own=0.0, taught=0.0),
    "plain-65": Recipe(whole=0.65, own=0.0, mixed=0.0, taught=0.0),
    "turns-40": Recipe(whole=0.4, own=0.0, in_turn=True, taught=0.0),
    "taught-65": Recipe(whole=0.65, own=0.0),
    "taught-plain-65": Recipe(whole=0.65, own=0.0, mixed=0.0),
    "taught-quarter-65": Recipe(whole=0.65, own=0.0, mixed=0.25),
    "taught-80": Recipe(whole=0.8, own=0.0, mixed=0.25),
    "taught-turns-50": Recipe(whole=0.5, own=0.0, in_turn=True),
    "own-30": Recipe(whole=0.65, own=0.3),
}


def main() -> None:
    """Train one parent or one twin, and score."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        quiet_ultralytics(Path(folder) / "ultralytics")
        for line in _run(given, Path(folder)):
            print(json.dumps(line), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mobilenetv3_small_100")
    parser.add_argument("--neck", type=int, default=32)
    parser.add_argument("--head", default="nms")
    parser.add_argument("--data", default="")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr0", type=float, default=0.003)
    parser.add_argument("--recipe", default="chosen", choices=sorted(RECIPES))
    parser.add_argument("--child", default="", help="RATIO,SIZE: train this one alone")
    parser.add_argument("--blocks", type=int, default=0, help="residual blocks a stage that children may lack")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _run(given: argparse.Namespace, folder: Path):
    data = read_dataset(Path(given.data)) if given.data else load_data(read_section(DataSettings, "data"))
    size = int(given.child.split(",")[1]) if given.child else SIZES[-1]
    values = {"backbone.name": given.backbone, "neck.width": given.neck, "neck.depth": 1, "head.kind": given.head}
    values |= {"size.pixels": size, "train.batch": given.batch, "train.nbs": given.batch, "train.lr0": given.lr0}
    if given.backbone.startswith("yolo"):
        values |= {"backbone.width": 0.25, "backbone.depth": 0.5}
    candidate = Candidate.of({**values, "augment.policy": "none"})
    _, model = assemble(candidate, data.classes, given.seed)
    initialise(model, candidate, data.classes)
    slimmer = Slimmer(model, RATIOS[1:], ranked=False)
    elastic, children = None, [(ratio, size) for ratio in RATIOS for size in reversed(SIZES)]
    if given.child:
        ratio = float(given.child.split(",")[0])
        slimmer.cut(model, dict.fromkeys(PARTS, ratio))
        children = [(0.0, size)]
    else:
        axes = {f"slim.{part}": RATIOS for part in slimmer.parts}
        axes |= {SLIM_BLOCKS: tuple(range(given.blocks + 1))} if given.blocks else {}
        family = Family({**axes, "size.pixels": tuple(reversed(SIZES))})
        elastic = ElasticTraining(family, slimmer, RECIPES[given.recipe])
    plan = TrainingPlan(lay_out(data, folder / "data"), folder / "training", given.epochs, given.seed)
    began, last = time.perf_counter(), {given.epochs}
    rungs: list[float] = []
    network = train_phase(
        model,
        trainer_arguments(candidate, plan),
        Progress(),
        last,
        last,
        lambda rung: bool(rungs.append(rung.map)),
        elastic=elastic,
    )
    yield {**vars(given), "train_s": round(time.perf_counter() - began, 1), "rung": round(rungs[-1], 4)}
    makes = Children(network, slimmer, size, [image.path for image in data.splits["train"]])
    looked = LookedAt(data.splits["val"], data.classes, "val")
    for ratio, pixels, without in [(*child, blocks) for blocks in range(given.blocks + 1) for child in children]:
        began = time.perf_counter()
        choices = {"size.pixels": pixels, **{f"slim.{part}": ratio for part in PARTS if not given.child}}
        choices |= {SLIM_BLOCKS: without} if without else {}
        child = makes.make(choices)
        accuracy = looked.accuracy(child, meta_of(child, Candidate.of({**candidate, **choices}), data.classes))
        shown = float(given.child.split(",")[0]) if given.child else ratio
        took_s = time.perf_counter() - began
        yield {"ratio": shown, "size": pixels, "blocks": without, "map": round(accuracy.map, 4), "s": round(took_s, 2)}


if __name__ == "__main__":
    main()
