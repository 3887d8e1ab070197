"""How well a latency repeats: ratio against raw milliseconds, as the machine is and beside a busy process.

    python tests/benchmarks/latency_repeat.py [--quick] [--detectors small,large,memory] [--repeats 5]

Each detector is measured `repeats` times by the full protocol; with `--quick` eight times by the quick one, and eight
times more together with the others in one process. Prints a JSON line per detector and condition: p50 and p95 of each
repeat, for ratio and raw their spread (largest over smallest - 1) and their coefficient of variation, how many figures
were marked unstable, and the seconds that a figure took. The claim: p50 within 3 % of each other, or marked unstable.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.training.ultralytics_env import quiet_ultralytics

if TYPE_CHECKING:
    from objectives.records.records import Latency

BUSY = "import numpy as np\na = np.ones((700, 700))\nwhile True: a @ a"
DETECTORS = {  # name: backbone, neck width, pixels
    "small": ("mobilenetv3_small_100", 32, 224),
    "large": ("resnet18", 32, 320),
    "memory": ("resnet50", 64, 96),  # 100 MB of weights for each small image
}
TOLERANCE = 0.03


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=None)
    parser.add_argument("--detectors", default=",".join(DETECTORS))
    options = parser.parse_args()
    repeats = options.repeats or (8 if options.quick else 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet_ultralytics(folder / "ultralytics")
        files = {detector: export(detector, folder) for detector in options.detectors.split(",")}
        images = shelf_images(folder)
        for condition, load in (("as it is", nullcontext), ("beside a busy process", busy_process)):
            with load():
                for detector, path in files.items():
                    report(f"{detector}, {condition}", {detector: path}, images, repeats, quick=options.quick)
                if options.quick:
                    report(f"together, {condition}", files, images, repeats, quick=True)


def export(detector: str, folder: Path) -> Path:
    """Export an untrained detector."""
    from objectives.deploy.artifact import ArtifactMeta
    from objectives.deploy.export_onnx import export_onnx, head_of
    from objectives.network.assembly import assemble
    from spaces.candidate import Candidate

    backbone, width, pixels = DETECTORS[detector]
    choices = {"backbone.name": backbone, "neck.width": width, "neck.depth": 1, "head.kind": "nms"}
    classes = tuple("abcdefghij")
    _, model = assemble(Candidate.of(choices), classes, seed=0)
    return export_onnx(model, ArtifactMeta(pixels, head_of(model), classes), folder / f"{detector}.onnx")


def shelf_images(folder: Path) -> list[Path]:
    """Render a few shelves."""
    from objectives.data.shelves.render import render_shelves

    root = render_shelves(folder / "shelves", seed=1, train=1, val=8, test=1)
    return sorted((root / "images").iterdir())


@contextmanager
def busy_process() -> Iterator[None]:
    """Keep one core busy meanwhile."""
    process = subprocess.Popen([sys.executable, "-c", BUSY], env={"OPENBLAS_NUM_THREADS": "1"})
    time.sleep(1.0)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def report(title: str, files: dict[str, Path], images: list[Path], repeats: int, *, quick: bool) -> None:
    """Measure files together several times, and print a line a file."""
    from objectives.latency.measure import measure_latencies
    from objectives.machine.other_load import Others
    from objectives.records.records import Latency
    from search.settings.settings import load_settings

    settings = load_settings(["conf=retail"])
    protocol = settings.latency.quick() if quick else settings.latency
    began, others = time.perf_counter(), Others()
    rounds = [measure_latencies(list(files.values()), settings.device, images, protocol) for _ in range(repeats)]
    seconds = (time.perf_counter() - began) / repeats / len(files)
    for detector, figures in zip(files, zip(*rounds, strict=True), strict=True):
        whole = [figure for figure in figures if isinstance(figure, Latency)]
        line = {"measured": title, "detector": detector, "others_cores": round(others.cores(), 1)}
        sys.stdout.write(json.dumps(line | described(whole) | {"seconds": round(seconds, 1)}) + "\n")
        sys.stdout.flush()


def described(figures: "Sequence[Latency]") -> dict[str, Any]:
    """Return how the repeats of a file differ."""
    trusted = [figure.p50_ms for figure in figures if figure.stable] or [1.0]
    return {
        "p50_ms": [round(figure.p50_ms, 3) for figure in figures],
        "p50": differ([figure.p50_ms for figure in figures]),
        "raw_p50": differ([figure.raw_p50_ms for figure in figures]),
        "p95": differ([figure.p95_ms for figure in figures]),
        "raw_p95": differ([figure.raw_p95_ms for figure in figures]),
        "unstable": sum(not figure.stable for figure in figures),
        "holds": max(trusted) / min(trusted) - 1 <= TOLERANCE,
        "notes": sorted({figure.note for figure in figures if figure.note}),
        "calm_ms": figures[0].calm_ms,
    }


def differ(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the spread and the coefficient of variation."""
    return {
        "median": round(statistics.median(values), 3),
        "spread": round(max(values) / min(values) - 1, 4),
        "cv": round(statistics.stdev(values) / statistics.mean(values), 4) if len(values) > 1 else 0.0,
    }


if __name__ == "__main__":
    main()
