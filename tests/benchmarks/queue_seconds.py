"""What the queue adds to a measurement: seconds by order to another process, against those of the measurement there.

    python tests/benchmarks/queue_seconds.py [REPEATS]

A study is made, in SQLite and in a PostgreSQL of its own; `automl measure` serves it from another process. A small file
is ordered REPEATS times (20 by default), each measured anew; what that process says of its own seconds is subtracted.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    from postgres_server import postgres_server

    repeats = int([*sys.argv[1:], "20"][0])
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        for name, url in (("sqlite", None), ("postgresql", server.url(server.new_database()))):
            added = _added_s(Path(folder) / name, url, repeats)
            low, high = min(added), max(added)
            print(f"{name}: {statistics.median(added):.2f} s added by the queue ({low:.2f} to {high:.2f})")


def _added_s(folder: Path, url: str | None, repeats: int) -> list[float]:
    import cv2
    import numpy as np
    from defaults import CPU, protocol_of
    from quick_search import settings_of, wait_until
    from small_data import CARD, yolo
    from window_detector import POOR, write_windows

    from objectives.latency.hosts.open import describe
    from objectives.latency.hosts.queue import InQueue
    from objectives.machine.device_locks import Patience
    from search.settings.dataset import load_data
    from search.study.claims.open import open_claims
    from search.study.measuring.asking import Asker
    from search.study.measuring.claimed import Whereabouts
    from search.study.measuring.orders import Orders
    from search.study.measuring.parcels import Parcels, SharedFolder
    from search.study.sessions import Session
    from search.study.store import create_study, open_storage, storage_url

    folder.mkdir()
    labels = {f"{split}/{i}": "0 0.5 0.5 0.4 0.4" for split in ("train", "val") for i in range(4)}
    data, store = yolo(folder / "data", labels, CARD), [f"store.url={url}"] if url else []
    settings = settings_of(folder / "runs", f"data.root={data}", "data.check=off", *store)
    settings.folder.mkdir(parents=True)
    image, model = folder / "image.png", write_windows(folder / "model.onnx", POOR)
    cv2.imwrite(str(image), np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    protocol = protocol_of(processes=1, processes_max=1, interval=9.0, images_min=10, cap_s=1, warmup_s=0.05)
    with ExitStack() as stack:
        claims = open_claims(settings.folder, url)
        stack.callback(claims.close)
        storage: Any = open_storage(storage_url(settings.folder, url), claims=claims)
        stack.callback(storage.engine.dispose)
        study = claims.in_turn(lambda: create_study(settings, load_data(settings.data), storage))
        with claims.alone():
            key = Session(study, claims).key
        where, described = Whereabouts(settings.name, settings.folder, url), {"cpu": describe(CPU)}
        parcels = Parcels(SharedFolder(settings.folder), "queue")
        asker = stack.enter_context(Asker(Orders(study), parcels, claims, key, ["cpu"], described, 60.0, where))
        log = folder / "log.txt"
        out = stack.enter_context(log.open("wb"))
        line = [
            str(Path(sys.executable).with_name("automl")),
            "measure",
            settings.name,
            "--folder",
            str(folder / "runs"),
        ]
        process = subprocess.Popen([*line, *(["--store", url] if url else [])], stdout=out, stderr=out)
        stack.callback(process.wait)
        stack.callback(process.kill)
        wait_until(lambda: b"Ctrl-C ends" in log.read_bytes())
        host, whole_s = InQueue(CPU, described["cpu"], asker.ask), list[float]()
        for _ in range(repeats + 1):
            began = time.monotonic()
            host.figures([model], [image], protocol, Patience(), again=True)
            whole_s.append(time.monotonic() - began)
        measured_s = wait_until(lambda: _seconds(log.read_text(), repeats + 1))
    return [whole - own for whole, own in zip(whole_s, measured_s, strict=True)][1:]  # the first has its images sent


def _seconds(text: str, count: int) -> list[float]:
    """Return what the measuring process says that each order took; none until it has said so of all."""
    found = [float(seconds) for seconds in re.findall(r"\[(\d+\.\d+) s\]", text)]
    return found if len(found) == count else []


if __name__ == "__main__":
    main()
