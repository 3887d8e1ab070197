"""Which images of the stream to label: of which the champion is unsure, over which versions disagree, unlike the rest.

A class that is new cannot be found by a detector that does not know it: that an image is unlike all that is labelled
stands for it.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.deploy.errors.next_images import rank
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus, StreamImage, has_content
from search.operate.stream.labelling.champion import Champion, ChampionSight
from search.operate.stream.labelling.chosen import AskedImage, AskedImages
from search.operate.stream.labelling.disagree import disagreements
from search.settings.pipeline.pipeline_settings import PipelineSettings
from spaces.errors import DataError

CANDIDATES_MOST = 5000  # images that the champion looks at, the newest; a second each would be hours
KNOWN_MOST = 300  # labelled images that others are compared with, of the stream and of the data set each


def choose(context: OperateContext, champion: Champion, number: int, since: datetime | None = None) -> AskedImages:
    """Choose images that nobody has labelled or was asked for, at most `labelling.images_max`, the most useful first.

    Args:
        context: see OperateContext.
        champion: the detector that serves; without one, images are chosen by how they differ alone.
        number: of the round.
        since: when the window began in which drift or performance was seen that began the round; None for another.

    Raises:
        DataError: the data set of the last round cannot be read.
    """
    settings, notes = context.settings, list[str]()
    images = _candidates(context, since, notes)
    differing = _differing(context, list(images.values()), notes)
    data = last_data(context)
    seen = _seen(context, champion, images, differing, notes)
    chance = _by_chance(seen, settings, number)
    known = np.vstack([_known(context, champion, data), *(seen[one].looked.features for one in chance)])
    rest = [sight.looked for one, sight in seen.items() if one not in chance]
    ranked = rank(rest, known, champion.block_lengths)[: settings.labelling.images_max - len(chance)]
    novelty = {one.looked.path.stem: one.novelty for one in ranked} | dict.fromkeys(chance, 0.0)
    chosen = tuple(
        AskedImage(
            one,
            images[one].kept,
            images[one].width_px,
            images[one].height_px,
            round(seen[one].looked.uncertainty, 4),
            round(differing.get(one, 0.0), 4),
            round(new, 4),
            seen[one].boxes if settings.labelling.prelabel else (),
            one in chance,
        )
        for one, new in novelty.items()
    )
    unsure = Counter(name for one in novelty for name in seen[one].unsure)
    classes = tuple(dict.fromkeys((*(data.classes if data is not None else ()), *champion.classes)))
    return AskedImages(chosen, classes, dict(sorted(unsure.items())), tuple(notes))


def _candidates(context: OperateContext, since: datetime | None, notes: list[str]) -> dict[str, StreamImage]:
    """Return images without labels, by SHA-256, the newest if there are many; none on which nothing can be seen.

    After a change they are those taken since that window began, others only where these are fewer than may be handed
    over: what was before the change teaches nothing of it.
    """
    new = [image for image in context.journal.images(ImageStatus.NEW) if has_content(image)]
    if since is not None:
        changed = sum(image.at > since for image in new)  # they are in order of time
        new = new[-max(changed, context.settings.labelling.images_max) :]
        notes.append(
            f"{changed} images without labels are of the window that changed, since {since:%Y-%m-%d %H:%M} UTC"
        )
    if len(new) > CANDIDATES_MOST:
        notes.append(f"of {len(new)} images without labels the newest {CANDIDATES_MOST} were looked at")
    return {image.sha256: image for image in new[-CANDIDATES_MOST:]}


def _differing(context: OperateContext, images: Sequence[StreamImage], notes: list[str]) -> dict[str, float]:
    """Return how much versions disagree on images, by SHA-256; images that one version answered are not among them."""
    log = context.settings.stream.predictions
    if log is None or not Path(log).expanduser().exists():
        return {}
    found, problems = disagreements(Path(log).expanduser(), images, context.now)
    notes += problems
    return found


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
    context: OperateContext,
    champion: Champion,
    images: Mapping[str, StreamImage],
    differing: Mapping[str, float],
    notes: list[str],
) -> dict[str, ChampionSight]:
    """Return what the champion sees on images, by SHA-256; where versions disagree, it is as unsure as they are."""
    seen, lost = dict[str, ChampionSight](), list[str]()
    for sha256, image in images.items():
        try:
            sight = champion.see(context.paths.folder / image.kept)
        except DataError:
            lost.append(image.kept)
            continue
        uncertainty = max(sight.looked.uncertainty, differing.get(sha256, 0.0))
        seen[sha256] = replace(sight, looked=replace(sight.looked, uncertainty=uncertainty))
    if lost:
        notes.append(f"{len(lost)} kept images cannot be read any more, such as '{lost[0]}'")
    return seen


def _known(context: OperateContext, champion: Champion, data: Dataset | None) -> NDArray[np.float64]:
    """Return features of images that are labelled, or asked for: of the stream the newest, of the data set a sample."""
    images = context.journal.images(ImageStatus.LABELLED, ImageStatus.ASKED)[-KNOWN_MOST:]
    paths = [context.paths.folder / image.kept for image in images]
    trained = () if data is None else data.splits["train"]
    step = -(-len(trained) // KNOWN_MOST) or 1
    return champion.features_of([*paths, *(image.path for image in trained[::step])])


def _by_chance(seen: Collection[str], settings: PipelineSettings, number: int) -> list[str]:
    """Return images picked by chance, the same whenever the round chooses, by their SHA-256."""
    count = round(settings.labelling.random_share * settings.labelling.images_max)
    return sorted(seen, key=lambda one: hashlib.sha256(f"{settings.name}\n{number}\n{one}".encode()).digest())[:count]
