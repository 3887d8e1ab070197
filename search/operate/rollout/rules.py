"""The rules of a rollout over what two versions have answered: each with its figure, and how it stands; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from objectives.predictions.record import LoggedBox
from search.operate.rollout.answers import Answers
from search.operate.rollout.contract import RuleFigure, Standing
from search.operate.rollout.intervals import (
    Estimate,
    count_with_high_end,
    quantile_of,
    ratio_of,
    share_of,
    share_over_images,
)
from search.operate.rollout.matched import BoxCounts, count_boxes
from search.settings.pipeline.parts import RolloutRules

P95 = 0.95
LATENCIES_MIN = 30  # logged ones, under which nothing is said of a p95: the first answers of a process are slow


@dataclass(frozen=True, eq=False)
class Compared:
    """What the rules are held against.

    Attributes:
        challenger, champion: their answers.
        truth: labels by the image's name in the log.
        measured_ratio: p95 of the challenger over the champion's, as measured before the rollout; None if not known.
        paired: whether both were asked the same images: a shadow.
    """

    challenger: Answers
    champion: Answers
    truth: Mapping[str, Sequence[LoggedBox]]
    measured_ratio: float | None
    paired: bool


def hold(rules: RolloutRules, seen: Compared) -> list[RuleFigure]:
    """Return the figure of each rule that is set; those that cannot apply here are left out (`left_out`)."""
    return [*_latency(rules, seen), *_failures(rules, seen), *_disagreement(rules, seen), *_labels(rules, seen)]


def left_out(rules: RolloutRules, seen: Compared) -> list[str]:
    """Return a line for each rule that is set and cannot apply here."""
    lines = []
    if rules.disagree_share_max is not None and not seen.paired:
        lines.append("disagree_share_max: left out, since the two versions were not asked the same images")
    if rules.p95_measured_share_max is not None and seen.measured_ratio is None:
        lines.append("p95_measured_share_max: left out, since the two versions were not measured on the same device")
    return lines


def _latency(rules: RolloutRules, seen: Compared) -> Iterator[RuleFigure]:
    own, other = seen.challenger.latencies_ms, seen.champion.latencies_ms
    why = _too_few("challenger", seen.challenger)
    if (bound := rules.p95_ms_max) is not None:
        at = partial(_figure, "p95_ms_max", bound, of=own.seen)
        yield at(why=why) if why else at(quantile_of(own.values, P95, rules.level))
    why = why or _too_few("champion", seen.champion)
    ratio = None if why else _p95_ratio(seen, rules.level)
    why = why or _without_end(seen.champion, rules.level)
    if (bound := rules.p95_share_max) is not None:
        at = partial(_figure, "p95_share_max", bound, of=min(own.seen, other.seen))
        yield at(why=why) if ratio is None else at(_less_one(ratio), why=why)
    if (bound := rules.p95_measured_share_max) is not None and (expected := seen.measured_ratio) is not None:
        at = partial(_figure, "p95_measured_share_max", bound, of=min(own.seen, other.seen))
        yield (
            at(why=why)
            if ratio is None
            else at(_less_one(ratio_of(ratio, Estimate(expected, expected, expected))), why=why)
        )


def _failures(rules: RolloutRules, seen: Compared) -> Iterator[RuleFigure]:
    if (bound := rules.failed_share_max) is not None:
        own = seen.challenger
        at = partial(_figure, "failed_share_max", bound, of=own.count)
        yield at(share_of(own.failed, own.count, rules.level)) if own.count else at(why="nothing was answered")


def _disagreement(rules: RolloutRules, seen: Compared) -> Iterator[RuleFigure]:
    if (bound := rules.disagree_share_max) is None or not seen.paired:
        return
    pairs = seen.challenger.images.with_other(seen.champion.images)
    counts = count_boxes(pairs)
    either = counts.found + counts.labels - counts.hits
    at = partial(_figure, "disagree_share_max", bound, of=len(pairs))
    if not pairs:
        yield at(why="no image was answered by both: their names in the log have to be the same")
    elif not either.sum():
        yield at(Estimate(0.0, 0.0, 1.0))
    else:
        yield at(share_over_images(either - counts.hits, either, rules.level))


def _labels(rules: RolloutRules, seen: Compared) -> Iterator[RuleFigure]:
    if not rules.of_labels:
        return
    pairs = [(boxes, seen.truth[name]) for name, boxes in sorted(seen.challenger.labelled.items())]
    counts = count_boxes(pairs, rules.classes)
    for rule in ("precision_min", "recall_min", "false_negative_rate_max"):
        if (bound := getattr(rules, rule)) is not None:
            yield _of_labels(rule, bound, counts, rules)


def _of_labels(rule: str, bound: float, counts: BoxCounts, rules: RolloutRules) -> RuleFigure:
    images = len(counts.labels)
    at = partial(_figure, rule, bound, of=images)
    if images < rules.labelled_min:
        return at(why=f"{images} images that it answered have labels, of {rules.labelled_min} (labelled_min)")
    of = counts.found if rule == "precision_min" else counts.labels
    if not of.sum():
        boxes = "boxes found" if rule == "precision_min" else "labelled objects"
        named = f" of {', '.join(rules.classes)}" if rules.classes else ""
        return at(why=f"no {boxes}{named} on {images} labelled images")
    counted = counts.labels - counts.hits if rule == "false_negative_rate_max" else counts.hits
    return at(share_over_images(counted, of, rules.level))


def _figure(rule: str, bound: float, found: Estimate | None = None, *, of: int, why: str = "") -> RuleFigure:
    if found is None:
        return RuleFigure(rule, bound, None, None, None, of, Standing.UNKNOWN, why)
    at_most = rule.endswith("_max")
    if found.value <= bound if at_most else found.value >= bound:
        standing = Standing.KEPT
    else:
        standing = Standing.BROKEN if (found.low > bound if at_most else found.high < bound) else Standing.OPEN
    return RuleFigure(
        rule, bound, found.value, found.low, found.high, of, standing, why if standing is Standing.OPEN else ""
    )


def _p95_ratio(seen: Compared, level: float) -> Estimate:
    """Return the ratio of the two p95; each interval misses half as often, so that both hold at the level."""
    each = _level_of_each(level)
    own, other = (np.asarray(one.latencies_ms.values) for one in (seen.challenger, seen.champion))
    return ratio_of(quantile_of(own, P95, each), quantile_of(other, P95, each))


def _level_of_each(level: float) -> float:
    return 1 - (1 - level) / 2


def _without_end(champion: Answers, level: float) -> str:
    """Return how many answers are needed where the champion's are too few to show that the challenger is slower."""
    count, needed = champion.latencies_ms.seen, count_with_high_end(P95, _level_of_each(level))
    return f"{count} logged latencies of the champion, {needed} are needed to tell" if count < needed else ""


def _less_one(ratio: Estimate) -> Estimate:
    return Estimate(ratio.value - 1, ratio.low - 1, ratio.high - 1)


def _too_few(who: str, answers: Answers) -> str:
    """Return why nothing is said of a version's p95; empty where something is."""
    count = answers.latencies_ms.seen
    if count >= LATENCIES_MIN:
        return ""
    if answers.count >= LATENCIES_MIN and not count:
        return f"the log has no latency_ms of the {who}; log it, or set the rule to null"
    return f"{count} logged latencies of the {who}, of {LATENCIES_MIN}"
