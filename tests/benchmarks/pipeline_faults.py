"""Kill -9 at random moments of a pipeline's rounds: `python tests/benchmarks/pipeline_faults.py --kills 50 --seed 0`.

Prints after which fact the kills came, how many looks it took, and that nothing was lost, done twice or half there:
the checks are those of `tests/killed_pipeline.py`, made after every kill and in the end. Two rounds have about seven
kills to take; with more, further pipelines are lived through.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).absolute().parents[1]))
import conftest  # noqa: F401  # folders of the test run's own
from killed_pipeline import KilledPipeline

KILLS_EACH = 10


def main() -> None:
    """Kill, check, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    kills: Counter[str] = Counter()
    looks, lived, began = 0, 0, time.monotonic()
    while kills.total() < asked.kills:
        with tempfile.TemporaryDirectory(prefix="automl-killed-") as folder:
            pipeline = KilledPipeline(Path(folder), asked.seed + lived)
            pipeline.run(min(KILLS_EACH, asked.kills - kills.total()))
        kills, looks, lived = kills + pipeline.kills, looks + pipeline.looks, lived + 1
        print(f"{kills.total()} kills, {lived} pipelines, {time.monotonic() - began:.0f} s", flush=True)
    print("| last fact before the kill | kills |\n|---|---|")
    for kind, count in kills.most_common():
        print(f"| {kind} | {count} |")
    print(f"all checks kept: {lived} pipelines of 2 rounds, {looks} looks that ended, {kills.total()} kills")


if __name__ == "__main__":
    main()
