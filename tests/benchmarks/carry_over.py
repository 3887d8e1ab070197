"""What does `carry` bring on data that have changed? Two searches of the same minutes, with it and without it.

    python -m tests.benchmarks.carry_over --minutes 3 --then 1

Searches the embedded shelves, then the same shelves in poor light twice: once with the best of the first study carried
along (its elastic trainings, and its pick), once from nothing. Prints a JSON line a study: best mAP, the area under the
front, trials.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import search
from objectives.data.dataset import Dataset, LabelledImage
from objectives.data.pictures.decode import read_image
from reports.analysis.history import current_hypervolume
from reports.table.pick import pick
from reports.table.table import StudyTable
from search.settings.dataset import load_data
from search.settings.settings import Settings, load_settings
from spaces.network.family import is_of_many


def darkened(dataset: Dataset, folder: Path, light: float, noise: float) -> Dataset:
    """Return a data set with so much of its light left, and noise of this standard deviation in grey levels."""
    rng = np.random.default_rng(0)

    def dark(image: LabelledImage) -> LabelledImage:
        path = folder / image.path.with_suffix(".png").name
        pixels = light * read_image(image.path).astype(float)
        cv2.imwrite(str(path), np.clip(pixels + rng.normal(0, noise, pixels.shape), 0, 255).astype(np.uint8))
        return replace(image, path=path)

    folder.mkdir()
    splits = {name: tuple(dark(image) for image in images) for name, images in dataset.splits.items()}
    return replace(dataset, name=f"{dataset.name}-dark", root=folder, splits=splits)


def settings_of(folder: Path, name: str, minutes: float, *overrides: str) -> Settings:
    """Return settings of a search of so many minutes."""
    usual = (f"name={name}", f"store.folder={folder}", f"budget.hours={minutes / 60}", "budget.trials=500")
    return load_settings(["conf=retail", *usual, "baseline=none", "experience=none", *overrides])


def best_of(table: StudyTable, most: int) -> list[int]:
    """Return the pick, and the elastic trainings of the highest mAP."""
    parents = [row for row in table.finished if is_of_many(row.family) and not row.is_child]
    parents.sort(key=lambda row: -(row.map or 0.0))
    return list(dict.fromkeys([*(row.number for row in parents[:most]), pick(table, "best").number]))


def shown(name: str, table: StudyTable) -> None:
    """Print what a study came to."""
    rows = table.finished
    figures = {
        "study": name,
        "best_map": max((row.map or 0.0 for row in rows), default=0.0),
        "best_by": next((row.origin.value for row in sorted(rows, key=lambda row: -(row.map or 0.0))), None),
        "hypervolume": current_hypervolume(table),
        "carried_map": [row.map for row in rows if row.is_carried],
        "trials": len(table.rows),
        "children": sum(row.is_child for row in rows),
        "polishes": sum(row.is_polish for row in rows),
    }
    print(json.dumps(figures), flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Run the three searches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0, help="of the first search")
    parser.add_argument("--then", type=float, default=1.0, help="of each of the two others")
    parser.add_argument("--light", type=float, default=0.35)
    parser.add_argument("--noise", type=float, default=6.0)
    parser.add_argument("--parents", type=int, default=1, help="elastic trainings that are carried, at most")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="carry-over-") as place:
        folder = Path(place)
        runs = folder / "runs"
        first = settings_of(runs, "light", given.minutes, *given.overrides)
        dataset = load_data(first.data)
        table = search.search(first, dataset=dataset)
        shown("light", table)
        dark = darkened(dataset, folder / "dark", given.light, given.noise)
        names = ", ".join(f"light:{number}" for number in best_of(table, given.parents))
        for name, carry in (("dark, carried", [f"carry=[{names}]"]), ("dark, from nothing", [])):
            settings = settings_of(runs, f"dark{len(carry)}", given.then, *carry, *given.overrides)
            shown(name, search.search(settings, dataset=dark))


if __name__ == "__main__":
    main()
