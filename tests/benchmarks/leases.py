"""What leases cost on a real PostgreSQL: `python tests/benchmarks/leases.py [--processes 8]`.

Medians of one process alone, in milliseconds: a claim and its end, a turn of choosing, an attribute of a trial by the
fenced storage and by Optuna's plain one (and their ratio). Then so many processes that take turns as fast as they can,
each turn of some milliseconds: how long they wait, and how fairly the turns go round. The server's commits are not
forced to disk here (`fsync=off`), which is so for both storages.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import optuna

sys.path.insert(0, str(Path(__file__).absolute().parents[1]))

from typing import Any

from postgres_server import postgres_server  # found by the line above

from search.study.claims.open import open_claims
from search.study.store import open_storage

REPEATS = 300
TURN_S = 0.005  # of the work within a turn
SECONDS = 10.0


def medians_ms(*works: Callable[[int], object]) -> list[float]:
    """Return the median time of each kind of work; they are done in turn, under the same load of the machine."""
    found: list[list[float]] = [[] for _ in works]
    for count in range(REPEATS):
        for work, times_ms in zip(works, found, strict=True):
            began = time.perf_counter()
            work(count)
            times_ms.append(1000 * (time.perf_counter() - began))
    return [statistics.median(times_ms) for times_ms in found]


def alone(folder: Path, url: str) -> None:
    """Print what one process pays."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    claims = open_claims(folder, url)
    fenced = open_storage(url, claims=claims)
    plain = optuna.storages.RDBStorage(url)

    def turn(_: int) -> None:
        with claims.alone():
            pass

    def claim(count: int) -> None:
        claims.take(count)
        claims.free(count)

    with claims.alone():
        study = optuna.create_study(study_name=folder.name, storage=fenced, directions=["maximize", "minimize"])
        claims.hold(study.ask().number)
    trial = study.get_trials()[0]._trial_id
    plain_ms, fenced_ms = medians_ms(
        lambda count: plain.set_trial_user_attr(trial, "automl.rungs", [count] * 40),
        lambda count: fenced.set_trial_user_attr(trial, "automl.rungs", [count] * 40),
    )
    claims.free(0)
    claim_ms, turn_ms = medians_ms(claim, turn)
    print(f"claim and end    {claim_ms:6.2f} ms")
    print(f"turn of choosing {turn_ms:6.2f} ms")
    print(f"attribute        {plain_ms:6.2f} ms plain, {fenced_ms:.2f} ms fenced: {fenced_ms / plain_ms:.2f} times")
    plain.engine.dispose()
    claims.close()


def turns(folder: Path, url: str, begin: "multiprocessing.synchronize.Event", found: Any) -> None:
    """Take turns as fast as it goes, and put the waits, in seconds."""
    claims, waits = open_claims(folder, url), []
    begin.wait()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        began = time.monotonic()
        with claims.alone():
            waits.append(time.monotonic() - began)
            time.sleep(TURN_S)
    claims.close()
    found.put(waits)


def together(folder: Path, url: str, processes: int) -> None:
    """Print how several processes wait."""
    context = multiprocessing.get_context("spawn")
    begin, found = context.Event(), context.Queue()
    workers = [context.Process(target=turns, args=(folder, url, begin, found)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    time.sleep(2 + 0.5 * processes)  # until all have imported what they need
    begin.set()
    each = [found.get() for _ in workers]
    for worker in workers:
        worker.join()
    waits, counts = sorted(wait for waits in each for wait in waits), [len(waits) for waits in each]
    print(
        f"{processes} processes, turns of {1000 * TURN_S:.0f} ms: {sum(counts) / SECONDS:.0f} a second, waits of "
        f"{1000 * statistics.median(waits):.0f} ms at the median and {1000 * waits[-1]:.0f} ms at most, each process "
        f"{min(counts)} to {max(counts)} turns"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    with postgres_server() as server, tempfile.TemporaryDirectory() as root:
        alone(Path(root), server.url(server.new_database()))
        together(Path(root), server.url(server.new_database()), parser.parse_args().processes)
