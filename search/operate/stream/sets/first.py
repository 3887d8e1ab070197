"""The data set of the first round: how it is read, and the groups of the stream that it has images of already."""

import re
from collections.abc import Iterable
from pathlib import Path

from objectives.data.dataset import Dataset, LabelledImage
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.stream.labelling.split import RECENT_SIDE, TRAIN_SIDE
from search.operate.stream.sets.record import VersionRecord, read_record
from search.settings.dataset import load_data
from search.settings.pipeline.stream_checks import GROUP_GROUP
from search.settings.settings import load_settings
from spaces.errors import DataError


def load_first(context: OperateContext) -> Dataset:
    """Read `data.root` as a search of the preset does, with the pipeline's further settings of it.

    Raises:
        AutomlError: the settings or the data set cannot be read.
    """
    settings = context.settings
    words = [f"conf={settings.search.conf}", f"data.root={settings.data.root}", *settings.data.overrides]
    return load_data(load_settings(words).data)


def sides_of_first(dataset: Dataset, pattern: str | None) -> dict[str, str]:
    """Return the groups that a data set has images of: those it trains on, and those that its val and test hold.

    Args:
        dataset: the first one.
        pattern: `stream.group`, searched in paths below its folder; None: folders of a stream are not those of a data
            set, and no group is known.
    """
    if pattern is None:
        return {}
    held = (image for split, images in dataset.splits.items() if split != "train" for image in images)
    sides = dict.fromkeys(_groups(held, dataset.root, pattern), RECENT_SIDE)
    return sides | dict.fromkeys(_groups(dataset.splits["train"], dataset.root, pattern), TRAIN_SIDE)


def _groups(images: Iterable[LabelledImage], root: Path, pattern: str) -> Iterable[str]:
    for image in images:
        path = image.path.relative_to(root) if image.path.is_relative_to(root) else image.path
        found = re.search(pattern, path.as_posix())
        if found is not None and found[GROUP_GROUP]:
            yield found[GROUP_GROUP]


def first_record(context: OperateContext) -> VersionRecord | None:
    """Return the record of the first version; None before there is one.

    Raises:
        DataError: it was made, and is gone.
    """
    made = context.journal.state().of_kind(FactKind.VERSION_MADE)
    if not made or made[0].round is None:
        return None
    place = context.paths.version(made[0].round)
    record = read_record(place.record)
    if record is None:
        raise DataError(f"'{place.folder}', the first version of the data set, is gone; restore it")
    return record


def first_sides(context: OperateContext) -> dict[str, str]:
    """Return the sides of the first data set's groups, as its version has them, or from the data set itself.

    Raises:
        AutomlError: there is no version yet, and the data set cannot be read; or it is gone.
    """
    record, pattern = first_record(context), context.settings.stream.group
    if record is not None:
        return record.sides
    return {} if pattern is None else sides_of_first(load_first(context), pattern)
