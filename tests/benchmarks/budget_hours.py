"""Whether a search ends when its hours are used: wall time of the search against `budget.hours`, at small budgets.

    PYTHONPATH=tests python tests/benchmarks/budget_hours.py [--hours 0.02,0.05,0.1] [--workers 1,2]

Searches by the installed script, with trials that train for as long as `--epoch-s` says and are real otherwise: their
processes, store, rungs and checkpoints are a search's own. The wall time is that between the events `search_started`
and `search_ended`: without the interpreter's start, which no setting could shorten, and without the report behind it.
Prints a JSON line per search. The claim: within 5 % of the budget.
"""

import argparse
import json
import tempfile
from datetime import datetime
from pathlib import Path

from fault_harness import Arena

ENOUGH = 100_000  # trials: the hours must end the search


def main() -> None:
    """Search once per budget and number of workers, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=lambda text: [float(part) for part in text.split(",")], default="0.02,0.05,0.1")
    parser.add_argument("--workers", type=lambda text: [int(part) for part in text.split(",")], default="1,2")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--epoch-s", type=float, default=0.5)
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--pruner", default="none")
    options = parser.parse_args()
    overrides = (f"sampler={options.sampler}", f"pruner={options.pruner}", "--log-format", "json")
    with tempfile.TemporaryDirectory() as name:
        for hours in options.hours:
            for workers in options.workers:
                root = Path(name) / f"{hours}-{workers}"
                more = (f"budget.hours={hours}", *overrides)
                arena = Arena(root, ENOUGH, options.epochs, workers, options.epoch_s, more)
                arena.start()
                assert arena.searcher is not None
                assert arena.searcher.wait() == 0
                told = line(arena, hours) | {"sampler": options.sampler, "pruner": options.pruner}
                print(json.dumps(told), flush=True)


def line(arena: Arena, hours: float) -> dict[str, float | int]:
    """Return what is told of one search."""
    output = (arena.root / "output.txt").read_text()
    events = [json.loads(text) for text in output.splitlines() if text.startswith("{")]
    began, ended = (next(e for e in events if e["event"] == f"search_{word}") for word in ("started", "ended"))
    wall_s = (datetime.fromisoformat(ended["time"]) - datetime.fromisoformat(began["time"])).total_seconds()
    return {
        "hours": hours,
        "workers": arena.workers,
        "budget_s": 3600 * hours,
        "wall_s": round(wall_s, 1),
        "off_percent": round(100 * (wall_s / (3600 * hours) - 1), 1),
        "seconds_used": round(ended["seconds_used"], 1),
        "trials": len(arena.stored()),
        "trials_finished": ended["standings"].get("finished", 0),
    }


if __name__ == "__main__":
    main()
