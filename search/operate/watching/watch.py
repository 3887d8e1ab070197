"""One look at what a pipeline watches: drift, performance, broken cameras, and the triggers that fire."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from search.operate.context import OperateContext
from search.operate.journal.images import StreamImage, has_content
from search.operate.journal.state import PipelineState
from search.operate.watching.answers import ChampionAnswers, live_figures, read_answers
from search.operate.watching.champion import champion_round
from search.operate.watching.content import broken_cameras
from search.operate.watching.contract import Watched
from search.operate.watching.drift import (
    answers_with_content,
    drift_triggers,
    groups_by_name,
    look_at_drift,
    standing_drift,
)
from search.operate.watching.performance import performance_triggers, rate_window
from search.operate.watching.reference import (
    DriftBaseline,
    freeze_reference,
    read_baseline,
    sample_of_answers,
    write_baseline,
)
from search.operate.watching.triggers import plain_triggers
from search.operate.watching.truth import sampled_truth

__all__ = ["freeze_reference", "watch"]


@dataclass(frozen=True)
class _Seen:
    """What one look works on: the stream, the champion's answers (None without a log), whether files are kept."""

    images: tuple[StreamImage, ...]
    answers: ChampionAnswers | None
    keep: bool


def watch(context: OperateContext, state: PipelineState, *, keep: bool = True) -> Watched:
    """Look at everything that is watched.

    Args:
        context: of the look.
        state: of the pipeline.
        keep: whether the baseline of the champion's answers is kept once it is complete, and embeddings are; nothing
            else is written. False for a look that changes nothing.

    Raises:
        SettingsError: the moment of the look lies before the last one's.
        DataError: the log of predictions cannot be read.
    """
    triggers = plain_triggers(context, state)
    images = tuple(image for image in context.journal.images() if image.at <= context.now)
    window = timedelta(days=context.settings.triggers.drift.window_days)
    alerts = tuple(broken_cameras(images, context.now - window))
    if state.champion is None:
        return Watched((), None, tuple(triggers), (), None, alerts)
    seen = _Seen(images, _answers(context, state), keep)
    drift, notes = _drift(context, state, seen)
    triggers += drift_triggers(context, state, drift)
    rated, rated_notes = _performance(context, state, seen.answers)
    triggers += performance_triggers(context, state, rated)
    notes += [*rated_notes, *(seen.answers.problems if seen.answers else ())]
    live = live_figures(seen.answers) if seen.answers else None
    return Watched(tuple(drift), rated, tuple(triggers), tuple(notes), live, alerts)


def _answers(context: OperateContext, state: PipelineState) -> ChampionAnswers | None:
    """Return the champion's answers of the longest window that is watched."""
    triggers, log = context.settings.triggers, context.settings.stream.predictions
    if log is None or state.champion is None:
        return None
    days = max(triggers.drift.window_days, triggers.performance.window_days)
    since = context.now - timedelta(days=days)
    return read_answers(Path(log).expanduser(), state.champion.version, since, context.now)


def _drift(context: OperateContext, state: PipelineState, seen: _Seen) -> tuple[list[dict[str, Any]], list[str]]:
    standing = standing_drift(context, state)
    if standing is not None:
        return standing, []
    if not context.settings.triggers.drift.watch:
        return [], []
    days = context.settings.triggers.drift.window_days
    answers = _with_content(seen.answers, seen.images, context, days)
    first = _first_answers(context, state, seen)
    return look_at_drift(context, state, seen.images, answers, first, keep=seen.keep)


def _with_content(
    answers: ChampionAnswers | None, images: Sequence[StreamImage], context: OperateContext, days: float
) -> ChampionAnswers | None:
    """Return the answers of the last days, but those about images without content."""
    if answers is None:
        return None
    since = context.now - timedelta(days=days)
    lacking = {image.sha256 for image in images if not has_content(image)}
    records = [record for record in answers.records if record.at > since]
    return replace(answers, records=tuple(answers_with_content(records, images, lacking)))


def _first_answers(context: OperateContext, state: PipelineState, seen: _Seen) -> DriftBaseline | None:
    """Return the champion's first answers, of `baseline_days` or as many as lie before the window.

    What one version finds says nothing of what another should find: a new champion is surer, or finds more. Once they
    are complete they are kept in a file of its round.
    """
    log, champion, made = context.settings.stream.predictions, state.champion, champion_round(state)
    if log is None or champion is None or made is None:
        return None
    kept = context.paths.round(made).answered
    if (baseline := read_baseline(kept)) is not None:
        return baseline
    settings = context.settings.triggers.drift
    begun = min(one.at for one in state.serving if one.version == champion.version)
    full = begun + timedelta(days=settings.baseline_days)
    until = min(full, context.now - timedelta(days=settings.window_days))
    if until <= begun:
        return None
    answers = read_answers(Path(log).expanduser(), champion.version, begun, until)
    known = _with_content(answers, seen.images, context, (context.now - begun) / timedelta(days=1)) or answers
    baseline = DriftBaseline(begun, until, sample_of_answers(known.records, groups_by_name(seen.images)))
    if seen.keep and until == full and baseline.sample.images:
        write_baseline(kept, baseline)
    return baseline


def _performance(
    context: OperateContext, state: PipelineState, answers: ChampionAnswers | None
) -> tuple[dict[str, Any] | None, list[str]]:
    settings = context.settings.triggers.performance
    if settings.bound is None:
        return None, []
    if answers is None:
        return None, ["performance: stream.predictions is not set, so that answers are not known"]
    since = context.now - timedelta(days=settings.window_days)
    records = [record for record in answers.records if record.at > since]
    images, picked = sampled_truth(context, state, records)
    rated = rate_window(context, images)
    notes = []
    if picked:
        notes.append(f"performance: {picked} labelled images were picked to be labelled and are no sample: left out")
    if len(images) < settings.images_min:
        notes.append(f"performance: {len(images)} sampled images of the window are labelled, of {settings.images_min}")
    return rated, notes
