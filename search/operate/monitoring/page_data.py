"""Data of a pipeline's page, plain: who serves and why, what was watched over time, rounds, pictures."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from reports.table.words import plural
from search.operate.context import OperateContext
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.state import PipelineState
from search.operate.monitoring.changed import picture_rows
from search.operate.monitoring.findings import Look
from search.operate.monitoring.metrics import counts_by_status
from search.operate.monitoring.round_data import moment, round_data, why_lines

POINTS_MOST = 300  # of a figure over time
ROUNDS_SHOWN = 40  # on the page
SECRET = ("store.url=", "monitoring.webhook=", "hooks.")  # words of a line that may hold passwords
ALERTS_DAYS = 14  # of which alerts stand at the top
ALERTS_MOST = 4


def page_data(context: OperateContext, state: PipelineState, look: Look) -> dict[str, Any]:
    """Return what `reports.operate.page.write_pipeline_page` draws, as JSON values.

    Args:
        context: of the look.
        state: of the pipeline.
        look: what this look has watched, watching.contract.Watched.to_json; empty for nothing.

    Returns:
        name, now; headline: tone, claim, lines; tiles: label, value, line below; alerts, notes; span: first and last
        moment of the figures; begun, promoted: moments of rounds; drift: name, points and the figure of now;
        performance: metric, bound and points, or None; live: points; rounds, champions, pictures, facts.
    """
    images = context.journal.images()
    looks = [*recorded_looks(state), *([(context.now, look)] if look else [])]
    thin = thinned(looks)
    first = min([context.now - timedelta(days=1), *(at for at, _ in looks), *(one.begun_at for one in state.rounds)])
    rounds = [round_data(one, state) for one in reversed(state.rounds)]
    return {
        "name": context.settings.name,
        "now": moment(context.now),
        "headline": _headline(context, state),
        "tiles": _tiles(state, images, look),
        "alerts": _alerts(state, context.now),
        "notes": [f"{note[:1].upper()}{note[1:]}." for note in look.get("notes") or ()],
        "span": [stamp(first), stamp(context.now + (context.now - first) * 0.02)],
        "begun": [stamp(one.begun_at) for one in state.rounds],
        "promoted": [stamp(one.at) for one in state.serving],
        "drift": drift_series(thin, look),
        "performance": performance_series(thin),
        "live": [{"at": stamp(at), **one["live"]} for at, one in thin if one.get("live")],
        "rounds": rounds[:ROUNDS_SHOWN],
        "rounds_left_out": max(0, len(rounds) - ROUNDS_SHOWN),
        "champions": _champions(state),
        "pictures": picture_rows(context, state, images, look),
        "images_min": context.settings.triggers.drift.images_min,
        "facts": _facts(context, state, images),
    }


def recorded_looks(state: PipelineState) -> list[tuple[datetime, Look]]:
    """Return when it was looked, and what was watched, the oldest first."""
    looked = ((fact.at, fact.words.get("watched")) for fact in state.of_kind(FactKind.LOOKED))
    return [(at, look) for at, look in looked if look]


def thinned(looks: Sequence[tuple[datetime, Look]]) -> list[tuple[datetime, Look]]:
    """Return an even part of the looks with the last one; those at which something drifted all stay."""
    step = -(-len(looks) // POINTS_MOST) or 1
    last = len(looks) - 1
    drifted = [any(one["drifted"] for one in look.get("drift") or ()) for _, look in looks]
    kept = [i for i in range(len(looks)) if (last - i) % step == 0 or drifted[i]]
    return [looks[i] for i in kept[-2 * POINTS_MOST :]]


def drift_series(looks: Sequence[tuple[datetime, Look]], look: Look) -> list[dict[str, Any]]:
    """Return each figure that is watched now with its points over time; a gap where it was not known."""
    found = []
    for now in look.get("drift") or ():
        points = [
            {"at": stamp(at), "change": one["change"], "drifted": one["drifted"]}
            for at, each in looks
            for one in each.get("drift") or ()
            if one["name"] == now["name"]
        ]
        found.append({"name": now["name"], "points": points, "now": dict(now)})
    return found


def performance_series(looks: Sequence[tuple[datetime, Look]]) -> dict[str, Any] | None:
    """Return the metric that was watched last, its bound and its points; None where none is known."""
    rated = [(at, look["performance"]) for at, look in looks if look.get("performance")]
    if not rated:
        return None
    last = rated[-1][1]
    keys = ("value", "low", "high", "images")
    points = [
        {"at": stamp(at)} | {key: one[key] for key in keys} for at, one in rated if one["metric"] == last["metric"]
    ]
    return {"metric": last["metric"], "bound": last["bound"], "points": points}


def stamp(at: datetime) -> str:
    """Return a moment as the page's script reads it; without a zone, so that it is shown in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _headline(context: OperateContext, state: PipelineState) -> dict[str, Any]:
    champion = state.champion
    lines = [f"{_serving_why(state, len(state.serving) - 1)}."] if champion else []
    if state.rollout:
        rollout = state.rollout
        part = f" with {rollout.share:.0%} of the traffic" if rollout.kind == "canary" else ""
        lines.append(f"{rollout.version} is in {rollout.kind}{part} since {moment(rollout.begun_at)} UTC.")
    if state.round:
        lines.append(f"Round {state.round.number} is under way since {moment(state.round.begun_at)} UTC.")
    if champion is None:
        return {"tone": "stopped", "claim": "Nothing serves yet.", "lines": lines}
    tone = "over" if state.rollout or state.round else "gate"
    return {"tone": tone, "claim": f"{champion.version} serves since {moment(champion.at)} UTC.", "lines": lines}


