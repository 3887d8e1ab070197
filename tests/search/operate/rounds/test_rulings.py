"""Rules over two sets, by cases, and what holds for all of them: what cannot be told is never promoted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.compare.verdict import Ruled, Ruling
from search.operate.rounds.rulings import critical_records, first_rules, later_rules, rule_over

YES, NO, UNSURE = Ruling.PROMOTE, Ruling.KEEP, Ruling.CANNOT_TELL
APART = {YES: (0.02, 0.08), UNSURE: (-0.03, 0.05), NO: (-0.09, -0.01)}


def document(on_map: Ruling, new: str = "", **others: Ruling) -> dict[str, Any]:
    """Return a comparison's document; `new` is a class that the challenger alone knows, and finds."""
    low, high = APART[on_map]
    rules = {"mAP": on_map, **{key.replace("_", " "): ruling for key, ruling in others.items()}}
    return {
        "verdict": {
            "by_rule": [{"rule": rule, "ruling": str(ruling), "why": f"{rule}."} for rule, ruling in rules.items()],
            "critical": {"jar": {}},
        },
        "map": {"champion": 0.5, "challenger": 0.52, "difference": (low + high) / 2, "low": low, "high": high},
        "classes": {"only_challenger": [new] if new else []},
        "recall": [{"name": "jar", "champion": 0.9, "challenger": 0.9, "low": -0.1, "high": 0.1, "objects": 9}]
        + ([{"name": new, "champion": 0.0, "challenger": 0.9, "low": 0.6, "high": 1.0, "objects": 9}] if new else []),
    }


def ruling(frozen: Ruling, recent: Ruling | None, on_recent: str = "either", **more: Any) -> Ruling:
    of_recent = None if recent is None else document(recent, **more)
    return rule_over(later_rules(document(frozen), of_recent, on_recent))[0]


@pytest.mark.parametrize(
    ("frozen", "recent", "on_recent", "said"),
    [
        (YES, None, "either", YES),
        (UNSURE, None, "either", UNSURE),
        (YES, UNSURE, "either", YES),
        (UNSURE, YES, "either", YES),  # the world has changed: better where it is now, and not shown to be worse before
        (NO, YES, "either", NO),
        (YES, NO, "either", NO),
        (UNSURE, UNSURE, "either", UNSURE),
        (YES, UNSURE, "not_worse", YES),
        (UNSURE, YES, "not_worse", UNSURE),
        (YES, UNSURE, "better", UNSURE),
        (YES, NO, "ignored", YES),
    ],
)
def test_what_two_sets_say_of_accuracy(frozen: Ruling, recent: Ruling | None, on_recent: str, said: Ruling) -> None:
    assert ruling(frozen, recent, on_recent) is said


def test_a_class_that_the_champion_does_not_know_counts_once_it_is_found() -> None:
    assert ruling(UNSURE, UNSURE, new="can") is YES
    assert ruling(UNSURE, NO, new="can") is NO


@pytest.mark.parametrize(
    ("frozen", "recent", "said"),
    [(YES, YES, YES), (YES, UNSURE, YES), (YES, NO, NO), (UNSURE, YES, YES), (UNSURE, UNSURE, UNSURE), (NO, YES, NO)],
)
def test_a_no_of_either_set_on_a_critical_class_counts(frozen: Ruling, recent: Ruling, said: Ruling) -> None:
    both = [document(YES, drop_of_recall_of_jar=one) for one in (frozen, recent)]
    rules = later_rules(both[0], both[1], "either")
    assert rule_over(rules)[0] is said
    (record,) = critical_records(both[0], both[1], rules)
    assert (record["class"], record["ruling"]) == ("jar", str(said))


def test_the_gate_and_latency_count_with_and_without_a_champion() -> None:
    found = document(NO, p50=NO, **{"gate, p95": YES, "recall of jar": UNSURE})
    assert rule_over(first_rules(found)) == (UNSURE, ("recall of jar.", "gate, p95."))
    assert rule_over(later_rules(document(YES, p50=UNSURE), None, "either"))[0] is UNSURE


@given(st.lists(st.sampled_from([YES, NO, UNSURE]), max_size=6))
def test_only_what_every_rule_promotes_is_promoted_and_refusals_come_first(rulings: list[Ruling]) -> None:
    found, why = rule_over([Ruled(str(i), one, f"{one}") for i, one in enumerate(rulings)])
    assert (found is YES) == all(one is YES for one in rulings)
    order = ["keep", "cannot tell", "promote"]
    assert list(why) == sorted(why, key=order.index)
