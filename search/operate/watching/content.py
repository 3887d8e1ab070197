"""Images without content, of a camera that is covered, dark or cut off: no drift, and no training mends it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from search.operate.journal.images import StreamImage, has_content

LAST = 3  # the last images of a group that all lack content: its camera is taken for broken
CAMERAS_NAMED = 8


def broken_cameras(images: Iterable[StreamImage], since: datetime) -> list[str]:
    """Return a line for each group whose last images all lack content.

    The lines have no figures that change from look to look, so that each is sent once.

    Args:
        images: of the stream, in any order.
        since: groups that have sent nothing after it are left out.
    """
    by_group: dict[str, list[StreamImage]] = defaultdict(list)
    for image in sorted(images, key=lambda one: (one.at, one.sha256)):
        by_group[image.group].append(image)
    found = {group: _since(of_group) for group, of_group in by_group.items() if of_group[-1].at > since}
    broken = sorted((begun, group) for group, begun in found.items() if begun is not None)
    lines = [_line(group, begun) for begun, group in broken[:CAMERAS_NAMED]]
    more = len(broken) - CAMERAS_NAMED
    return [*lines, f"images without content of {more} further groups"] if more > 0 else lines


def _since(images: Sequence[StreamImage]) -> datetime | None:
    """Return since when a group's images lack content; None where one of the last few has some."""
    if len(images) < LAST or any(has_content(image) for image in images[-LAST:]):
        return None
    with_content = [i for i, image in enumerate(images) if has_content(image)]
    return images[with_content[-1] + 1 if with_content else 0].at


def _line(group: str, since: datetime) -> str:
    where = f"of '{group}'" if group else "of the stream"
    return f"images without content {where} since {since:%Y-%m-%d %H:%M} UTC, black or of one colour: see to the camera"
