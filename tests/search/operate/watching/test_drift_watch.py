"""Drift of a stream: when it begins a round and when not, what its baselines are, and broken cameras."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from watched_pipeline import START, answer, at, begin, end, looked, pipeline, promote, stream

from search.operate.context import OperateContext
from search.operate.watching.contract import Trigger, TriggerKind, Watched
from search.operate.watching.drift import notes_of, standing_drift
from search.operate.watching.reference import read_baseline
from search.operate.watching.watch import freeze_reference, watch

pytestmark = pytest.mark.seconds
LAMP = 50  # day on which it is replaced


@pytest.fixture
def served(tmp_path: Path) -> Iterator[OperateContext]:
    """A pipeline whose first version serves from the first day on."""
    with pipeline(tmp_path, "triggers.drift.watch=[brightness,contrast]") as context:
        begin(context, 1, TriggerKind.FIRST)
        freeze_reference(context, context.journal.state(), 1)
        promote(context, 1, "v0001")
        yield context


def darker(day: float, group: str) -> float:
    return 0.6 if day >= LAMP else 1.0


def look_on(context: OperateContext, day: float) -> Watched:
    """Look on a day, and record it as the operator does."""
    then = at(context, day)
    watched = watch(then, then.journal.state())
    looked(then, watched.to_json())
    return watched


def drift_of(watched: Watched) -> list[Trigger]:
    return [one for one in watched.triggers if one.kind is TriggerKind.DRIFT]


def fires(context: OperateContext, days: range) -> list[int]:
    """Return the days on which drift fires, of every second one."""
    return [day for day in days[::2] if drift_of(look_on(context, day))]


def test_a_new_lamp_fires_and_quiet_weeks_do_not(served: OperateContext) -> None:
    stream(served, range(20, 60), darker, stores=3, a_day=2)
    assert fires(served, range(44, LAMP)) == []
    days = fires(served, range(LAMP + 1, 60))
    assert days, "a stream that is 40 % darker drifts"
    assert days[0] <= LAMP + 7
    found = drift_of(look_on(served, 60))[0].why
    assert "brightness -" in found
    assert "margin 15 %" in found


def test_drift_that_a_round_came_to_nothing_about_is_known(served: OperateContext) -> None:
    stream(served, range(20, 105), darker, stores=3, a_day=2)
    day = fires(served, range(LAMP, 62))[0]
    then = at(served, day)
    begin(then, 2, TriggerKind.DRIFT)
    look_on(served, 63)  # all of the window is dark now, while the round is searched
    end(at(served, 64), 2, "kept")
    assert fires(served, range(65, 90, 4)) == []
    assert any(one["drifted"] for one in look_on(served, 90).drift), "it is still shown"
    assert fires(served, range(92, 94)) == [92], "28 days after the round there may be labels enough"


def test_known_drift_that_grows_by_another_margin_fires_again(served: OperateContext) -> None:
    stream(served, range(20, 84), lambda day, group: 0.35 if day >= 75 else darker(day, group), stores=3, a_day=2)
    day = fires(served, range(LAMP, 62))[0]
    begin(at(served, day), 2, TriggerKind.DRIFT)
    look_on(served, 63)
    end(at(served, 64), 2, "kept")
    assert fires(served, range(65, 75)) == []
    assert fires(served, range(76, 84))


def test_the_baseline_of_a_round_that_drift_began_is_what_drifted(served: OperateContext) -> None:
    stream(served, range(20, 90), darker, stores=3, a_day=2)
    day = fires(served, range(LAMP, 62))[0]
    begin(at(served, day), 2, TriggerKind.DRIFT)
    then = at(served, 70)
    freeze_reference(then, then.journal.state(), 2)
    promote(then, 2, "v0002", "v0001")
    baseline = read_baseline(served.paths.round(2).reference)
    assert baseline is not None
    assert (baseline.since - START).days == day - 7
    assert fires(served, range(75, 90, 3)) == [], "the new champion was made for the new lamp"
    written = served.paths.round(2).reference.read_bytes()
    freeze_reference(at(served, 90), then.journal.state(), 2)
    assert served.paths.round(2).reference.read_bytes() == written, "a baseline is frozen once"


def test_stores_that_changed_are_named(served: OperateContext) -> None:
    stream(served, range(20, 66), lambda day, group: 0.3 if day >= LAMP and group < "store-2" else 1.0)
    found = [one for day in range(56, 66, 2) for one in drift_of(look_on(served, day))]
    assert found
    assert all(
        "in store-0, store-1 of 4 groups" in one.why.replace("store-1, store-0", "store-0, store-1") for one in found
    )


def test_a_black_camera_alerts_and_begins_no_round(served: OperateContext) -> None:
    stream(served, range(20, 64), lambda day, group: 0.0 if day >= LAMP and group == "store-1" else 1.0)
    alerts = [look_on(served, day).alerts for day in range(LAMP, 58)]
    assert alerts[0] == ()
    assert len(set(alerts[2:])) == 1, "the line stays as it is, so that it is sent once"
    assert alerts[-1][0].startswith("images without content of 'store-1' since 2026-02-24 06:00 UTC")
    assert fires(served, range(58, 64)) == []


def test_drift_is_looked_at_once_a_day_at_most(served: OperateContext) -> None:
    """Each look spends what time has passed: one a minute would have nothing to spend, and find nothing."""
    stream(served, range(60))
    first = look_on(served, 50).drift
    assert standing_drift(at(served, 50.5), served.journal.state()) == list(first)
    assert look_on(served, 50.5).drift == first
    later = look_on(served, 51).drift
    assert later[0]["at"] != first[0]["at"]
    assert later[0]["alpha"] <= 0.5 / 365.25


def test_what_a_new_champion_finds_is_held_against_its_own_first_answers(tmp_path: Path) -> None:
    with pipeline(tmp_path, "triggers.drift.watch=[confidence,count]") as context:
        promote(context, 1, "v0001")
        images = stream(context, range(122), stores=3, a_day=2)
        answer(context, [image for image in images if image.at <= at(context, 60).now], score=lambda i: 0.8)
        later = [image for image in images if image.at > at(context, 60).now]
        answer(context, later, "v0002", score=lambda i: 0.5 if i < 50 * 6 else 0.3)
        answer(context, later, "v0003", score=lambda i: 0.1, shadow=True)
        look_on(context, 59)
        promote(at(context, 60), 2, "v0002", "v0001")
        assert look_on(context, 61).notes, "it has not answered enough yet"
        then = at(context, 100)
        watch(then, then.journal.state(), keep=False)
        assert not context.paths.round(2).answered.exists(), "a look that changes nothing keeps nothing"
        assert fires(context, range(62, 108, 5)) == [], "a new champion that is less sure of itself is no drift"
        assert context.paths.round(2).answered.exists(), "its first 28 days are complete"
        assert fires(context, range(116, 122)), "but where it becomes less sure, it is"


def test_too_few_images_say_nothing(served: OperateContext) -> None:
    stream(served, range(60), darker, stores=1, a_day=2)
    watched = look_on(served, 58)
    assert drift_of(watched) == []
    assert any(note.startswith("drift of brightness") and "the window has 14 of" in note for note in watched.notes)


def test_without_a_champion_nothing_is_compared(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        stream(context, range(60), darker)
        watched = look_on(context, 58)
        assert watched.drift == ()
        assert [one.kind for one in watched.triggers] == [TriggerKind.FIRST]
        end(context, 1, "nothing")


def test_figures_with_the_same_note_are_one_line() -> None:
    noted = [("brightness", "too few"), ("contrast", ""), ("count", "too few"), ("class_mix", "another")]
    assert notes_of(noted) == ["drift of brightness, count: too few", "drift of class_mix: another"]
