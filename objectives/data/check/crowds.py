"""Images with far more boxes than the others, or all with the same boxes."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject

CROWDED_FROM = 50  # boxes: no image below counts as crowded
CROWDED_TIMES = 3  # the 99th percentile of boxes an image
COUNTED_FROM = 20  # images: of fewer, no image can be called unusual
SAME_FROM = 5  # images with the same boxes, to the letter


def check_crowds(subject: Subject) -> Iterator[Spot]:
    """Yield images whose number of boxes, or whose boxes altogether, look wrong."""
    entries = [entry for entry in subject.entries if entry.split is not None]
    counts = np.array([len(entry.classes) for entry in entries])
    usual = np.percentile(counts, 99) * CROWDED_TIMES if len(counts) >= COUNTED_FROM else np.inf
    for entry, count in zip(entries, counts.tolist(), strict=True):
        if count > max(CROWDED_FROM, usual):
            place = f"{subject.place(entry.path)}: {count} boxes"
            yield Spot("labels.crowded", place, 1, (Mark(entry.path, entry.split),))
    yield from _same_everywhere(subject, entries)


def _same_everywhere(subject: Subject, entries: list[CheckedImage]) -> Iterator[Spot]:
    """Yield groups of images that have the same boxes to the letter: an export that was pasted."""
    alike: dict[bytes, list[CheckedImage]] = defaultdict(list)
    for entry in entries:
        if len(entry.classes) and entry.source is not None:
            alike[entry.boxes.tobytes() + entry.classes.tobytes()].append(entry)
    for group in alike.values():
        contents = {entry.picture.content if entry.picture else str(entry.path) for entry in group}
        if len(contents) >= SAME_FROM:
            names = " = ".join(subject.place(entry.path) for entry in group[:2])
            marks = tuple(Mark(entry.path, entry.split) for entry in group[:3])
            yield Spot("labels.same_everywhere", f"{names}, {len(group)} images in all", len(group), marks)
