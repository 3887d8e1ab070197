"""What the comparisons of a round come to: each rule in its place, and the ruling over all of them; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from objectives.compare.verdict import Ruled, Ruling, together

FROZEN_SET, RECENT_SET = "frozen", "recent"  # the two validation sets
REFUSALS_FIRST = (Ruling.KEEP, Ruling.CANNOT_TELL, Ruling.PROMOTE)

Document = Mapping[str, Any]  # what `automl compare ... format=json` prints


def rule_over(rules: Sequence[Ruled]) -> tuple[Ruling, tuple[str, ...]]:
    """Return the ruling over all rules, and a line each, those that said no first."""
    ordered = sorted(rules, key=lambda one: REFUSALS_FIRST.index(one.ruling))
    return together([one.ruling for one in rules]), tuple(one.why for one in ordered)


def first_rules(frozen: Document) -> list[Ruled]:
    """Return the rules where there is no champion: the gate, and the recall of critical classes.

    Args:
        frozen: the challenger compared with itself.
    """
    return [one for one in _by_rule(frozen) if one.rule.startswith(("gate", "recall"))]


def later_rules(frozen: Document, recent: Document | None, on_recent: str) -> list[Ruled]:
    """Return the rules of a challenger against a champion.

    Args:
        frozen: both on the frozen set, with the gate.
        recent: both on the recent set; None where there is none, or it is ignored.
        on_recent: what it must say, as of `gates.on_recent`.
    """
    of_frozen = _by_rule(frozen)
    plain = [one for one in of_frozen if one.rule.startswith("gate") or one.rule == "p50"]
    critical = [_critical(one, recent) for one in of_frozen if "recall of " in one.rule and one.rule[:4] != "gate"]
    return [*_accuracy(frozen, recent, on_recent), *critical, *plain]


def critical_records(frozen: Document, recent: Document | None, rules: Sequence[Ruled]) -> tuple[dict[str, Any], ...]:
    """Return a record for each critical class: recalls of both, and what its rules come to.

    The recalls are those of the frozen set; of a class that it has no object of, those of the recent one.
    """
    recalls = {one["name"]: one for of in (recent, frozen) if of is not None for one in of["recall"]}
    found = []
    for name in frozen["verdict"]["critical"]:
        known = recalls.get(name, {})
        figures = {key: known.get(key) for key in ("champion", "challenger", "low", "high", "objects")}
        own = [one for one in rules if one.rule in (f"recall of {name}", f"drop of recall of {name}")]
        ruling, why = rule_over(own)
        found.append({"class": name, **figures, "ruling": str(ruling), "why": "; ".join(why)})
    return tuple(found)


def in_short(document: Document) -> dict[str, Any]:
    """Return a comparison's figures in short."""
    latency = document["latency"]
    return {
        "map": document["map"],
        "map50": document["map50"],
        "p50_ms": [latency[side]["p50_ms"] for side in ("champion", "challenger")],
        "p95_ms": [latency[side]["p95_ms"] for side in ("champion", "challenger")],
        "images": document["data"]["images"],
        "objects": document["data"]["objects"],
        "fingerprint": document["data"]["fingerprint"],
        "outcome": document["verdict"]["outcome"],
        "per_class": [
            {"name": one["name"], "champion": one["map"]["champion"], "challenger": one["map"]["challenger"]}
            for one in document["per_class"]
        ],
    }


def _by_rule(document: Document) -> list[Ruled]:
    return [Ruled(one["rule"], Ruling(one["ruling"]), one["why"]) for one in document["verdict"]["by_rule"]]


def _accuracy(frozen: Document, recent: Document | None, on_recent: str) -> Iterator[Ruled]:
    """Yield what the two sets say of accuracy."""
    on_frozen = _on_one(frozen, FROZEN_SET)
    if recent is None or on_recent == "ignored":
        yield on_frozen
        return
    of_recent = _on_one(recent, RECENT_SET)
    if on_recent == "better":
        yield from (on_frozen, of_recent)
    elif on_recent == "not_worse":
        yield from (on_frozen, _not_worse(recent, RECENT_SET))
    else:
        other, document, name = (of_recent, frozen, FROZEN_SET)
        if on_frozen.ruling is Ruling.PROMOTE:
            other, document, name = (on_frozen, recent, RECENT_SET)
        yield from (other, _not_worse(document, name))


def _on_one(document: Document, name: str) -> Ruled:
    """Return the rule of mAP; who finds a class that the champion does not know is better where mAP leaves it open."""
    rule = next(one for one in _by_rule(document) if one.rule == "mAP")
    alone = set(document["classes"]["only_challenger"])
    gained = [one["name"] for one in document["recall"] if one["name"] in alone and (one["low"] or 0.0) > 0]
    ruling, why = rule.ruling, f"{name} set: {rule.why}"
    if gained and ruling is not Ruling.PROMOTE and _not_worse(document, name).ruling is Ruling.PROMOTE:
        ruling, why = Ruling.PROMOTE, f"{why}; but it finds {', '.join(gained)}, which the champion does not know"
    return Ruled(f"mAP, {name}", ruling, why)


def _not_worse(document: Document, name: str) -> Ruled:
    """Return whether a set does not show that the challenger is worse: no if the whole interval lies below zero."""
    apart = document["map"]
    rule = f"not worse, {name}"
    if apart["low"] is None:
        return Ruled(rule, Ruling.PROMOTE, f"{name} set: too few images to show that the challenger is worse")
    said = f"{name} set: the difference of mAP, {apart['difference']:+.3f}, lies between {apart['low']:+.3f}"
    said = f"{said} and {apart['high']:+.3f}"
    if apart["high"] < 0:
        return Ruled(rule, Ruling.KEEP, f"{said}: the challenger is worse there")
    return Ruled(rule, Ruling.PROMOTE, f"{said}: not shown to be worse")


def _critical(one: Ruled, recent: Document | None) -> Ruled:
    """Return what both sets say of a rule: a no of either counts; what the frozen one leaves open, the other says."""
    other = next((two for two in _by_rule(recent) if two.rule == one.rule), None) if recent else None
    if other is None:
        return Ruled(one.rule, one.ruling, f"{FROZEN_SET} set: {one.why}")
    is_said = one.ruling is Ruling.KEEP or (one.ruling is Ruling.PROMOTE and other.ruling is not Ruling.KEEP)
    if not is_said and other.ruling is not Ruling.CANNOT_TELL:
        return Ruled(one.rule, other.ruling, f"{RECENT_SET} set: {other.why}")
    return Ruled(one.rule, one.ruling, f"{FROZEN_SET} set: {one.why}")
