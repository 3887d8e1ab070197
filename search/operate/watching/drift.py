"""Drift of a window against the champion's baselines, and when it begins a round."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from objectives.drift.look import look
from objectives.drift.sample import DriftSample
from objectives.drift.spending import alpha_of_look
from objectives.predictions.record import PredictionRecord
from search.operate.context import OperateContext
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import StreamImage
from search.operate.journal.state import PipelineState
from search.operate.watching.answers import ChampionAnswers
from search.operate.watching.champion import champion_round, fruitless_round
from search.operate.watching.contract import Trigger, TriggerKind
from search.operate.watching.embedded import embedded_samples
from search.operate.watching.reference import (
    DriftBaseline,
    read_baseline,
    sample_of_answers,
    sample_of_images,
)
from spaces.errors import DataError

OF_IMAGES = ("brightness", "contrast", "sharpness")  # figures of the image alone; the others are of what was found
LOOKS_A_WINDOW = 7  # at most: each look spends of the year's false alarms what time has passed, and finds with it
HISTOGRAM = ("edges", "labels", "counts", "counts_baseline")
GROUPS_NAMED = 3


def standing_drift(context: OperateContext, state: PipelineState) -> list[dict[str, Any]] | None:
    """Return the figures of the last drift look where it is too early for the next one; None where it is due.

    A pipeline that looks each minute would spend a minute's worth of false alarms at a time, and find nothing ever.
    """
    last, champion = last_drift(state), state.champion
    if not last or champion is None or last[0].get("version") != champion.version:
        return None
    passed = context.now - datetime.fromisoformat(last[0]["at"])
    soon = timedelta(days=context.settings.triggers.drift.window_days / LOOKS_A_WINDOW)
    return last if timedelta(0) <= passed < soon else None


def last_drift(state: PipelineState) -> list[dict[str, Any]]:
    """Return the figures of drift of the last look that has any."""
    facts = reversed(state.of_kind(FactKind.LOOKED))
    return next((found for fact in facts if (found := drift_of(fact))), [])


def drift_of(fact: Fact) -> list[dict[str, Any]]:
    """Return the figures of drift that a look has recorded."""
    return list((fact.words.get("watched") or {}).get("drift") or ())


def look_at_drift(
    context: OperateContext,
    state: PipelineState,
    images: Sequence[StreamImage],
    answers: ChampionAnswers | None,
    first_answers: DriftBaseline | None,
    *,
    keep: bool = True,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Hold the window against the baselines.

    Args:
        context: of the look.
        state: with a champion.
        images: all of the stream.
        answers: of the champion in the window; None without a log.
        first_answers: their baseline; None where there is none yet.
        keep: whether embeddings are kept in a file.

    Returns:
        The figures as JSON values, and lines about what could not be watched.
    """
    settings = context.settings.triggers.drift
    baseline = image_baseline(context, state, images)
    window = window_images(context, images, baseline)
    pairs = [(baseline.sample if baseline else DriftSample(()), sample_of_images(window))]
    if answers and first_answers:
        records = [record for record in answers.records if record.at > first_answers.until]
        pairs.append((first_answers.sample, sample_of_answers(records, groups_by_name(images))))
    embedded, problems = _embedded(context, state, images, baseline, keep=keep)
    before, after = (DriftSample.of(image for pair in pairs for image in pair[side].images) for side in (0, 1))
    if embedded:
        before, after = (
            DriftSample((*a.images, *b.images), b.embedder) for a, b in zip((before, after), embedded, strict=True)
        )
    watched = [name for name in settings.watch if name != "embedding" or embedded]
    alpha = alpha_of_look(settings.false_alarms, _since_days(context, state), settings.window_days)
    figures = look(
        before,
        after,
        watched,
        settings.margins,
        alpha,
        window_days=settings.window_days,
        images_min=settings.images_min,
    )
    stamp = {"at": context.now.isoformat(), "version": state.champion.version if state.champion else ""}
    notes = notes_of((one.name, one.note) for one in figures)
    return [_slim(one.to_json()) | stamp for one in figures], [*notes, *problems]


def notes_of(noted: Iterable[tuple[str, str]]) -> list[str]:
    """Return the notes of figures, one line for all that have the same one."""
    names: dict[str, list[str]] = {}
    for name, note in noted:
        names.setdefault(note, []).append(name)
    return [f"drift of {', '.join(of)}: {note}" for note, of in names.items() if note]


def _embedded(
    context: OperateContext,
    state: PipelineState,
    images: Sequence[StreamImage],
    baseline: DriftBaseline | None,
    *,
    keep: bool,
) -> tuple[list[DriftSample], list[str]]:
    """Return baseline and window with embeddings, where they are watched, and lines about why they cannot be."""
    made, champion = champion_round(state), state.champion
    if "embedding" not in context.settings.triggers.drift.watch or baseline is None or not made or champion is None:
        return [], []
    before = [image for image in images if baseline.since < image.at <= baseline.until]
    window = window_images(context, images, baseline)
    try:
        files = context.paths.round(made)
        return embedded_samples(context, champion.version, files, before, window, keep=keep), []
    except DataError as error:
        return [], [f"not watched: {error}"]


