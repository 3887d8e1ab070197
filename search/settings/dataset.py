"""The data set that the settings name; the embedded one is rendered first if need be."""

from pathlib import Path

from objectives.data.dataset import Dataset
from objectives.data.raw import RawSet
from objectives.data.readers import read_both
from objectives.machine.files import cache_folder
from search.settings.settings import EMBEDDED, DataSettings
from spaces.errors import DataError

EMBEDDED_SEED = 42


def load_data(settings: DataSettings) -> Dataset:
    """Read the data set.

    Raises:
        DataError: it cannot be used, or lacks the split that trials are scored on.
    """
    return load_both(settings)[1]


def load_both(settings: DataSettings) -> tuple[RawSet, Dataset]:
    """Read the data set, and return it as its files have it and as it is trained on.

    Raises:
        DataError: it cannot be used, or lacks the split that trials are scored on.
    """
    if settings.root == EMBEDDED:
        from objectives.data.shelves.render import VERSION, render_shelves

        root = render_shelves(cache_folder() / f"shelves-{VERSION}-{EMBEDDED_SEED}", EMBEDDED_SEED)
        raw, dataset = read_both(root, "coco", "shelves")
    else:
        raw, dataset = read_both(Path(settings.root), settings.format)
    if settings.split not in dataset.splits:
        raise DataError(f"data.split: the data set has no '{settings.split}'; it has {', '.join(dataset.splits)}")
    return raw, dataset
