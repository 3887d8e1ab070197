"""What a trial costs over its training: wall time against Ultralytics alone, paired in one run.

    python tests/benchmarks/trial_overhead.py [--epochs 45] [--pairs 1] [--ways as_it_comes]

Both train one native detector with the same arguments on the embedded data set, each in a fresh process. The trial
also exports twice, measures latency twice, scores the exported file and draws a picture. Ultralytics alone runs three
ways: as it comes; with both cores, since the trial uses both; and so without its validation, the bare training.
Prints a JSON line per pair. The claim: at most 1.10 x Ultralytics as it comes, for trainings of two minutes or more.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

CHOICES = {
    "backbone.name": "yolo11",
    "backbone.width": 0.25,
    "backbone.depth": 0.5,
    "neck.width": 32,
    "neck.depth": 1,
    "head.kind": "nms",
    "size.pixels": 224,
    "train.batch": 8,
    "train.nbs": 8,
    "augment.policy": "light",
}
WAYS: dict[str, tuple[str, dict[str, object]]] = {
    "as_it_comes": ("default", {}),
    "both_cores": ("all", {}),
    "both_cores_bare": ("all", {"val": False}),
}
ALONE = """
import sys, yaml
from pathlib import Path
from objectives.training.ultralytics_env import quiet_ultralytics
quiet_ultralytics(Path(sys.argv[2]))
import torch
from ultralytics.models.yolo.detect import DetectionTrainer
trainer = DetectionTrainer(overrides=yaml.safe_load(open(sys.argv[1])))
if sys.argv[3] == "all":
    torch.set_num_threads(torch.get_num_threads() + 1)
trainer.train()
"""


def main() -> None:
    """Time the pairs and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--ways", default=",".join(WAYS), help="which of Ultralytics' ways are run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for pair in range(options.pairs):
            folder = Path(name) / str(pair)
            folder.mkdir()
            trial_s = time_trial(folder, options.epochs)
            arguments = yaml.safe_load((folder / "trial" / "arguments.yaml").read_text())
            line = {"epochs": options.epochs, "trial_s": round(trial_s, 1)}
            for label in options.ways.split(","):
                threads, changes = WAYS[label]
                alone_s = time_alone(folder, label, threads, {**arguments, **changes})
                line |= {f"{label}_s": round(alone_s, 1), f"ratio_{label}": round(trial_s / alone_s, 3)}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def time_trial(folder: Path, epochs: int) -> float:
    """Run a trial in a process of its own, as a search does, and return its wall seconds."""
    from objectives.data.yolo_layout import lay_out
    from objectives.records.gate import Gate
    from objectives.trial.job import SilentListener, TrialJob
    from search.settings.dataset import load_data
    from search.settings.settings import load_settings
    from search.workers.process import ProcessBackend
    from spaces.candidate import Candidate

    settings = load_settings(["conf=retail"])
    dataset = load_data(settings.data)
    job = TrialJob(
        number=0,
        candidate=Candidate.of(CHOICES),
        folder=folder / "trial",
        classes=dataset.classes,
        data_yaml=lay_out(dataset, folder / "data"),
        images=dataset.splits["val"],
        split="val",
        epochs=epochs,
        rungs=3,
        eta=2.0,
        evaluate_every=0,
        seed=1,
        gate=Gate(),
        device=settings.device,
        protocol=settings.latency,
        train_device=settings.trial.train_device,
        workers=settings.trial.workers,
    )
    start = time.perf_counter()
    ending = ProcessBackend(folder / "settings").run(job, SilentListener())
    assert ending is not None
    assert ending.outcome == "finished", ending
    return time.perf_counter() - start


def time_alone(folder: Path, label: str, threads: str, arguments: dict[str, object]) -> float:
    """Train with Ultralytics alone in a fresh process and return its wall seconds."""
    arguments = {**arguments, "model": str(folder / "trial" / "model.yaml"), "project": str(folder), "name": label}
    path = folder / f"{label}.yaml"
    path.write_text(yaml.safe_dump(arguments))
    start = time.perf_counter()
    command = [sys.executable, "-c", ALONE, str(path), str(folder / "settings"), threads]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
