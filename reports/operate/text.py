"""What a look has watched, as lines for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from reports.operate.words import change_words, figure_label, performance_words
from reports.table.words import ms


def look_lines(look: Mapping[str, Any]) -> list[str]:
    """Return lines about a look: what drifted, performance, answers, what people should see, what was not watched.

    Args:
        look: search.operate.watching.contract.Watched.to_json.
    """
    return [*_drift(look), *_performance(look), *_live(look), *_rest(look)]


def _drift(look: Mapping[str, Any]) -> Iterator[str]:
    known = [one for one in look["drift"] if one["change"] is not None]
    drifted = [one for one in known if one["drifted"]]
    for one in drifted:
        name = one["name"]
        margin = change_words(name, one["margin"], signed=False)
        change = f"{figure_label(name)} {change_words(name, one['change'])}"
        yield f"drift: {change}, margin {margin}, {one['images']:,} images"
    if known and not drifted:
        widest = max(known, key=lambda one: abs(one["change"]) / one["margin"])
        name = widest["name"]
        change = f"{figure_label(name)} {change_words(name, widest['change'])}"
        yield f"drift: none of {len(known)} figures; {change} is the most"


def _performance(look: Mapping[str, Any]) -> Iterator[str]:
    if rated := look["performance"]:
        bound = "" if rated["bound"] is None else f"; bound {rated['bound']:g}"
        yield f"performance: {performance_words(rated)}{bound}"


def _live(look: Mapping[str, Any]) -> Iterator[str]:
    if live := look.get("live"):
        errors = f", {live['errors']:,} errors" if live["errors"] else ""
        times = "" if live["p50_ms"] is None else f", p50 {ms(live['p50_ms'])}, p95 {ms(live['p95_ms'])}"
        yield f"answers: {live['answers']:,} of {live['version']}{errors}{times}"


def _rest(look: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"look: {line}" for line in look.get("alerts") or ())
    yield from (f"not watched: {note}" for note in look["notes"])
