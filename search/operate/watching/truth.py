"""Sampled truth: images that the champion answered and people labelled, but none that was picked for being doubtful."""

from collections.abc import Iterable, Sequence

from objectives.compare.answers import AnsweredImage
from objectives.predictions.record import PredictionRecord
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.kept_labels import read_labels
from search.operate.journal.state import PipelineState
from search.operate.stream.labelling.chosen import read_asked


def picked_hashes(context: OperateContext, state: PipelineState) -> set[str]:
    """Return the hashes of images that a round picked since the detector is unsure of them, or they are unlike others.

    A detector does worse on these than on the stream: precision on them is no precision of the stream. Images
    that were handed over by chance alone, and those whose labels came back unasked, are not among them.
    """
    asked = (read_asked(context.paths.round(one.number).asked) for one in state.rounds)
    return {image.sha256 for each in asked if each for image in each.images if not image.random}


def sampled_truth(
    context: OperateContext,
    state: PipelineState,
    records: Iterable[PredictionRecord],
) -> tuple[list[AnsweredImage], int]:
    """Return the answered and labelled images that are a sample of the stream, and how many others there are.

    Args:
        context: of the look.
        state: of the pipeline.
        records: the champion's answers of the window; the last one of an image counts.
    """
    last = {record.image: record for record in records if not record.error}
    picked = picked_hashes(context, state)
    answered = list(_answered(context.journal.images(ImageStatus.LABELLED), last))
    sample = [pair for pair in answered if pair[0].sha256 not in picked]
    found = [one for image, record in sample if (one := _with_labels(context, image, record))]
    return found, len(answered) - len(sample)


def _answered(
    images: Sequence[StreamImage], last: dict[str, PredictionRecord]
) -> Iterable[tuple[StreamImage, PredictionRecord]]:
    for image in images:
        record = last.get(image.path) or last.get(image.sha256)
        if record is not None:
            yield image, record


def _with_labels(context: OperateContext, image: StreamImage, record: PredictionRecord) -> AnsweredImage | None:
    labels = read_labels(context.paths, image.sha256)
    if labels is None:
        return None
    boxes = tuple((name, (x, y, x + w, y + h)) for name, x, y, w, h in labels.boxes)
    return AnsweredImage(f"{image.group} {image.at:%Y-%m-%d}", record.boxes, boxes)
