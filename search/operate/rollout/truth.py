"""Labels that came back, by the names that a log of predictions may give their images: those that rules may go by."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from objectives.predictions.record import LoggedBox
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus
from search.operate.journal.kept_labels import KeptBox, read_labels
from search.operate.journal.state import PipelineState
from search.operate.watching.truth import picked_hashes

Truth = Mapping[str, Sequence[LoggedBox]]  # by the image's name in the log; scores are 1


def truth_of(context: OperateContext, state: PipelineState, since: datetime) -> tuple[Truth, int]:
    """Return the labels of images that are a sample of what a version answers, and how many others there are.

    Left out are images that were taken before `since` (the challenger may have been trained on them) and those that a
    round picked for being doubtful, on which any detector does worse than on the stream.
    """
    found: dict[str, tuple[LoggedBox, ...]] = {}
    picked, others = picked_hashes(context, state), 0
    for image in context.journal.images(ImageStatus.LABELLED):
        if image.at < since or image.sha256 in picked:
            others += 1
        elif (labels := read_labels(context.paths, image.sha256)) is not None:
            found[image.path] = found[image.sha256] = tuple(map(_box, labels.boxes))
    return found, others


def _box(kept: KeptBox) -> LoggedBox:
    label, left, top, width, height = kept
    return LoggedBox(label, 1.0, (left, top, left + width, top + height))
