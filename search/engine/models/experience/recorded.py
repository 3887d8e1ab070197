"""Recorded trainings of earlier studies: rows, the table that ships with the product, accuracies by study's scale."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from objectives.records.even_sample import even_indices
from search.engine.staircase import Floats
from spaces.dimension import Value
from spaces.errors import DataError

SHIPPED = Path(__file__).resolve().parents[4] / "conf" / "recorded" / "trainings.csv"
OWN_COLUMNS = ("study", "epochs", "map")  # beside these, a column a dimension
TRAININGS_LEAST = 8  # of a study: fewer say little of its usual accuracy and of the spread around it
TRAININGS_MAX = 600  # of all studies together: what a model is conditioned on in some tens of milliseconds
EVEN_SD = 1e-3  # spread of mAP below which all trainings of a study count as alike


@dataclass(frozen=True)
class Training:
    """A training that ended.

    Attributes:
        study: names the study that it was part of; its trainings share data set, epochs and gate.
        params: dimension name to choice, those alone that existed for it.
        epochs: that it was trained for.
        map: mAP of the exported file, in [0, 1].
    """

    study: str
    params: Mapping[str, Value]
    epochs: int
    map: float


def read_trainings(path: Path = SHIPPED) -> list[Training]:
    """Read a table of recorded trainings.

    Raises:
        DataError: it cannot be read, or a cell breaks the rules.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_training(row, f"{path.name}, line {line}") for line, row in enumerate(csv.DictReader(file), 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table of trainings: {error}") from error


def write_trainings(trainings: Sequence[Training], file: TextIO) -> None:
    """Write a table of recorded trainings: by study, a column a dimension, blank where that did not exist."""
    names = sorted({name for training in trainings for name in training.params})
    writer = csv.DictWriter(file, [*OWN_COLUMNS, *names], restval="", lineterminator="\n")
    writer.writeheader()
    for one in trainings:
        writer.writerow({"study": one.study, "epochs": one.epochs, "map": f"{one.map:.5g}", **one.params})


def even_trainings(trainings: Iterable[Training], most: int = TRAININGS_MAX) -> list[Training]:
    """Return the trainings of studies that have enough of them, at most so many, each study with an equal share."""
    studies = [found for found in _by_study(trainings).values() if len(found) >= TRAININGS_LEAST]
    share = max(TRAININGS_LEAST, most // max(1, len(studies)))
    return [found[i] for found in studies for i in even_indices(len(found), share)]


def standardised(trainings: Iterable[Training]) -> dict[str, tuple[list[Training], Floats]]:
    """Return study -> its trainings, and their accuracies less the study's mean over its standard deviation.

    Accuracies of two data sets cannot be compared; their order can (rank correlations of .93 to .99 between the data
    sets of YOLOBench, arXiv 2307.13901). Studies of few trainings, or of trainings that are all alike, are left out.
    """
    found = {}
    for study, some in _by_study(trainings).items():
        maps = np.array([one.map for one in some])
        if len(some) >= TRAININGS_LEAST and maps.std() >= EVEN_SD:
            found[study] = some, (maps - maps.mean()) / maps.std()
    return found


def value_of(cell: str) -> Value | None:
    """Return the value that a cell of a table stands for; None for a blank one."""
    if cell in ("True", "False"):
        return cell == "True"
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell or None


def _by_study(trainings: Iterable[Training]) -> dict[str, list[Training]]:
    found: dict[str, list[Training]] = {}
    for training in trainings:
        found.setdefault(training.study, []).append(training)
    return found


def _training(row: Mapping[str, str], where: str) -> Training:
    try:
        study, epochs, accuracy = row["study"], int(row["epochs"]), float(row["map"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: needs study, epochs (whole) and map (a number): {error}") from error
    if not 0.0 <= accuracy <= 1.0:
        raise DataError(f"{where}: map must lie in [0, 1], got {accuracy}")
    values = {name: value_of(cell or "") for name, cell in row.items() if name not in OWN_COLUMNS}
    return Training(study, {name: value for name, value in values.items() if value is not None}, epochs, accuracy)
