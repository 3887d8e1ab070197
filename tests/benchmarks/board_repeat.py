"""Whether figures over the line are those of the machine itself: loopback's "board" against here, in pairs.

    python tests/benchmarks/board_repeat.py [--quick] [--detectors small,large,memory] [--repeats 5]

A real SSH server on loopback stands for a board that is this machine, with a home folder of its own. Each detector is
measured over the line and here in turn, `repeats` times each, by the full protocol (`--quick`: the quick one). Prints a
JSON line per detector: p50 of both, the calm times of the reference on both sides, and on one calm time (it is the
scale of a device's figures, measured once on each side) the ratio of each pair (line / here), the ratio of the medians,
and how many pairs differ by more than 3 % without one of them being marked unstable; and the seconds that a figure
took. The claim: within 3 %, or marked.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.training.ultralytics_env import quiet_ultralytics

HERE = Path(__file__).absolute().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # latency_repeat; ssh_server and defaults

if TYPE_CHECKING:
    from objectives.deploy.device import Device
    from objectives.records.records import Latency

TOLERANCE = 0.03


def main() -> None:
    """Measure and print."""
    from latency_repeat import DETECTORS, export, shelf_images
    from ssh_server import ssh_server

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--detectors", default=",".join(DETECTORS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ssh_server(Path(name) / "board"):
        folder = Path(name)
        quiet_ultralytics(folder / "ultralytics")
        images = shelf_images(folder)
        for detector in options.detectors.split(","):
            compare(detector, export(detector, folder), images, options.repeats, quick=options.quick)


def compare(detector: str, path: Path, images: Sequence[Path], repeats: int, *, quick: bool) -> None:
    """Measure one detector in pairs and print a line."""
    from defaults import CPU
    from ssh_server import ALIAS

    board = replace(CPU, name="ssh", host=ALIAS, python=sys.executable)
    pairs: list[tuple[Latency, Latency]] = []
    seconds: dict[str, list[float]] = {"line": [], "here": []}
    for _ in range(repeats):
        found = {}
        for side, device in (("line", board), ("here", CPU)):
            began = time.perf_counter()
            found[side] = measure(path, device, images, quick=quick)
            seconds[side].append(time.perf_counter() - began)
        pairs.append((found["line"], found["here"]))
    print(json.dumps({"detector": detector, **summary(pairs), **means(seconds)}), flush=True)


def measure(path: Path, device: "Device", images: Sequence[Path], *, quick: bool) -> "Latency":
    """Measure one file."""
    from defaults import PROTOCOL

    from objectives.latency.measure import measure_latency

    return measure_latency(path, device, images, PROTOCOL.quick() if quick else PROTOCOL)


def summary(pairs: Sequence[tuple["Latency", "Latency"]]) -> dict[str, Any]:
    """Return what the pairs (line, here) come to."""
    line, here = ([pair[i] for pair in pairs] for i in range(2))
    scale = here[0].calm_ms / line[0].calm_ms
    ratios = [scale * over.p50_ms / local.p50_ms for over, local in pairs]
    silent = [
        ratio
        for ratio, (over, local) in zip(ratios, pairs, strict=True)
        if abs(ratio - 1) > TOLERANCE and over.stable and local.stable
    ]
    medians = statistics.median(one.p50_ms for one in line) / statistics.median(one.p50_ms for one in here)
    return {
        "line_p50_ms": [round(one.p50_ms, 4) for one in line],
        "here_p50_ms": [round(one.p50_ms, 4) for one in here],
        "ratios": [round(ratio, 4) for ratio in ratios],
        "ratio_of_medians": round(scale * medians, 4),
        "off_and_not_marked": len(silent),
        "marked": sum(not one.stable for one in (*line, *here)),
        "calm_ms": [round(line[0].calm_ms, 4), round(here[0].calm_ms, 4)],
    }


def means(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return the mean seconds of a figure on each side."""
    return {f"{side}_s": round(statistics.mean(values), 1) for side, values in seconds.items()}


if __name__ == "__main__":
    main()