def image_baseline(
    context: OperateContext, state: PipelineState, images: Sequence[StreamImage]
) -> DriftBaseline | None:
    """Return the baseline of the images: frozen with the champion's data, else of the stream's first days."""
    settings = context.settings.triggers.drift
    made = champion_round(state)
    frozen = read_baseline(context.paths.round(made).reference) if made else None
    if frozen and len(frozen.sample.images) >= settings.images_min:
        return frozen
    if not images:
        return None
    first = min(image.at for image in images) - timedelta(seconds=1)
    until = min(first + timedelta(days=settings.baseline_days), context.now - timedelta(days=settings.window_days))
    early = [image for image in images if first < image.at <= until]
    return DriftBaseline(first, until, sample_of_images(early))


def drift_triggers(
    context: OperateContext, state: PipelineState, figures: Iterable[Mapping[str, Any]]
) -> list[Trigger]:
    """Return the trigger of what has drifted.

    Where a round that drift began has ended and left the champion as it was, drift that was seen until its end is known
    and begins no other: only where a figure has moved on by another margin, where one that had not drifted does, or
    after `baseline_days`, when there may be labels enough.
    """
    drifted = [one for one in figures if one["drifted"]]
    known = known_drift(context, state)
    fresh = [one for one in drifted if abs(one["change"]) > known.get(one["name"], 0.0)]
    if not fresh:
        return []
    return [Trigger(TriggerKind.DRIFT, "; ".join(drift_words(one) for one in fresh))]


def known_drift(context: OperateContext, state: PipelineState) -> dict[str, float]:
    """Return by figure the change up to which drift begins no round, since one has come to nothing about it."""
    fruitless = fruitless_round(state, TriggerKind.DRIFT)
    if fruitless is None:
        return {}
    ended = fruitless.facts[FactKind.ROUND_ENDED]
    if context.now - ended.at >= timedelta(days=context.settings.triggers.drift.baseline_days):
        return {}
    champion = state.champion
    known: dict[str, float] = {}
    for fact in state.of_kind(FactKind.LOOKED):
        for one in drift_of(fact) if fact.number < ended.number else ():
            if one["drifted"] and champion and one.get("version") == champion.version:
                known[one["name"]] = max(known.get(one["name"], 0.0), abs(one["change"]) + one["margin"])
    return known


def drift_words(one: Mapping[str, Any]) -> str:
    """Return 'brightness -23 % (margin 15 %), most in store-3, store-1'."""
    name = str(one["name"]).replace("_", " ")
    if one["name"] in ("class_mix", "embedding"):
        text = f"{name} moved by {one['change']:.2f} (margin {one['margin']:g})"
    else:
        text = f"{name} {100 * one['change']:+.0f} % (margin {100 * one['margin']:.0f} %)"
    groups = sorted(one.get("by_group", {}).items(), key=lambda item: -abs(item[1]))
    beyond = [group for group, change in groups if abs(change) > one["margin"]]
    if not beyond or len(beyond) == len(groups):
        return text
    more = f" and {len(beyond) - GROUPS_NAMED} more" if len(beyond) > GROUPS_NAMED else ""
    return f"{text}, in {', '.join(beyond[:GROUPS_NAMED])}{more} of {len(groups)} groups"


def groups_by_name(images: Iterable[StreamImage]) -> dict[str, str]:
    """Return the group of each image by its path and by its hash, as logs name images."""
    return {name: image.group for image in images for name in (image.path, image.sha256)}


def answers_with_content(
    records: Iterable[PredictionRecord], images: Iterable[StreamImage], lacking: set[str]
) -> list[PredictionRecord]:
    """Return the answers but those about images without content.

    Args:
        records: answers.
        images: of the stream.
        lacking: hashes of those without content.
    """
    names = {name for image in images if image.sha256 in lacking for name in (image.path, image.sha256)}
    return [record for record in records if record.image not in names]


def window_images(
    context: OperateContext, images: Sequence[StreamImage], baseline: DriftBaseline | None
) -> list[StreamImage]:
    """Return the images of the window; none of them is in the baseline, too."""
    since = context.now - timedelta(days=context.settings.triggers.drift.window_days)
    since = max(since, baseline.until) if baseline else since
    return [image for image in images if since < image.at <= context.now]


def _since_days(context: OperateContext, state: PipelineState) -> float | None:
    last = last_drift(state)
    if not last:
        return None
    return (context.now - datetime.fromisoformat(last[0]["at"])) / timedelta(days=1)


def _slim(values: dict[str, Any]) -> dict[str, Any]:
    """Return a figure without the histograms of what has not drifted: a journal keeps each look for years."""
    return values if values["drifted"] else {key: value for key, value in values.items() if key not in HISTOGRAM}
