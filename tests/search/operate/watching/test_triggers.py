"""Triggers that need no figures: time tables in UTC, counts of labelled images, who asks by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from watched_pipeline import START, at, begin, end, label, pipeline, promote, stream

from search.operate.journal.facts import FactKind
from search.operate.watching.contract import TriggerKind
from search.operate.watching.triggers import labelled_due, plain_triggers, time_due

MONDAYS = "0 6 * * 1"
MONDAY = datetime(2026, 1, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "now", "is_due"),
    [
        (MONDAY, MONDAY + timedelta(days=6), False),
        (MONDAY, MONDAY + timedelta(days=7, seconds=-1), False),
        (MONDAY, MONDAY + timedelta(days=7), True),
        (MONDAY - timedelta(minutes=1), MONDAY, True),
        (MONDAY, MONDAY + timedelta(days=100), True),
        (None, MONDAY, False),
    ],
)
def test_a_time_table_is_due_once_a_moment_has_come(since: datetime | None, now: datetime, is_due: bool) -> None:
    assert (time_due(MONDAYS, since, now) is not None) == is_due


def test_moments_that_were_missed_are_one(tmp_path: Path) -> None:
    with pipeline(tmp_path, f"triggers.cron='{MONDAYS}'") as context:
        promote(context, 1, "v0001")
        late = at(context, 30)
        found = plain_triggers(late, late.journal.state())
        assert [(one.kind, "Mon 2026-01-05 06:00" in one.why) for one in found] == [(TriggerKind.TIME, True)]
        begin(late, 2, TriggerKind.TIME)
        end(late, 2, "kept")
        assert plain_triggers(at(context, 34), context.journal.state()) == []
        assert plain_triggers(at(context, 35), context.journal.state())


@pytest.mark.parametrize(
    ("labelled", "trained", "least", "share", "count"),
    [
        (9, 100, 10, None, 0),
        (10, 100, 10, None, 1),
        (19, 100, None, 0.2, 0),
        (20, 100, None, 0.2, 1),
        (20, None, None, 0.2, 0),
        (50, 100, 10, 0.2, 1),
        (50, 100, None, None, 0),
    ],
)
def test_labelled_images_begin_a_round(
    labelled: int, trained: int | None, least: int | None, share: float | None, count: int
) -> None:
    assert len(labelled_due(labelled, trained, least, share)) == count


def test_labelled_images_count_from_the_last_version_on(tmp_path: Path) -> None:
    with pipeline(tmp_path, "triggers.labelled_min=5") as context:
        promote(context, 1, "v0001")
        images = stream(context, range(3), stores=2, a_day=2)
        label(context, images[:5])
        assert [one.kind for one in plain_triggers(context, context.journal.state())] == [TriggerKind.LABELLED]
        begin(context, 2, TriggerKind.LABELLED)
        data = {"data": {"images": {"train": 5}}, "labelled": 5}
        context.journal.record(FactKind.VERSION_MADE, context.now, data, 2)
        end(context, 2, "kept")
        assert plain_triggers(context, context.journal.state()) == []
        label(context, images[5:10])
        assert "5 newly labelled images" in plain_triggers(context, context.journal.state())[0].why


def test_asked_by_hand_begins_one_round(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        promote(context, 1, "v0001")
        context.journal.record(FactKind.ASKED, START, {"why": "new packaging"})
        found = plain_triggers(context, context.journal.state())
        assert [(one.kind, one.why) for one in found] == [(TriggerKind.BY_HAND, "asked for by hand: new packaging")]
        begin(context, 2, TriggerKind.BY_HAND)
        end(context, 2, "kept")
        assert plain_triggers(context, context.journal.state()) == []


def test_without_a_champion_the_first_round_is_due(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        assert [one.kind for one in plain_triggers(context, context.journal.state())] == [TriggerKind.FIRST]
