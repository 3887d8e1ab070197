"""What a training loses by the uploads of its checkpoints: real trainings with and without them, in turn.

`PYTHONPATH=. python tests/benchmarks/uploads.py --pairs 5` trains one small detector on a few images, epoch after epoch
of a second or less, with `store.artifacts` on an S3 server on this machine and without, and prints seconds of training,
their ratio, and what was uploaded; before that, what one upload takes of the processor. The search has the last core,
the server the others, as another machine would.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parents[1]))

from fault_harness import write_images
from kept_study import CHECKPOINT, KeptStudy
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


def processor_s(root: Path, url: str, megabytes: int) -> tuple[float, float]:
    """Return the processor's and the wall's seconds that this process spends on the upload of one checkpoint."""
    root.mkdir()
    kept = KeptStudy(root, url)
    number = kept.begin()
    with kept.machine("one") as machine:
        path = machine.trial(number).folder / CHECKPOINT
        path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(megabytes * 10**6))
        processor, wall = time.process_time(), time.monotonic()
        machine.files.flush(number)
        return time.process_time() - processor, time.monotonic() - wall


def main() -> None:
    """Train in pairs and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, s3_server() as server:
        root = Path(temporary)
        os.environ.update(server.environment())
        *others, own = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(server.process.pid, others or [own])
        os.sched_setaffinity(0, [own])
        write_images(root / "data")
        for name, url in (("S3", f"s3://{server.bucket}/one"), ("a folder", (root / "kept").as_uri())):
            of_processor, of_wall = processor_s(root / name, url, 184)
            print(f"an upload of 184 MB to {name}: {of_processor:.2f} s of the processor, {of_wall:.2f} s")
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
