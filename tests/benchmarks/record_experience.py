"""Recorded trainings for the table that ships with the product: ended studies, and tables of `record.py`, as rows.

    python tests/benchmarks/record_experience.py tests/benchmarks/recorded_embedded.csv \\
        tests/benchmarks/recorded_rbc.csv STUDIES/bottles --to conf/recorded/trainings.csv

A study's folder gives its finished trials with every choice, fixed ones included; a CSV of `record.py` what stands in
it: its `data` column names the studies, and the epochs are those of its curves. The table is written anew: name all
that it is to hold. Data sets themselves stay where they are.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from search.engine.models.experience.recorded import Training, value_of, write_trainings
from search.study.experience.own import trainings_of
from search.study.store import load_study
from spaces.errors import AutomlError

CURVE = "map_e"  # and the epoch, from 1
FIGURES = ("data", "seed", "p50_ms", "p95_ms", "epoch_s", "overhead_s", "map", "map50")  # columns that are no dimension


def main() -> None:
    """Write the table; exit with 2 on a user's mistake."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path, help="folders of studies, tables of record.py")
    parser.add_argument("--to", type=Path, required=True, help="CSV")
    options = parser.parse_args()
    try:
        trainings = [one for source in options.sources for one in recorded(source)]
    except AutomlError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    with options.to.open("w", newline="") as file:
        write_trainings(trainings, file)


def recorded(source: Path) -> list[Training]:
    """Return the trainings of a study's folder or of a table."""
    if source.suffix == ".csv":
        with source.open(newline="") as file:
            return list(_of_table(csv.DictReader(file)))
    return trainings_of(load_study(source.absolute().parent, source.name, None))


def _of_table(rows: "csv.DictReader[str]") -> Iterator[Training]:
    curve = [int(name.removeprefix(CURVE)) for name in rows.fieldnames or () if name.startswith(CURVE)]
    for row in rows:
        cells = {name: value_of(cell) for name, cell in row.items() if name not in FIGURES and CURVE not in name}
        params = {name: value for name, value in cells.items() if value is not None}
        yield Training(row["data"], params, max(curve), float(row["map"]))


if __name__ == "__main__":
    main()
