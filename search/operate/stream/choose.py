"""Which images of the stream to label: of which the champion is unsure, over which versions disagree, unlike the rest.

A class that is new cannot be found by a detector that does not know it: that an image is unlike all that is labelled
stands for it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.deploy.errors.next_images import NextImage, rank
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.stream.labelling.champion import Champion, Sight
from search.operate.stream.labelling.chosen import Asked, AskedImage
from search.operate.stream.labelling.disagree import disagreements
from spaces.errors import DataError

LOOKED_MOST = 5000  # images that the champion looks at, the newest; a second each would be hours
KNOWN_MOST = 300  # labelled images that others are compared with, of the stream and of the data set each


def choose(context: OperateContext, champion: Champion) -> Asked:
    """Choose images that nobody has labelled or was asked for, at most `labelling.images_max`, the most useful first.

    Args:
        context: see OperateContext.
        champion: the detector that serves; without one, images are chosen by how they differ alone.

    Raises:
        DataError: the data set of the last round cannot be read.
    """
    settings, notes = context.settings, list[str]()
    new = context.journal.images(ImageStatus.NEW)
    images = new[-LOOKED_MOST:]
    if len(images) < len(new):
        notes.append(f"of {len(new)} images without labels the newest {len(images)} were looked at")
    log, differing = settings.stream.predictions, dict[str, float]()
    if log is not None and Path(log).expanduser().exists():
        differing, problems = disagreements(Path(log).expanduser(), images, context.now)
        notes += problems
    data = last_data(context)
    seen = _seen(context, champion, images, notes)
    looked = [_weighed(sight, differing.get(sha256, 0.0)) for sha256, sight in seen.items()]
    ranked = rank([sight.looked for sight in looked], _known(context, champion, data), champion.block_lengths)
    by_path = {context.paths.folder / image.kept: image for image in images}
    chosen = [
        _asked(one, by_path[one.looked.path], seen, differing, prelabel=settings.labelling.prelabel)
        for one in ranked[: settings.labelling.images_max]
    ]
    unsure = Counter(name for image in chosen for name in seen[image.sha256].unsure)
    classes = tuple(dict.fromkeys((*(data.classes if data is not None else ()), *champion.classes)))
    return Asked(tuple(chosen), classes, dict(sorted(unsure.items())), tuple(notes))


def last_data(context: OperateContext) -> Dataset | None:
    """Return the data set of the last round that made one; None before the first.

    Raises:
        DataError: it cannot be read.
    """
    fact = context.journal.state().last(FactKind.VERSION_MADE)
    if fact is None:
        return None
    return read_dataset(context.paths.folder / str(fact.words["data"]["folder"]), "coco")


def _seen(
    context: OperateContext, champion: Champion, images: Sequence[StreamImage], notes: list[str]
) -> dict[str, Sight]:
    """Return what the champion sees on images, by SHA-256."""
    seen, lost = dict[str, Sight](), list[str]()
    for image in images:
        try:
            seen[image.sha256] = champion.see(context.paths.folder / image.kept)
        except DataError:
            lost.append(image.kept)
    if lost:
        notes.append(f"{len(lost)} kept images cannot be read any more, such as '{lost[0]}'")
    return seen


def _weighed(sight: Sight, disagreement: float) -> Sight:
    """Return what was seen with the greater of both, uncertainty and disagreement."""
    looked = sight.looked
    return replace(sight, looked=replace(looked, uncertainty=max(looked.uncertainty, disagreement)))


def _known(context: OperateContext, champion: Champion, data: Dataset | None) -> NDArray[np.float64]:
    """Return features of images that are labelled, or asked for: of the stream the newest, of the data set a sample."""
    images = context.journal.images(ImageStatus.LABELLED, ImageStatus.ASKED)[-KNOWN_MOST:]
    paths = [context.paths.folder / image.kept for image in images]
    trained = () if data is None else data.splits["train"]
    step = -(-len(trained) // KNOWN_MOST) or 1
    return champion.features_of([*paths, *(image.path for image in trained[::step])])


def _asked(
    one: NextImage, image: StreamImage, seen: dict[str, Sight], differing: dict[str, float], *, prelabel: bool
) -> AskedImage:
    sight = seen[image.sha256]
    return AskedImage(
        image.sha256,
        image.kept,
        image.width_px,
        image.height_px,
        round(sight.looked.uncertainty, 4),
        round(differing.get(image.sha256, 0.0), 4),
        round(one.novelty, 4),
        sight.boxes if prelabel else (),
    )
