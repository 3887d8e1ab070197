"""How well a latency repeats: each file five times in separate processes, alone and beside a busy process.

    python tests/benchmarks/latency_repeat.py [--repeats 5] [--detectors fast,middle,slow]

Prints a JSON line per file and condition: p50 of each repeat, their spread (largest over smallest - 1), and how many
were marked unstable. The claim: p50 within 3 % of each other, or marked unstable.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from objectives.training.ultralytics_env import quiet_ultralytics

BUSY = "import numpy as np\na = np.ones((700, 700))\nwhile True: a @ a"
DETECTORS = {  # name: backbone, neck width, pixels
    "fast": ("lcnet_050", 16, 160),
    "middle": ("mobilenetv3_large_100", 32, 256),
    "slow": ("resnet18", 32, 320),
}
TOLERANCE = 0.03


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--detectors", default=",".join(DETECTORS))
    options = parser.parse_args()
    repeats = options.repeats
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet_ultralytics(folder / "ultralytics")
        files = {detector: export(detector, folder) for detector in options.detectors.split(",")}
        images = shelf_images(folder)
        for condition, load in (("alone", nullcontext), ("beside a busy process", busy_process)):
            with load():
                for detector, path in files.items():
                    report(detector, condition, path, images, repeats)


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


def report(detector: str, condition: str, path: Path, images: list[Path], repeats: int) -> None:
    """Measure one file several times and print what came out."""
    from objectives.latency.measure import measure_latency
    from search.settings.settings import load_settings

    settings = load_settings(["conf=retail"])
    figures = [measure_latency(path, settings.device, images, settings.latency) for _ in range(repeats)]
    p50 = [figure.p50_ms for figure in figures]
    spread = max(p50) / min(p50) - 1
    unstable = sum(not figure.stable for figure in figures)
    trusted = [figure.p50_ms for figure in figures if figure.stable] or [1.0]
    line = {
        "detector": detector,
        "condition": condition,
        "p50_ms": [round(value, 3) for value in p50],
        "p95_ms": [round(figure.p95_ms, 3) for figure in figures],
        "spread": round(spread, 4),
        "unstable": unstable,
        "spread_of_stable": round(max(trusted) / min(trusted) - 1, 4),
        "holds": max(trusted) / min(trusted) - 1 <= TOLERANCE,
        "notes": sorted({figure.note for figure in figures if figure.note}),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
