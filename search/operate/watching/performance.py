"""The champion's answers of a window against labels that came back, held against a bound."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from objectives.compare.answers import AnsweredImage, rate_answers
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState
from search.operate.watching.champion import fruitless_round
from search.operate.watching.contract import Trigger, TriggerKind

AT_MOST = ("false_negative_rate",)  # metrics whose bound is the greatest value


def rate_window(context: OperateContext, images: Sequence[AnsweredImage]) -> dict[str, Any] | None:
    """Return the figure of the window as JSON values; None where no image can be counted.

    Args:
        context: of the look.
        images: answered by the champion in the window, labelled, and no choice of the detector's.
    """
    settings = context.settings.triggers.performance
    if not images:
        return None
    rated = rate_answers(images, settings.metric, settings.classes, settings.level)
    if math.isnan(rated.value):
        return None
    low, high = (None if math.isnan(value) else value for value in (rated.low, rated.high))
    return {
        "metric": rated.metric,
        "value": rated.value,
        "low": low,
        "high": high,
        "images": rated.images,
        "blocks": rated.blocks,
        "bound": settings.bound,
    }


def performance_triggers(
    context: OperateContext, state: PipelineState, rated: Mapping[str, Any] | None
) -> list[Trigger]:
    """Return the trigger of a figure that is surely beyond its bound.

    All of its interval must lie beyond, and `images_min` images must be there. Where a round that it began has ended
    and left the champion as it was, it is not asked again until the whole window lies after that round.
    """
    settings = context.settings.triggers.performance
    if rated is None or settings.bound is None or rated["images"] < settings.images_min:
        return []
    if not is_beyond(rated, settings.bound):
        return []
    fruitless = fruitless_round(state, TriggerKind.PERFORMANCE)
    if fruitless:
        ended = fruitless.facts[FactKind.ROUND_ENDED].at
        if context.now - ended < timedelta(days=settings.window_days):
            return []
    side = "over" if rated["metric"] in AT_MOST else "under"
    figures = f"{rated['value']:.3f} ({rated['low']:.3f} to {rated['high']:.3f}) on {rated['images']:,} images"
    return [Trigger(TriggerKind.PERFORMANCE, f"{rated['metric']} {figures} lies {side} {settings.bound:g}")]


def is_beyond(rated: Mapping[str, Any], bound: float) -> bool:
    """Return whether all of the interval lies beyond the bound."""
    if rated["low"] is None or rated["high"] is None:
        return False
    return bool(rated["low"] > bound if rated["metric"] in AT_MOST else rated["high"] < bound)
