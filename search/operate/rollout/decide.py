"""What is due of a rollout: promote, roll back, or wait; decided over the logs, by rules that are stated."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from objectives.predictions.read import LogReport, read_predictions
from search.operate.context import OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState
from search.operate.rollout.answers import Answers
from search.operate.rollout.contract import RolloutAction, RolloutDecision, RuleFigure, Standing
from search.operate.rollout.rules import Compared, hold, left_out
from search.operate.rollout.truth import Truth, truth_of
from search.operate.rollout.whole import VersionCard
from search.settings.pipeline.parts import RolloutSettings
from spaces.errors import AutomlError

NOTHING_ROLLED_OUT = RolloutDecision(RolloutAction.WAIT, ("nothing is rolled out or watched",))


@dataclass(frozen=True)
class RolloutTrial:
    """Two versions whose answers are held against each other.

    Attributes:
        challenger, champion: their versions.
        kind: shadow or canary; "watch" after a promotion.
        begun_at: from when on the challenger's answers count.
        champion_since, champion_until: when the champion's do.
    """

    challenger: str
    champion: str
    kind: str
    begun_at: datetime
    champion_since: datetime
    champion_until: datetime


def decide(context: OperateContext, state: PipelineState, truth: Truth | None = None) -> RolloutDecision:
    """Return what is due of the rollout that is under way, else of the version that was promoted a short while ago.

    Args:
        context: of the pipeline.
        state: of it.
        truth: labels by the image's name in the log; None: those that came back.
    """
    settings = context.settings.rollout
    trial = _trial(settings, state, context.now)
    if trial is None:
        return NOTHING_ROLLED_OUT
    labels, others = truth or {}, 0
    if settings.rules.of_labels and truth is None:
        labels, others = truth_of(context, state, trial.begun_at)
    report = LogReport()
    seen = _read(context, trial, labels, report)
    figures = hold(settings.rules, seen)
    notes = [*left_out(settings.rules, seen), *report.problems]
    if others:
        notes.append(f"{others} labelled images do not count: older than the rollout, or picked for being doubtful")
    if context.settings.stream.predictions is None:
        notes.append("stream.predictions is not set: there is no log to decide by")
    action, why = _judged(settings, trial, figures, seen.challenger.count, context.now)
    return RolloutDecision(action, (*why, *notes), _words(trial, seen, figures, notes, context.now))


def _trial(settings: RolloutSettings, state: PipelineState, now: datetime) -> RolloutTrial | None:
    champion, rollout = state.champion, state.rollout
    if rollout is not None and champion is not None:
        since = rollout.begun_at
        return RolloutTrial(rollout.version, champion.version, rollout.kind, since, since, now)
    moved = [fact for fact in state.facts if fact.kind in (FactKind.PROMOTED, FactKind.ROLLED_BACK)]
    if champion is None or not moved or moved[-1].kind is not FactKind.PROMOTED:  # a rollback is not watched
        return None
    before = [one.version for one in state.serving if one.version != champion.version]
    watch = timedelta(hours=settings.watch_hours)
    if not before or now - champion.at >= watch:
        return None
    return RolloutTrial(champion.version, before[-1], "watch", champion.at, champion.at - watch, champion.at)


def _read(context: OperateContext, trial: RolloutTrial, truth: Truth, report: LogReport) -> Compared:
    challenger, champion = Answers(truth), Answers(())
    log = context.settings.stream.predictions
    if log is not None:
        first = min(trial.begun_at, trial.champion_since)
        for record in read_predictions(Path(log).expanduser(), first, context.now, report):
            if record.version == trial.challenger and record.at >= trial.begun_at:
                challenger.add(record)
            elif record.version == trial.champion and trial.champion_since <= record.at < trial.champion_until:
                champion.add(record)
    measured = _measured_ratio(context, trial)
    return Compared(challenger, champion, truth, measured, trial.kind == "shadow")


def _measured_ratio(context: OperateContext, trial: RolloutTrial) -> float | None:
    """Return the ratio of the p95 that the two were measured at; None where that was not on devices of one name."""
    try:
        own, other = (VersionCard.of(context.paths.deployment(one)) for one in (trial.challenger, trial.champion))
    except AutomlError:  # one that was packed by hand, or removed; `left_out` says that the rule is
        return None
    if own.device != other.device or not own.measured.get("p95_ms") or not other.measured.get("p95_ms"):
        return None
    return own.measured["p95_ms"] / other.measured["p95_ms"]


def _judged(
    settings: RolloutSettings, trial: RolloutTrial, figures: Sequence[RuleFigure], answers: int, now: datetime
) -> tuple[RolloutAction, list[str]]:
    broken = _words_of(figures, Standing.BROKEN)
    if broken:
        return RolloutAction.ROLL_BACK, broken
    hours = _hours(trial.begun_at, now)
    untold = _words_of(figures, Standing.OPEN, Standing.UNKNOWN)
    kept = _words_of(figures, Standing.KEPT)
    if trial.kind == "watch":
        return RolloutAction.WAIT, [f"watched for {hours:.1f} of {settings.watch_hours:g} hours", *untold, *kept]
    missing = [f"{hours:.1f} of {settings.hours:g} hours"] if hours < settings.hours else []
    if answers < settings.images_min:
        untold.insert(0, f"{answers} answers of {trial.challenger}, of {settings.images_min} (images_min)")
    if not missing and not untold:
        return RolloutAction.PROMOTE, [f"{hours:.1f} hours, {answers} answers, no rule broken", *kept]
    if untold and hours >= settings.hours + 24 * settings.wait_days:
        waited = f"cannot tell after {hours:.1f} hours (hours + wait_days): not promoted"
        return RolloutAction.ROLL_BACK, [waited, *untold]
    return RolloutAction.WAIT, [*missing, *untold, *kept]


def _words_of(figures: Iterable[RuleFigure], *standings: Standing) -> list[str]:
    return [one.words for one in figures if one.standing in standings]


def _words(
    trial: RolloutTrial, seen: Compared, figures: Sequence[RuleFigure], notes: Sequence[str], now: datetime
) -> dict[str, Any]:
    return {
        "challenger": trial.challenger,
        "champion": trial.champion,
        "kind": trial.kind,
        "hours": round(_hours(trial.begun_at, now), 3),
        "answers": {"challenger": seen.challenger.count, "champion": seen.champion.count},
        "failed": {"challenger": seen.challenger.failed, "champion": seen.champion.failed},
        "labelled_images": len(seen.challenger.labelled),
        "rules": [asdict(one) for one in figures],
        "notes": list(notes),
    }


def _hours(since: datetime, now: datetime) -> float:
    return (now - since) / timedelta(hours=1)
