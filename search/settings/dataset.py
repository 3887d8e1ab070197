"""The data set that the settings name; the embedded one is rendered first if need be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectives.data.dataset import Dataset
from objectives.data.readers import OwnReader, read_dataset
from objectives.machine.files import cache_folder
from search.settings.settings import EMBEDDED, DataSettings
from search.settings.target import TARGET, Target
from spaces.errors import DataError, SettingsError

EMBEDDED_SEED = 42


def load_data(settings: DataSettings) -> Dataset:
    """Read the data set.

    Raises:
        DataError: it cannot be used, or lacks the split that trials are scored on.
    """
    if settings.root == EMBEDDED:
        from objectives.data.shelves.render import VERSION, render_shelves

        root = render_shelves(cache_folder() / f"shelves-{VERSION}-{EMBEDDED_SEED}", EMBEDDED_SEED)
        dataset = read_dataset(root, "coco", "shelves")
    else:
        reader = _own_reader(settings.reader or {})
        dataset = read_dataset(Path(settings.root), settings.format, reading=settings.reading, reader=reader)
    if settings.split not in dataset.splits:
        raise DataError(f"data.split: the data set has no '{settings.split}'; it has {', '.join(dataset.splits)}")
    return dataset


def _own_reader(values: Mapping[str, Any]) -> OwnReader | None:
    """Return the user's own reader with its settings; None where the settings name none.

    Raises:
        SettingsError: it cannot be imported, or its settings do not fit.
    """
    path = values.get(TARGET)
    own = {key: value for key, value in values.items() if key != TARGET}
    if path is None:
        if own:
            raise SettingsError(f"data.reader: has settings ({', '.join(own)}) and no {TARGET}; name the reader")
        return None
    target = Target("data.reader", str(path), own)
    target.check(offered=("root",))
    if not target.takes("root"):
        raise SettingsError(f"data.reader: '{path}' takes no 'root'; give it a parameter for the folder")
    return lambda root: target.build(root=root)
