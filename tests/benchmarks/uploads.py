"""What a training loses by the uploads of its checkpoints: real trainings with and without them, in turn.

`taskset -c 0 python tests/benchmarks/uploads.py --pairs 5` trains one small detector on a few images, epoch after epoch
of a second or less, with `store.artifacts` on an S3 server on this machine (which takes its share of the processor) and
without, and prints seconds of training, their ratio, and what was uploaded.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parents[1]))

from fault_harness import write_images
from s3_server import s3_server

from objectives.records.trial_record import trial_records
from search.loop.run import search
from search.settings.settings import load_settings
from search.study.store import load_study


def train(root: Path, name: str, epochs: int, artifacts: str | None) -> tuple[float, float, float]:
    """Train one trial; return its seconds of training and in all, and the megabytes that it lists in the end."""
    line = [
        "conf=smoke",
        f"name={name}",
        f"data.root={root / 'data'}",
        f"store.folder={root}",
        f"store.artifacts={artifacts or 'null'}",
        "store.free_mb_min=10",
        "budget.trials=1",
        f"trial.epochs={epochs}",
        "trial.train_device=cpu",
        "pruner=none",
        "baseline=none",
        "experience=none",
        "space.backbone.name=resnet18.a1_in1k",
        "space.size.pixels=96",
    ]
    settings = load_settings(line)
    search(settings)
    (trial,) = trial_records(load_study(root, name, None))
    assert trial.resources is not None
    megabytes = sum(one.bytes for one in trial.files.values()) / 1e6
    return trial.resources.seconds["train"], sum(trial.resources.seconds.values()), megabytes


def main() -> None:
    """Train in pairs and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, s3_server() as server:
        root = Path(temporary)
        os.environ.update(server.environment())
        write_images(root / "data")
        train(root, "warm", 1, None)
        ratios = list[float]()
        for pair in range(asked.pairs):
            plain, *_ = train(root, f"plain-{pair}", asked.epochs, None)
            kept, _, megabytes = train(root, f"kept-{pair}", asked.epochs, f"s3://{server.bucket}/{pair}")
            ratios.append(kept / plain)
            print(f"{plain:6.2f} s without, {kept:6.2f} s with uploads ({megabytes:.0f} MB listed): {kept / plain:.3f}")
        epoch_s = plain / asked.epochs
        print(f"median ratio {statistics.median(ratios):.3f} over {asked.epochs} epochs of {epoch_s:.2f} s")


if __name__ == "__main__":
    main()
