"""Recorded trainings as a table: the finished trials of studies, every epoch's mAP, seconds and measured latency.

The trainings themselves are a search that stops nothing and looks at every epoch:

    automl search conf=retail name=embedded sampler=random pruner=none start=[] seed=1 budget.trials=110 \\
        baseline=none trial.evaluate_every=1 gate.map50_min=null gate.p95_ms_max=null store.folder=STUDIES
    python tests/benchmarks/record.py STUDIES/embedded STUDIES/rbc --to tests/benchmarks/recorded_trainings.csv

Columns: `data` and `seed`, a dimension each (blank where it does not exist for a candidate), `p50_ms` and `p95_ms` of
the trained file, `epoch_s` (median seconds of an epoch, validation included), `overhead_s` (build, export, latency,
score), `map` and `map50` of the exported file, `map_e1` ... of the validator after each epoch.
"""

import argparse
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from search.study.store import load_study

FLOAT = "{:.5g}"


def main() -> None:
    """Read the studies and write one table."""
    options = _options()
    rows = [row for folder in options.studies for row in recorded(folder)]
    names = {name: None for row in rows for name in row}
    with options.to.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(names, key=_place), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="+", type=Path, help="folders of studies")
    parser.add_argument("--to", type=Path, required=True, help="CSV")
    return parser.parse_args()


def recorded(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each finished trial of a study."""
    study = load_study(folder.absolute().parent, folder.name, None)
    table = read_study(study)
    for row in table.finished:
        params = study.trials[row.number].params
        yield {"data": folder.name, "seed": _seed(table), **_cells(params), **_measured(row)}


def _cells(params: dict[str, Any]) -> dict[str, Any]:
    return {name: FLOAT.format(value) if isinstance(value, float) else value for name, value in params.items()}


def _measured(row: TrialRow) -> dict[str, Any]:
    assert row.latency is not None
    assert row.accuracy is not None
    assert row.resources is not None
    ends = [0.0, *(rung.seconds for rung in row.rungs)]
    epochs_s = [(after - before) for before, after in itertools.pairwise(ends)]
    overhead_s = sum(s for stage, s in row.resources.seconds.items() if stage != "train")
    figures = {
        "p50_ms": row.latency.p50_ms,
        "p95_ms": row.latency.p95_ms,
        "epoch_s": median(epochs_s),
        "overhead_s": overhead_s,
        "map": row.accuracy.map,
        "map50": row.accuracy.map50,
        **{f"map_e{rung.epoch}": rung.map for rung in row.rungs},
    }
    return {name: FLOAT.format(value) for name, value in figures.items()}


def _seed(table: StudyTable) -> int:
    return int(table.provenance["seed"])


def _place(name: str) -> tuple[int, int, str]:
    """Return the order of the columns: data, dimensions, figures, the curve by epoch."""
    figures = ["p50_ms", "p95_ms", "epoch_s", "overhead_s", "map", "map50"]
    if name.startswith("map_e"):
        return 3, int(name.removeprefix("map_e")), name
    return (
        (0, 0, name) if name in ("data", "seed") else (2, figures.index(name), "") if name in figures else (1, 0, name)
    )


if __name__ == "__main__":
    main()
