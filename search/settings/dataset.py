"""The data set that the settings name; the embedded one is rendered first if need be."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from objectives.data.crowds import crowd_findings
from objectives.data.dataset import Dataset
from objectives.data.pictures.index import Progress
from objectives.data.raw import RawSet
from objectives.data.readers import OwnReader, read_both
from objectives.machine.files import cache_folder
from search.settings.settings import EMBEDDED, DataSettings
from search.settings.target import TARGET, Target
from spaces.errors import DataError, SettingsError

EMBEDDED_SEED = 42


def load_data(settings: DataSettings, progress: Progress | None = None) -> Dataset:
    """Read the data set.

    Args:
        settings: where it is, and how it is read.
        progress: called with the images looked at so far, and all of them.

    Raises:
        DataError: it cannot be used, or lacks the split that trials are scored on.
    """
    return load_both(settings, progress)[1]


def load_both(settings: DataSettings, progress: Progress | None = None) -> tuple[RawSet, Dataset]:
    """Read the data set, and return it as its files have it and as it is trained on.

    Args:
        settings: where it is, and how it is read.
        progress: called with the images looked at so far, and all of them.

    Raises:
        DataError: it cannot be used, or lacks the split that trials are scored on.
    """
    if settings.root == EMBEDDED:
        from objectives.data.shelves.render import VERSION, render_shelves

        root = render_shelves(cache_folder() / f"shelves-{VERSION}-{EMBEDDED_SEED}", EMBEDDED_SEED)
        raw, dataset = read_both(root, "coco", "shelves", how=settings.splitting)
    else:
        reader = _own_reader(settings.reader or {})
        raw, dataset = read_both(
            Path(settings.root), settings.format, "", settings.reading, reader, progress, settings.splitting
        )
    if settings.split not in dataset.splits:
        raise DataError(f"data.split: the data set has no '{settings.split}'; it has {', '.join(dataset.splits)}")
    crowded = crowd_findings(dataset, settings.detections_max)
    return raw, replace(dataset, findings=(*dataset.findings, *crowded))


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
