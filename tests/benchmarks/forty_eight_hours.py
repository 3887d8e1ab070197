"""Two days of search in minutes: ten thousand trials of one searching process, by a clock that the trials move on.

    PYTHONPATH=tests python tests/benchmarks/forty_eight_hours.py [--trials 10000] [--last 500]

The trials run in processes of their own, through the real store, claims, checkpoints and messages; their training is
the quick one. Each moves the search's clock on by its share of `budget.hours`, so that beats, spans and the end of the
budget come as they would in two days. Random sampling without a pruner comes first; the last trials are chosen by
`known_latency` and `gain`, in the same study and process: so thousands of trials are there in minutes, and what the
engine takes is measured where it has most to look at. Prints one JSON line: memory and open files of the searching
process by trials, the slope of memory in KB per trial over the random ones but for the first tenth, and what parts of
it hold (in a process of its own, where each is read in turn); milliseconds of choosing a trial, and with it of asking
and storing its values, over the last of each kind; seconds of the report's page; what is left behind. The claims: a
choice in 100 ms, the page in 10 s, nothing left, and memory that grows by what a trial is.
"""

# A trial's process imports this file once more, so what is heavy comes late.
import argparse
import gc
import json
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fault_harness import Arena
    from watched_search import Watch

NOTES = 20  # of memory and files
SETTLED = 0.1  # share of the trials after which memory should follow the trials alone


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=48.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--last", type=int, default=500, help="trials that the engine chooses, at the end")
    options = parser.parse_args()
    from fault_harness import Arena

    with tempfile.TemporaryDirectory() as name:
        arena = Arena(
            Path(name) / "study", options.trials, 2, options.workers, 0.002, (f"budget.hours={options.hours}",)
        )
        os.environ.update(arena.environment)
        told = searched(arena, 3600 * options.hours / options.trials, options.last)
        print(json.dumps({"trials": options.trials, "workers": options.workers, **told}))


def searched(arena: "Arena", trial_s: float, last: int) -> dict[str, Any]:
    """Search to the end of the budget, and return what was seen."""
    from watched_search import Watch

    from search.settings.settings import load_settings

    watch = Watch(trial_s, every=arena.trials // NOTES)
    began, began_s = time.monotonic(), watch.now_s
    by_random = part(arena, watch, last, f"budget.trials={arena.trials - last}")
    slope = slope_kb(watch, arena.trials - last)
    by_engine = part(arena, watch, last, "sampler=known_latency", "pruner=gain")
    folder = load_settings(arena.line[2:]).folder
    return {
        "real_s": round(time.monotonic() - began),
        "hours_by_clock": round((watch.now_s - began_s) / 3600, 2),
        "random": by_random,
        "engine": by_engine,
        "rss_mb": {trials: round(kb / 1024) for trials, kb, _ in watch.notes},
        "rss_slope_kb_per_trial": round(slope, 2),
        "open_files": {trials: files for trials, _, files in watch.notes},
        **left(folder),
        **page(folder),
    }


def part(arena: "Arena", watch: "Watch", last: int, *overrides: str) -> dict[str, Any]:
    """Search as far as the overrides let it; return what the last choices took, and how trials stand."""
    from watched_search import WatchedSearch

    from search.settings.dataset import load_data
    from search.settings.settings import load_settings

    settings = load_settings([*arena.line[2:], *overrides])
    with WatchedSearch(settings, load_data(settings.data), watch) as search:
        search.run()
        standings = dict(search.table().counts)
        search.claims.close()
    choose_ms, next_ms = watch.choose_ms[-last:], watch.next_ms[-last:]
    return {"standings": standings, "choose_ms": spread(choose_ms), "next_ms": spread(next_ms)}


def slope_kb(watch: "Watch", trials: int) -> float:
    """Return by how much memory has grown with each of so many trials, but for the first."""
    import numpy as np

    notes = np.array([(at, kb) for at, kb, _ in watch.notes if at >= SETTLED * trials])
    return float(np.polyfit(notes[:, 0], notes[:, 1], 1)[0])


def spread(values: list[float]) -> dict[str, float]:
    """Return median, 95th percentile and largest."""
    p95 = statistics.quantiles(values, n=20)[-1]
    return {"median": round(statistics.median(values), 1), "p95": round(p95, 1), "max": round(max(values), 1)}


def page(folder: Path) -> dict[str, Any]:
    """Return seconds of the page, and KB per trial of what a search holds, in a process of its own."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(page_and_parts, (folder,))


def page_and_parts(folder: Path) -> dict[str, Any]:
    """Read a study part by part, and write its page."""
    from reports.page.page import write_page
    from reports.table.table import read_study
    from search.engine.observed import observe
    from search.study.store import load_study

    study = load_study(folder.parent, folder.name, None)
    began = time.perf_counter()
    write_page(read_study(study), folder, folder / "report.html")
    page_s = time.perf_counter() - began
    study = load_study(folder.parent, folder.name, None)  # with nothing read yet
    tracemalloc.start()
    kb = {
        "optunas_copy": held_kb(lambda: study.get_trials(deepcopy=False)),
        "as_the_engine_sees_them": held_kb(lambda: observe(study)),
        "rows_of_the_table": held_kb(lambda: read_study(study)),
    }
    count = len(study.get_trials(deepcopy=False))
    return {"kb_per_trial": {part: round(of / count, 2) for part, of in kb.items()}, "page_s": round(page_s, 2)}


def held_kb(work: Callable[[], object]) -> float:
    """Do some work; return what is held more than before, by Python's own count."""
    before = tracemalloc.get_traced_memory()[0]
    work()
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / 1024


def left(folder: Path) -> dict[str, Any]:
    """Return what the search has left behind: files that no trial needs, processes of trials."""
    import psutil

    from reports.table.table import read_study
    from search.study.store import load_study

    table = read_study(load_study(folder.parent, folder.name, None))
    waiting = {f"{row.number:05d}" for row in table.rows if row.paused}  # these keep their checkpoints
    files = [path for path in folder.glob("trials/*/training-*") if path.parent.name not in waiting]
    files += [path for pattern in ("**/*.partial*", ".measure-*") for path in folder.glob(pattern)]
    trials = [trial for server in psutil.Process().children() for trial in server.children()]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"left_files": len(files), "left_processes": len(trials), "folder_mb": round(size / 1e6)}


if __name__ == "__main__":
    main()
