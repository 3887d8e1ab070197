"""What is due: each state of a round, from facts alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from search.operate.due import Due, DueStep, LookSight, changed_since, due, version_before
from search.operate.hooks_due import hooks_due
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.state import PipelineState, state_of
from search.operate.rollout.contract import RolloutAction, RolloutDecision
from search.operate.watching.contract import Trigger, TriggerKind
from search.operate.words import FACT_WORDS, words_of_due
from search.settings.pipeline.pipeline_settings import PipelineSettings, load_pipeline

BEGAN = datetime(2026, 1, 5, 6, tzinfo=UTC)
LINE = ["pipeline=base", "name=p", "data.root=embedded", "stream.images=in", "stream.labels=back"]
FIRST = Trigger(TriggerKind.FIRST, "no version has come to serve yet")
DRIFT = Trigger(TriggerKind.DRIFT, "it is dark")
Made = tuple[FactKind, Mapping[str, Any]]

BEGUN: Made = (FactKind.ROUND_BEGUN, {"why": ["it is dark"], "kinds": ["drift"]})
BY_HAND: Made = (FactKind.ROUND_BEGUN, {"why": ["asked"], "kinds": ["by hand"]})
ASKED: Made = (FactKind.LABELS_ASKED, {"hand_over": "to_label/0002", "images": 10})
TAKEN: Made = (FactKind.LABELS_TAKEN, {"images": 9, "waited_days": 1.0, "why": ["enough"]})
VERSION: Made = (FactKind.VERSION_MADE, {"data": {"images": {"train": 4}, "new_classes": []}, "labelled": 3})
SEARCHED: Made = (FactKind.SEARCHED, {"winner": 7, "why": "", "trials": 9, "hours": 0.1, "study": "p-r0002"})
NO_WINNER: Made = (FactKind.SEARCHED, {**SEARCHED[1], "winner": None, "why": "nothing keeps the gate"})
REFUSED: Made = (FactKind.REFUSED, {"why": ["worse on jars"]})


def judged(ruling: str) -> Made:
    return FactKind.JUDGED, {"ruling": ruling, "why": ["by all rules"]}


def packed(version: str) -> Made:
    return FactKind.PACKED, {"version": version, "folder": "x", "layouts": []}


def promoted(version: str, before: str | None = None) -> Made:
    return FactKind.PROMOTED, {"version": version, "before": before, "why": []}


def rolled_back(version: str, to: str) -> Made:
    return FactKind.ROLLED_BACK, {"version": version, "to": to, "why": ["slow"], "by": "rules"}


ROLLOUT: Made = (FactKind.ROLLOUT_BEGUN, {"version": "v0002", "rollout": "canary", "share": 0.1})
ENDED: Made = (FactKind.ROUND_ENDED, {"outcome": "promoted", "why": ["so"]})
ROUND_1 = (BEGUN, VERSION, SEARCHED, judged("promote"), packed("v0001"), promoted("v0001"), ENDED)


def state_with(*rounds: tuple[Made, ...]) -> PipelineState:
    """Return a state of rounds, an hour between two facts."""
    facts: list[Fact] = []
    for number, made in enumerate(rounds, start=1):
        for kind, words in made:
            facts.append(Fact(len(facts) + 1, kind, number, BEGAN + timedelta(hours=len(facts)), words))
    return state_of(facts)


def settings_of(*more: str) -> PipelineSettings:
    return load_pipeline([*LINE, *more])


def found(
    state: PipelineState,
    *more: str,
    triggers: tuple[Trigger, ...] = (),
    labelled: int = 3,
    missing: int = 0,
    decision: RolloutDecision | None = None,
    days: float = 1.0,
    of_change: int = 0,
) -> Due:
    now = (state.facts[-1].at if state.facts else BEGAN) + timedelta(days=days)
    return due(state, settings_of(*more), LookSight(now, triggers, labelled, missing, decision, of_change))


def test_the_first_round_needs_no_labels_and_no_rollout() -> None:
    assert found(state_with(), triggers=(FIRST,)) == Due(DueStep.BEGIN_ROUND, 1, (FIRST.why,))
    steps = [found(state_with(ROUND_1[:count]), "rollout.kind=canary").step for count in range(1, 7)]
    assert steps == [
        DueStep.MAKE_VERSION,
        DueStep.SEARCH,
        DueStep.JUDGE,
        DueStep.PACK,
        DueStep.PROMOTE,
        DueStep.END_ROUND,
    ]


def test_a_first_round_that_found_nothing_is_not_searched_again_and_again() -> None:
    state = state_with((BEGUN, VERSION, NO_WINNER, REFUSED, (FactKind.ROUND_ENDED, {"outcome": "nothing", "why": []})))
    assert found(state, triggers=(FIRST,)).step is DueStep.NOTHING
    assert found(state, triggers=(FIRST, DRIFT)) == Due(DueStep.BEGIN_ROUND, 2, (DRIFT.why,))


def test_a_later_round_goes_through_labels_judgement_and_canary() -> None:
    made = (BEGUN, ASKED, TAKEN, VERSION, SEARCHED, judged("promote"), packed("v0002"))
    steps = [found(state_with(ROUND_1, made[:count]), "rollout.kind=canary", labelled=12).step for count in range(1, 8)]
    labels = [DueStep.HAND_OVER, DueStep.TAKE_LABELS, DueStep.MAKE_VERSION]
    assert steps == [*labels, DueStep.SEARCH, DueStep.JUDGE, DueStep.PACK, DueStep.BEGIN_ROLLOUT]
    assert found(state_with(ROUND_1, made), "rollout.kind=direct").step is DueStep.PROMOTE


def test_labels_are_waited_for_until_enough_are_back_or_the_time_is_over() -> None:
    state = state_with(ROUND_1, (BEGUN, ASKED))
    waits = found(state, missing=3)
    assert waits.step is DueStep.WAIT
    assert waits.why == ("7 of 10 images are labelled; 80% are waited for until 2026-01-19 14:00 UTC",)
    assert found(state, missing=2).step is DueStep.TAKE_LABELS
    assert found(state, missing=3, days=14).step is DueStep.TAKE_LABELS
    assert found(state, "labelling.wait_days=null", missing=3, days=400).step is DueStep.WAIT
    none_left = state_with(ROUND_1, (BEGUN, (FactKind.LABELS_ASKED, {"hand_over": "", "images": 0})))
    assert found(none_left).step is DueStep.TAKE_LABELS


def test_nobody_is_asked_for_labels_where_enough_wait_or_none_can_come() -> None:
    state = state_with(ROUND_1, (BY_HAND,))
    assert found(state, labelled=103).step is DueStep.TAKE_LABELS
    assert found(state, labelled=102).step is DueStep.HAND_OVER
    assert found(state, "triggers.labelled_min=20", labelled=23).step is DueStep.TAKE_LABELS
    assert found(state, "stream.labels=null").step is DueStep.TAKE_LABELS


def test_labels_from_before_a_change_are_not_enough_to_learn_it() -> None:
    state = state_with(ROUND_1, (BEGUN,))
    asks = found(state, labelled=103, of_change=99)
    assert asks.step is DueStep.HAND_OVER
    assert asks.why == ("100 newly labelled images wait, 99 of them taken since the change, 100 would be enough",)
    assert found(state, labelled=113, of_change=100).step is DueStep.TAKE_LABELS
    assert found(state, labelled=102, of_change=140).step is DueStep.HAND_OVER  # the last version has some of these
    settings = settings_of("triggers.drift.window_days=3")
    assert changed_since(state.round, settings) == BEGAN + timedelta(hours=len(ROUND_1)) - timedelta(days=3)
    assert changed_since(state_with(ROUND_1, (BY_HAND,)).round, settings) is None


def test_a_round_without_anything_new_ends_unless_it_was_asked_for() -> None:
    assert found(state_with(ROUND_1, (BEGUN, TAKEN))).step is DueStep.END_ROUND
    assert found(state_with(ROUND_1, (BY_HAND, TAKEN))).step is DueStep.MAKE_VERSION
    assert found(state_with(ROUND_1, (BEGUN, TAKEN)), labelled=4).step is DueStep.MAKE_VERSION


@pytest.mark.parametrize("ruling", ["keep", "cannot tell"])
def test_nothing_is_packed_that_was_not_judged_better(ruling: str) -> None:
    made = (BEGUN, TAKEN, VERSION, SEARCHED, judged(ruling))
    assert found(state_with(ROUND_1, made)).step is DueStep.REFUSE
    assert found(state_with(ROUND_1, (*made, REFUSED))) == Due(DueStep.END_ROUND, 2, ("worse on jars",))


def test_the_logs_decide_a_canary() -> None:
    state = state_with(ROUND_1, (BEGUN, TAKEN, VERSION, SEARCHED, judged("promote"), packed("v0002"), ROLLOUT))
    steps = {action: found(state, decision=RolloutDecision(action, ("so",))).step for action in RolloutAction}
    assert steps == {
        RolloutAction.WAIT: DueStep.WAIT,
        RolloutAction.PROMOTE: DueStep.PROMOTE,
        RolloutAction.ROLL_BACK: DueStep.ROLL_BACK,
    }
    gone = state_with(ROUND_1, (*[(fact.kind, fact.words) for fact in state.facts[7:]], rolled_back("v0002", "v0001")))
    assert gone.rollout is None
    assert found(gone).step is DueStep.END_ROUND


def test_a_promoted_version_is_rolled_back_even_while_the_next_round_is_under_way() -> None:
    second = (BEGUN, TAKEN, VERSION, SEARCHED, judged("promote"), packed("v0002"), promoted("v0002", "v0001"), ENDED)
    state = state_with(ROUND_1, second, (BEGUN, ASKED))
    decision = RolloutDecision(RolloutAction.ROLL_BACK, ("slow",))
    assert found(state, decision=decision) == Due(DueStep.ROLL_BACK, 2, ("slow",))
    assert version_before(state) == "v0001"
    back = state_with(ROUND_1, (*second, rolled_back("v0002", "v0001")), (BEGUN, ASKED))
    assert (back.champion and back.champion.version, version_before(back)) == ("v0001", "v0002")
    assert back.rounds[1].has_ended


def test_triggers_begin_one_round_and_name_all_reasons() -> None:
    other = Trigger(TriggerKind.TIME, "Monday")
    state = state_with(ROUND_1)
    assert found(state, triggers=(DRIFT, other)) == Due(DueStep.BEGIN_ROUND, 2, ("it is dark", "Monday"))
    assert found(state) == Due(DueStep.NOTHING, None, ("no trigger fires",))


def test_hooks_are_due_once_for_each_fact_of_the_last_day() -> None:
    state = state_with(ROUND_1)
    hooks = settings_of("hooks.promoted=echo", "hooks.labels_asked=echo").hooks
    now = state.facts[-1].at
    (named,) = hooks_due(state, hooks, now)
    assert named == ("promoted", state.last(FactKind.PROMOTED))
    called = Fact(99, FactKind.HOOK_CALLED, 1, now, {"hook": "promoted", "of": named[1].number})
    assert hooks_due(state_of([*state.facts, called]), hooks, now) == []
    assert hooks_due(state, hooks, now + timedelta(days=2)) == []
    assert hooks_due(state, settings_of().hooks, now) == []


def test_a_hook_that_a_later_move_has_overtaken_is_not_called_any_more() -> None:
    state = state_with(ROUND_1, (BEGUN, packed("v0002"), promoted("v0002", "v0001"), rolled_back("v0002", "v0001")))
    hooks = settings_of("hooks.promoted=echo", "hooks.rolled_back=echo").hooks
    now, back = state.facts[-1].at, state.last(FactKind.ROLLED_BACK)
    assert back is not None
    assert [name for name, _ in hooks_due(state, hooks, now)] == ["promoted", "promoted", "rolled_back"]
    called = Fact(99, FactKind.HOOK_CALLED, 2, now, {"hook": "rolled_back", "of": back.number})
    assert hooks_due(state_of([*state.facts, called]), hooks, now) == []


def test_a_judgement_holds_for_the_champion_that_it_was_made_against() -> None:
    begun = (BEGUN, TAKEN, VERSION, SEARCHED)
    of_old = (FactKind.JUDGED, {"ruling": "promote", "why": ["better"], "against": "v0009"})
    assert found(state_with(ROUND_1, (*begun, of_old))).step is DueStep.JUDGE
    assert found(state_with(ROUND_1, (*begun, of_old, packed("v0002")))).step is DueStep.JUDGE
    again = (FactKind.JUDGED, {"ruling": "keep", "why": ["worse"], "against": "v0001"})
    assert found(state_with(ROUND_1, (*begun, of_old, packed("v0002"), again))).step is DueStep.REFUSE


def test_every_fact_and_step_has_words() -> None:
    assert set(FACT_WORDS) == set(FactKind)
    assert words_of_due(Due(DueStep.SEARCH, 2, ("so",)), would=True) == "round 2: would search, because so"
    assert words_of_due(Due(DueStep.BEGIN_ROUND, 2, ("so",))) == "begin a round (2), because so"
    assert words_of_due(Due(DueStep.WAIT, 2, ("so", "and so"))) == "round 2: waits: so; and so"
