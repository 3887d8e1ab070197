"""What a kept latency costs against a measured one: seconds by the quick and the full protocol, and of a hit.

    python tests/benchmarks/book.py [REPEATS]

An untrained detector is exported, measured by both protocols with a cache folder of its own, and asked for again
REPEATS times (50 by default).
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np


def main() -> None:
    repeats = int([*sys.argv[1:], "50"][0])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        _run(Path(folder), repeats)


def _run(folder: Path, repeats: int) -> None:
    from objectives.deploy.device import Device
    from objectives.deploy.export_onnx import export_onnx, meta_of
    from objectives.latency.once import latency_once
    from objectives.latency.protocol import LatencyProtocol
    from objectives.network.assembly import assemble
    from search.settings.sections import read_section
    from spaces.candidate import Candidate

    choices = {"backbone.name": "mobilenetv3_small_100", "neck.width": 32, "neck.depth": 1, "head.kind": "nms"}
    candidate = Candidate.of({**choices, "size.pixels": 160})
    _, model = assemble(candidate, ("can", "jar"), 42)
    path = export_onnx(model, meta_of(model, candidate, ("can", "jar")), folder / "model.onnx")
    rng, images = np.random.default_rng(1), []
    for i in range(16):
        images.append(folder / f"{i}.png")
        cv2.imwrite(str(images[-1]), rng.integers(0, 256, (480, 640, 3), dtype=np.uint8))
    device, protocol = read_section(Device, "device", {"name": "cpu"}), read_section(LatencyProtocol, "latency")
    for name, chosen in (("quick", protocol.quick()), ("full", protocol)):
        measured = _seconds(lambda chosen=chosen: latency_once(path, device, images, chosen, again=True))  # type: ignore[misc]  # bound now
        print(f"{name}: measured in {measured:.2f} s, the first with the calm time of the reference")
    if not latency_once(path, device, images, protocol).kept:
        print("the full figure was unstable, and so not kept: hits below are of the quick one, if that was")
        protocol = protocol.quick()
    hits = [_seconds(lambda: latency_once(path, device, images, protocol)) for _ in range(repeats)]
    print(f"hit: median {1e3 * statistics.median(hits):.1f} ms of {repeats}, at most {1e3 * max(hits):.1f} ms")


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
