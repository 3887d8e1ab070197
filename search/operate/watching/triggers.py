"""Triggers that need no figures: the first round, a time table, enough labelled images, and somebody who asks."""

from datetime import datetime
from typing import Any

from cronsim import CronSim

from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus
from search.operate.journal.state import PipelineState
from search.operate.watching.contract import Trigger, TriggerKind


def plain_triggers(context: OperateContext, state: PipelineState) -> list[Trigger]:
    """Return those that fire at this look."""
    triggers = context.settings.triggers
    found = [first_due(state), by_hand_due(state)]
    found.append(time_due(triggers.cron, last_begun(state), context.now) if triggers.cron else None)
    found += _labelled(context, state)
    return [one for one in found if one is not None]


def first_due(state: PipelineState) -> Trigger | None:
    """Return that there is no champion yet."""
    return None if state.champion else Trigger(TriggerKind.FIRST, "no version has come to serve yet")


def by_hand_due(state: PipelineState) -> Trigger | None:
    """Return that somebody has asked since the last round began."""
    asked, begun = state.last(FactKind.ASKED), state.last(FactKind.ROUND_BEGUN)
    if asked is None or (begun is not None and begun.number > asked.number):
        return None
    return Trigger(TriggerKind.BY_HAND, f"asked for by hand: {asked.words.get('why') or 'no reason given'}")


def time_due(cron: str, since: datetime | None, now: datetime) -> Trigger | None:
    """Return that a moment of the time table has come; several that were missed are one.

    Args:
        cron: five fields, in UTC.
        since: moments up to it are done with; None before the first look: nothing is due yet.
        now: moments after it are yet to come.
    """
    moment = next_moment(cron, since) if since else None
    if moment is None or moment > now:
        return None
    return Trigger(TriggerKind.TIME, f"the time table '{cron}' had {moment:%a %Y-%m-%d %H:%M} UTC")


def next_moment(cron: str, since: datetime) -> datetime | None:
    """Return the first moment of a time table after `since`; None where there is none, as of 30 February."""
    return next(CronSim(cron, since), None)


def last_begun(state: PipelineState) -> datetime | None:
    """Return when the last round began, or the pipeline's first look; None before both."""
    begun = state.last(FactKind.ROUND_BEGUN)
    if begun:
        return begun.at
    return next((fact.at for fact in state.of_kind(FactKind.LOOKED)), None)


def labelled_due(labelled: int, trained: int | None, least: int | None, share: float | None) -> list[Trigger]:
    """Return what labelled images that no version of the data set has had come to.

    Args:
        labelled: such images.
        trained: training images of the last version; None before the first one.
        least: images that begin a round, or None.
        share: of the training images that does, or None.
    """
    kind = TriggerKind.LABELLED
    if least is not None and labelled >= least:
        return [Trigger(kind, f"{labelled:,} newly labelled images, {least:,} begin a round")]
    if share is not None and trained and labelled / trained >= share:
        words = f"{labelled:,} newly labelled images are {labelled / trained:.0%} of the {trained:,} trained on"
        return [Trigger(kind, f"{words}; {share:.0%} begin a round")]
    return []


def _labelled(context: OperateContext, state: PipelineState) -> list[Trigger]:
    settings = context.settings.triggers
    if settings.labelled_min is None and settings.labelled_share is None:
        return []
    made = state.last(FactKind.VERSION_MADE)
    words: dict[str, Any] = dict(made.words) if made else {"labelled": 0, "data": {}}
    labelled, data = context.journal.count_images(ImageStatus.LABELLED) - words["labelled"], words["data"]
    trained = data.get("images", {}).get("train")
    return labelled_due(labelled, trained, settings.labelled_min, settings.labelled_share)
