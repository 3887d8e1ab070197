"""Embeddings of the stream by the champion's backbone: of a part of baseline and window, each image once."""

import json
from collections.abc import Iterable, Sequence

from objectives.data.pictures.decode import read_image
from objectives.drift.embedding import Embedder
from objectives.drift.sample import DriftImage, DriftSample
from objectives.machine.files import write_text
from objectives.records.paths import MODEL
from search.operate.context import OperateContext
from search.operate.journal.images import StreamImage, has_content
from search.operate.paths import RoundPaths
from search.operate.watching.reference import even_part
from spaces.errors import DataError

EMBEDDED_MOST = 300  # images of the baseline, and of the window: each takes some ten milliseconds, once


def embedded_samples(
    context: OperateContext,
    version: str,
    files: RoundPaths,
    before: Iterable[StreamImage],
    after: Iterable[StreamImage],
    *,
    keep: bool = True,
) -> list[DriftSample]:
    """Return a part of the baseline and of the window with the embeddings of their images.

    What was embedded before is read from a file of the champion's round.

    Args:
        context: of the look.
        version: that serves.
        files: of the round that made it.
        before: images of the baseline.
        after: images of the window.
        keep: whether the file is written.

    Raises:
        DataError: the champion's file has no backbone that can be found.
    """
    embedder = Embedder(context.paths.deployment(version) / MODEL)
    known = _known(files, embedder.name)
    samples = [_sample(context, embedder, known, images) for images in (before, after)]
    if keep:
        values = {"embedder": embedder.name, "images": known}
        files.embedded.parent.mkdir(parents=True, exist_ok=True)
        write_text(files.embedded, json.dumps(values, separators=(",", ":")))
    return samples


def _sample(
    context: OperateContext, embedder: Embedder, known: dict[str, Sequence[float]], images: Iterable[StreamImage]
) -> DriftSample:
    usable = [(image.sha256, image) for image in images if image.kept and has_content(image)]
    found = []
    for image in even_part(usable, EMBEDDED_MOST):
        if image.sha256 not in known:
            try:
                picture = read_image(context.paths.folder / image.kept)
            except DataError:  # whoever removes what is kept has one image less to compare
                continue
            known[image.sha256] = [float(f"{value:.4g}") for value in embedder(picture)]
        found.append(DriftImage(image.at, image.group, {}, None, tuple(known[image.sha256])))
    return DriftSample.of(found, embedder.name)


def _known(files: RoundPaths, name: str) -> dict[str, Sequence[float]]:
    if not files.embedded.exists():
        return {}
    values = json.loads(files.embedded.read_text(encoding="utf-8"))
    return dict(values["images"]) if values["embedder"] == name else {}