def _tiles(state: PipelineState, images: Sequence[StreamImage], look: Look) -> list[tuple[str, str, str]]:
    drift, live, rated = look.get("drift") or (), look.get("live"), look.get("performance")
    drifted = [one["name"].replace("_", " ") for one in drift if one["drifted"]]
    counts = counts_by_status(image.status for image in images)
    promoted = sum(one.has_ended and one.words(FactKind.ROUND_ENDED)["outcome"] == "promoted" for one in state.rounds)
    tiles = [
        (
            "serves",
            state.champion.version if state.champion else "nothing",
            plural(len(state.serving), "version") + " so far",
        )
    ]
    if rated:
        below = f"{rated['images']:,} images" + ("" if rated["bound"] is None else f", bound {rated['bound']:g}")
        tiles.append((rated["metric"].replace("_", " "), f"{rated['value']:.3f}", below))
    tiles.append(("drifted", f"{len(drifted)} of {len(drift)}", ", ".join(drifted) or "figures watched"))
    if live:
        p95 = "–" if live["p95_ms"] is None else f"{live['p95_ms']:.1f} ms"
        tiles.append(("p95 of answers", p95, f"{live['answers']:,} answers, {live['errors']:,} errors"))
    waiting = counts[ImageStatus.ASKED]
    below = f"{counts[ImageStatus.LABELLED]:,} labelled, {waiting:,} asked for"
    tiles.append(("images", f"{len(images):,}", below))
    tiles.append(("rounds", str(len(state.rounds)), f"{promoted} promoted"))
    return tiles


def _alerts(state: PipelineState, now: datetime) -> list[dict[str, str]]:
    """Return the last alerts of the last days, the newest first."""
    recent = [fact for fact in state.of_kind(FactKind.ALERTED) if now - fact.at <= timedelta(days=ALERTS_DAYS)]
    chosen = list(reversed(recent))[:ALERTS_MOST]
    return [
        {"at": moment(fact.at), "what": str(fact.words["what"]), "sent": str(fact.words.get("sent") or "")}
        for fact in chosen
    ]


def _champions(state: PipelineState) -> list[dict[str, Any]]:
    """Return who served when and why, the last one first."""
    rows = []
    for i, one in enumerate(state.serving):
        until = moment(state.serving[i + 1].at) if i + 1 < len(state.serving) else "now"
        row = {"version": one.version, "since": moment(one.at), "until": until, "round": one.round}
        rows.append(row | {"why": _serving_why(state, i)})
    return rows[::-1]


def _serving_why(state: PipelineState, i: int) -> str:
    """Return in words why a version came to serve."""
    one = state.serving[i]
    moved = [
        f for f in state.of_kind(FactKind.PROMOTED, FactKind.ROLLED_BACK) if f.at == one.at and _names(f, one.version)
    ]
    if moved and moved[-1].kind is FactKind.ROLLED_BACK:
        return f"Rolled back from {moved[-1].words['version']}: {'; '.join(why_lines(moved[-1].words.get('why')))}"
    rounds = [each for each in state.rounds if each.number == one.round]
    if not rounds:
        return "Promoted"
    begun, judged = rounds[0].facts.get(FactKind.ROUND_BEGUN), rounds[0].facts.get(FactKind.JUDGED)
    why = f"Promoted by round {one.round}"
    why += f", begun because: {'; '.join(why_lines(begun.words.get('why')))}" if begun else ""
    verdict = "; ".join(why_lines(judged.words.get("why"))[:2]) if judged else ""
    return f"{why}. {verdict[:1].upper()}{verdict[1:]}" if verdict else why


def _names(fact: Fact, version: str) -> bool:
    return bool(version == fact.words["to" if fact.kind is FactKind.ROLLED_BACK else "version"])


def _facts(context: OperateContext, state: PipelineState, images: Iterable[StreamImage]) -> list[tuple[str, str]]:
    counts: Mapping[ImageStatus, int] = counts_by_status(image.status for image in images)
    settings = context.settings
    shown = (f"{word.partition('=')[0]}=..." if word.startswith(SECRET) else word for word in context.line)
    line = [("this look", shlex.join(("automl", "operate", *shown)))] if context.line else []
    where = [("the pipeline’s folder", str(context.paths.folder)), ("deployments", str(context.paths.deployed))]
    sources = [
        (f"stream.{name}", str(getattr(settings.stream, name) or "not set"))
        for name in ("images", "labels", "predictions")
    ]
    numbers = [(f"images {status.value}", f"{count:,}") for status, count in counts.items()]
    return [*numbers, *sources, *where, ("facts", f"{len(state.facts):,}"), *line]
