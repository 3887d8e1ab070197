"""Facts of a pipeline in words: a line each, for people."""

from collections.abc import Callable, Mapping
from typing import Any

from search.operate.due import Due, DueStep
from search.operate.journal.facts import Fact, FactKind


def words_of_fact(fact: Fact) -> str:
    """Return what a fact says, in one line."""
    words = FACT_WORDS[fact.kind](fact.words)
    return f"round {fact.round}: {words}" if fact.round is not None else words


SAID_BY_FACTS = (
    DueStep.BEGIN_ROUND,
    DueStep.TAKE_LABELS,
    DueStep.REFUSE,
    DueStep.ROLL_BACK,
    DueStep.END_ROUND,
)  # done at once


def words_of_due(due: Due, *, would: bool = False) -> str:
    """Return what is due, and why, in one line; `would` where it is not done now."""
    why = "; ".join(due.why)
    place = f"round {due.round}: " if due.round is not None and due.step is not DueStep.BEGIN_ROUND else ""
    if due.step is DueStep.NOTHING:
        return f"nothing is due: {why}"
    if due.step is DueStep.WAIT:
        return f"{place}waits: {why}"
    step = f"{due.step} ({due.round})" if due.step is DueStep.BEGIN_ROUND else str(due.step)
    return f"{place}{'would ' if would else ''}{step}, because {why}"


TAKEN_IN_LEFT_OUT = {"duplicates": "copies", "near_duplicates": "near-duplicates"}  # of what was taken in: by its keys


def _looked(words: Mapping[str, Any]) -> str:
    taken = words["taken_in"]
    parts = [f"looked: {taken['new']:,} new images, {words['labelled']:,} newly labelled"]
    parts += [f"{taken[key]:,} {name} left out" for key, name in TAKEN_IN_LEFT_OUT.items() if taken.get(key)]
    watched = words["watched"]
    drifted = [one["name"] for one in watched["drift"] if one.get("drifted")]
    parts += [f"drift of {', '.join(drifted)}"] if drifted else []
    parts += [f"{one['kind']} fires: {one['why']}" for one in watched["triggers"]]
    return "; ".join(parts)


def _version(words: Mapping[str, Any]) -> str:
    data = words["data"]
    splits = ", ".join(f"{name} {count:,}" for name, count in data["images"].items())
    new = f"; new classes: {', '.join(data['new_classes'])}" if data["new_classes"] else ""
    return f"data set made: {splits}{new}"


def _searched(words: Mapping[str, Any]) -> str:
    found = (
        f"trial {words['winner']} wins" if words["winner"] is not None else "no winner"
    )  # why is what it is refused by
    trials = f"{words['trials']:,} trial{'s' * (words['trials'] != 1)}"
    return f"searched {trials} in {words['hours']:.2f} h ({words['study']}): {found}"


def _ended(words: Mapping[str, Any]) -> str:
    """Return how a round ended; the reasons of other outcomes stand in the line before."""
    return f"ended: {words['outcome']}" + (f", {'; '.join(words['why'])}" if words["outcome"] == "nothing" else "")


def _moved(words: Mapping[str, Any]) -> str:
    return "; ".join(words.get("why") or ()) or "no reason given"


FACT_WORDS: dict[FactKind, Callable[[Mapping[str, Any]], str]] = {
    FactKind.LOOKED: _looked,
    FactKind.ROUND_BEGUN: lambda words: f"begun: {'; '.join(words['why'])}",
    FactKind.LABELS_ASKED: lambda words: f"{words['images']:,} images handed over to be labelled, {words['hand_over']}",
    FactKind.LABELS_TAKEN: lambda words: f"goes on: {'; '.join(words['why'])}",
    FactKind.VERSION_MADE: _version,
    FactKind.SEARCHED: _searched,
    FactKind.JUDGED: lambda words: f"judged, {words['ruling']}: {'; '.join(words['why'])}",
    FactKind.REFUSED: lambda words: f"refused: {'; '.join(words['why'])}",
    FactKind.PACKED: lambda words: f"packed as {words['version']}",
    FactKind.ROLLOUT_BEGUN: lambda words: f"{words['rollout']} of {words['version']} begun",
    FactKind.PROMOTED: lambda words: f"{words['version']} serves from now on, before: {words['before'] or 'none'}",
    FactKind.ROLLED_BACK: lambda words: f"{words['version']} rolled back, {words['to']} serves: {_moved(words)}",
    FactKind.ROUND_ENDED: _ended,
    FactKind.FAILED: lambda words: f"failed, and is tried again at the next look: {words['step']}: {words['error']}",
    FactKind.ASKED: lambda words: f"a round is asked for by hand: {words['why']}",
    FactKind.ALERTED: lambda words: f"alert: {words['what']}",
    FactKind.HOOK_CALLED: lambda words: f"hook {words['hook']} called",
}
