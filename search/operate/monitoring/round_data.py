"""One round for the page: its steps in words, its lines as they were run, and links to its comparisons."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from reports.operate.words import metric_label
from reports.table.words import ms
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.state import PipelineState, RoundState

OUTCOME_TONES = {
    "promoted": "gate",
    "kept": "stopped",
    "cannot tell": "stopped",
    "rolled back": "failed",
    "nothing": "stopped",
}
ROLLED_BACK_LATER = "promoted, later rolled back"
ASIDE = (FactKind.ALERTED, FactKind.HOOK_CALLED)  # facts that are no steps
Words = Mapping[str, Any]


def round_data(one: RoundState, state: PipelineState) -> dict[str, Any]:
    """Return a round as JSON values: number, outcome, tone, span, why, steps, sides and links."""
    ended = one.facts.get(FactKind.ROUND_ENDED)
    outcome = str(ended.words["outcome"]) if ended else "under way"
    is_gone = ended is not None and _was_rolled_back(one, ended, state)
    span = f"{moment(one.begun_at)} to {moment(ended.at)} UTC" if ended else f"since {moment(one.begun_at)} UTC"
    judged = one.facts.get(FactKind.JUDGED)
    return {
        "number": one.number,
        "outcome": ROLLED_BACK_LATER if is_gone else outcome,
        "tone": "failed" if is_gone else OUTCOME_TONES.get(outcome, "muted") if ended else "front",
        "span": span,
        "why": "; ".join(why_lines(one.words(FactKind.ROUND_BEGUN).get("why"))),
        "steps": _steps_data(_steps(one, state)),
        "sides": _sides(judged.words) if judged else [],
        "links": _links(judged.words) if judged else [],
    }


def _was_rolled_back(one: RoundState, ended: Fact, state: PipelineState) -> bool:
    """Whether the version that a round promoted went later, by a rule or by hand."""
    version = one.words(FactKind.PACKED).get("version") if FactKind.PROMOTED in one.facts else None
    later = (fact for fact in state.of_kind(FactKind.ROLLED_BACK) if fact.number > ended.number)
    return version is not None and any(fact.words["version"] == version for fact in later)


def _steps_data(facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """Return steps; reasons that are those of the step before are not repeated."""
    steps = [step_data(fact) for fact in facts]
    return [
        {**step, "lines": []} if before is not None and step["lines"] == before["lines"] else step
        for before, step in zip([None, *steps], steps, strict=False)
    ]


def step_data(fact: Fact) -> dict[str, Any]:
    """Return a step: title, at, tone, lines of words, and the line of automl that it ran, if any."""
    title, lines = WORDS.get(fact.kind, _plain)(fact.words)
    tone = "failed" if fact.kind in (FactKind.FAILED, FactKind.ROLLED_BACK) else "muted"
    tone = "gate" if fact.kind is FactKind.PROMOTED else "stopped" if fact.kind is FactKind.REFUSED else tone
    line = fact.words.get("line") if fact.kind is FactKind.SEARCHED else None
    command = f"automl {shlex.join(line)}" if line else ""
    return {
        "title": title or fact.kind.value,
        "at": f"{moment(fact.at)} UTC",
        "tone": tone,
        "lines": lines,
        "command": command,
    }


def moment(at: datetime) -> str:
    """Return '2026-01-05 06:00'."""
    return f"{at:%Y-%m-%d %H:%M}"


def why_lines(why: Any) -> list[str]:
    """Return reasons as lines: facts keep one text, or several."""
    if not why:
        return []
    return [why] if isinstance(why, str) else [str(line) for line in why]


def _steps(one: RoundState, state: PipelineState) -> list[Fact]:
    """Return the facts of a round; of a step that failed several times on end, the last failure."""
    facts = [fact for fact in state.facts if fact.round == one.number and fact.kind not in ASIDE]
    follow = [*facts[1:], None]
    return [
        fact
        for fact, after in zip(facts, follow, strict=True)
        if not (fact.kind is FactKind.FAILED and after is not None and after.kind is FactKind.FAILED)
    ]


def _begun(words: Words) -> tuple[str, list[str]]:
    return f"Begun: {', '.join(why_lines(words.get('kinds')))}", why_lines(words.get("why"))


def _asked(words: Words) -> tuple[str, list[str]]:
    return f"{words['images']:,} images handed over to be labelled", [str(words["hand_over"])] if words[
        "images"
    ] else []


def _taken(words: Words) -> tuple[str, list[str]]:
    waited = words.get("waited_days")
    return f"{words['images']:,} images labelled", [] if waited is None else [f"after {waited:.1f} days"]


def _version(words: Words) -> tuple[str, list[str]]:
    data = words["data"]
    counts = ", ".join(f"{name} {count:,}" for name, count in data["images"].items())
    new = f"new classes: {', '.join(data['new_classes'])}" if data["new_classes"] else ""
    frozen = f"frozen validation set {data['frozen']}" if data.get("frozen") else ""
    return f"Version {data['number']} of the data set", [line for line in (counts, new, frozen, data["folder"]) if line]


def _searched(words: Words) -> tuple[str, list[str]]:
    effort = f"{words['trials']} trials in {words['hours']:.2g} h"
    carried = (
        f"{words['carried']} detectors of the round before were scored on the new data first"
        if words["carried"]
        else ""
    )
    figures = ", ".join(f"{name} {value:.4g}" for name, value in (words.get("figures") or {}).items())
    found = f"trial {words['winner']} goes on" + (f": {figures}" if figures else "")
    found = str(words["why"]) if words["winner"] is None else found
    return f"Searched: {effort}", [line for line in (carried, found, _offered(words.get("offered") or ())) if line]


def _offered(offered: Sequence[Words]) -> str:
    """Return what the challenger was chosen among, where there was a choice."""
    if len(offered) < 2:
        return ""
    both = all(one["map_recent"] is not None for one in offered)
    columns = ("map", "map_recent") if both else ("map",)
    figures = [f"trial {one['number']} {' / '.join(f'{one[name]:.3f}' for name in columns)}" for one in offered]
    return f"chosen among (mAP in the search{' / on recent images alone' if both else ''}): {', '.join(figures)}"


def _judged(words: Words) -> tuple[str, list[str]]:
    return f"Judged: {words['ruling']}", why_lines(words.get("why"))


def _refused(words: Words) -> tuple[str, list[str]]:
    return "Refused", why_lines(words.get("why"))


def _packed(words: Words) -> tuple[str, list[str]]:
    layouts = why_lines(words.get("layouts"))
    return f"Packed as {words['version']}", [f"with {', '.join(layouts)}"] if layouts else []


def _rollout(words: Words) -> tuple[str, list[str]]:
    if words["rollout"] == "canary":
        return f"Canary: {words['version']} answers {words['share']:.0%} of the traffic", []
    return f"Shadow: {words['version']} answers beside the champion, whose answers count", []


def _promoted(words: Words) -> tuple[str, list[str]]:
    before = words.get("before")
    return f"{words['version']} serves", [f"in place of {before}"] if before else []


def _rolled_back(words: Words) -> tuple[str, list[str]]:
    to = f"{words['to']} serves again" if words.get("to") else "nothing serves in its place"
    by = f"by {words['by']}" if words.get("by") else ""
    return f"{words['version']} rolled back", [line for line in (to, by, *why_lines(words.get("why"))) if line]


def _ended(words: Words) -> tuple[str, list[str]]:
    return f"Ended: {words['outcome']}", why_lines(words.get("why"))


def _failed(words: Words) -> tuple[str, list[str]]:
    return f"Failed: {words['step']}", [str(words["error"]), "tried again at the next look"]


def _plain(words: Words) -> tuple[str, list[str]]:
    return "", why_lines(words.get("why"))


WORDS: dict[FactKind, Callable[[Words], tuple[str, list[str]]]] = {
    FactKind.ROUND_BEGUN: _begun,
    FactKind.LABELS_ASKED: _asked,
    FactKind.LABELS_TAKEN: _taken,
    FactKind.VERSION_MADE: _version,
    FactKind.SEARCHED: _searched,
    FactKind.JUDGED: _judged,
    FactKind.REFUSED: _refused,
    FactKind.PACKED: _packed,
    FactKind.ROLLOUT_BEGUN: _rollout,
    FactKind.PROMOTED: _promoted,
    FactKind.ROLLED_BACK: _rolled_back,
    FactKind.ROUND_ENDED: _ended,
    FactKind.FAILED: _failed,
}


def _sides(words: Words) -> list[list[str]]:
    """Return rows of champion and challenger on the frozen and on the recent set, and of critical classes."""
    rows = []
    for name, part in (("frozen", words.get("on_frozen")), ("recent", words.get("on_recent"))):
        for metric, apart in (part or {}).items():
            if isinstance(apart, Mapping) and {"champion", "challenger"} <= apart.keys():
                rows.append([f"{metric_label(metric)}, {name} set", *_cells(apart)])
            elif metric.endswith("_ms"):
                rows.append([f"{metric.removesuffix('_ms')}, {name} set", *_times(apart)])
    critical = {one["class"]: one for one in words.get("critical") or ()}  # of each a record a rule
    return rows + [[f"recall of {name}, critical", *_cells(one)] for name, one in critical.items()]


def _cells(apart: Words) -> list[str]:
    """Return champion, challenger, difference and interval."""
    one, other = apart["champion"], apart["challenger"]
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return ["–" if side is None else str(side) for side in (one, other)] + ["", ""]
    low, high = apart.get("low"), apart.get("high")
    span = "" if low is None or high is None else f"{low:+.3f} to {high:+.3f}"
    return [f"{one:.3f}", f"{other:.3f}", f"{other - one:+.3f}", span]


def _times(pair: Any) -> list[str]:
    """Return latencies of champion and challenger, and by which share they differ."""
    one, other = pair
    return [ms(one), ms(other), f"{100 * (other / one - 1):+.0f} %" if one else "", ""]


def _links(words: Words) -> list[tuple[str, str]]:
    """Return label and address of each comparison's page; the page lies in the pipeline's folder, as these do."""
    pages = [str(page) for page in words.get("pages") or () if str(page).endswith(".html")]
    return [(page.rsplit("/", maxsplit=1)[-1].removesuffix(".html"), quote(page)) for page in pages]
