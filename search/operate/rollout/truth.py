"""Labels that came back, by the names that a log of predictions may give their images."""

import json
from collections.abc import Sequence

from objectives.predictions.record import LoggedBox
from search.operate.context import OperateContext
from search.operate.journal.images import ImageStatus
from search.operate.stream.labels import labels_path
from spaces.errors import StoreError


def truth_of(context: OperateContext) -> dict[str, Sequence[LoggedBox]]:
    """Return the labels of all labelled images, by their paths in the stream and by their SHA-256; scores are 1.

    Raises:
        StoreError: labels that the journal knows are missing or damaged.
    """
    found: dict[str, Sequence[LoggedBox]] = {}
    for image in context.journal.images(ImageStatus.LABELLED):
        path = labels_path(context.paths, image)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            boxes = tuple(LoggedBox(one["class"], 1.0, tuple(one["box_xyxy"])) for one in values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"labels of '{image.path}': '{path}' cannot be read ({error})") from None
        found[image.path] = found[image.sha256] = boxes
    return found
