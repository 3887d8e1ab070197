"""Labels that came back, by the names that a log of predictions may give their images."""

from collections.abc import Mapping, Sequence

from objectives.predictions.record import LoggedBox
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus
from search.operate.journal.kept_labels import KeptBox, read_labels

Truth = Mapping[str, Sequence[LoggedBox]]  # by the image's name in the log; scores are 1


def truth_of(context: OperateContext) -> dict[str, tuple[LoggedBox, ...]]:
    """Return the labels of all labelled images, by their paths in the stream and by their SHA-256."""
    found: dict[str, tuple[LoggedBox, ...]] = {}
    for image in context.journal.images(ImageStatus.LABELLED):
        labels = read_labels(context.paths, image.sha256)
        if labels is not None:
            found[image.path] = found[image.sha256] = tuple(map(_box, labels.boxes))
    return found


def _box(kept: KeptBox) -> LoggedBox:
    label, left, top, width, height = kept
    return LoggedBox(label, 1.0, (left, top, left + width, top + height))
