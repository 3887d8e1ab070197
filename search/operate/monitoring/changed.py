"""Pictures of what has changed: typical images of the baseline, and the most different ones of the window."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.operate.context import OperateContext
from search.operate.journal.images import StreamImage, has_content
from search.operate.journal.state import PipelineState
from search.operate.monitoring.findings import Look
from search.operate.watching.drift import OF_IMAGES, image_baseline

PICTURES_SHOWN = 6
OF_A_GROUP = 2  # at most, of one row
SPREAD_MIN = 0.01  # of a figure over the baseline: a share of its median


def picture_rows(
    context: OperateContext, state: PipelineState, images: Sequence[StreamImage], look: Look
) -> list[dict[str, Any]]:
    """Return rows of pictures: title, line below, and path and caption of each image.

    Args:
        context: of the look.
        state: of the pipeline.
        images: of the stream.
        look: what was watched last: where figures of the image have drifted, these alone say what is different.
    """
    baseline = image_baseline(context, state, images)
    kept = [image for image in images if image.kept and image.figures]
    if baseline is None or not kept:
        return []
    since = max(context.now - timedelta(days=context.settings.triggers.drift.window_days), baseline.until)
    before = [image for image in kept if baseline.since < image.at <= baseline.until and has_content(image)]
    window = [image for image in kept if since < image.at <= context.now]
    after = [image for image in window if has_content(image)]
    if not before or not after:
        return []
    drifted = [one["name"] for one in look.get("drift") or () if one["drifted"] and one["name"] in OF_IMAGES]
    names = tuple(drifted) or OF_IMAGES
    apart = _apart(before, after, names)
    what = " and ".join(drifted) if drifted else "brightness, contrast and sharpness"
    first, last = (f"{each(image.at for image in before):%Y-%m-%d}" for each in (min, max))
    rows = [
        _row(context, "Baseline", f"typical images, {first} to {last}", spread_over_groups(before, apart[0])),
        _row(context, "Now", f"the most different by {what}", spread_over_groups(after, -apart[1])),
    ]
    if lacking := [image for image in window if not has_content(image)]:
        newest = np.array([-image.at.timestamp() for image in lacking])
        below = "black, or of one colour: no drift, and left out of it"
        rows.append(_row(context, "Without content", below, spread_over_groups(lacking, newest)))
    return rows


def spread_over_groups(images: Sequence[StreamImage], order: NDArray[np.float64]) -> list[StreamImage]:
    """Return the first images by an order, few of each group where there are others."""
    sorted_by = [images[i] for i in np.argsort(order, kind="stable").tolist()]
    counts: dict[str, int] = {}
    chosen: list[StreamImage] = []
    others: list[StreamImage] = []
    for image in sorted_by:
        counts[image.group] = counts.get(image.group, 0) + 1
        (chosen if counts[image.group] <= OF_A_GROUP else others).append(image)
    return [*chosen, *others][:PICTURES_SHOWN]


def _apart(
    before: Sequence[StreamImage], after: Sequence[StreamImage], names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far each image lies from the baseline's medians, in the baseline's typical deviations."""
    tables = [np.array([[(image.figures or {})[name] for name in names] for image in part]) for part in (before, after)]
    centre = np.median(tables[0], axis=0)
    spread = np.median(np.abs(tables[0] - centre), axis=0)
    spread = np.maximum(spread, SPREAD_MIN * np.abs(centre) + 1e-9)
    one, other = (np.abs((table - centre) / spread).max(axis=1) for table in tables)
    return one, other


def _row(context: OperateContext, title: str, below: str, images: Sequence[StreamImage]) -> dict[str, Any]:
    shown = [{"path": str(context.paths.folder / image.kept), "caption": _caption(image)} for image in images]
    return {"title": title, "below": below, "images": shown}


def _caption(image: StreamImage) -> str:
    figures = image.figures or {}
    group = f"{image.group}, " if image.group else ""
    return f"{group}{image.at:%Y-%m-%d}: brightness {figures['brightness']:.2f}, contrast {figures['contrast']:.2f}"
