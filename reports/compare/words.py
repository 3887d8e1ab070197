"""A comparison in words: differences, intervals, classes, and the verdict in a sentence."""

import math
from collections.abc import Iterator

from objectives.compare.bootstrap import PairedDifference
from objectives.compare.comparison import PairedComparison
from objectives.compare.verdict import Ruling
from reports.table.words import ABSENT, plural, share

VERDICTS = {
    Ruling.PROMOTE: "promote the challenger",
    Ruling.KEEP: "keep the champion",
    Ruling.CANNOT_TELL: "cannot tell",
}


def known(value: float) -> float | None:
    """Return a figure, or None where it is not known."""
    return None if math.isnan(value) else value


def signed(value: float) -> str:
    """Return a difference of mAP with its sign: '+0.031'."""
    return ABSENT if math.isnan(value) else f"{value:+.3f}"


def interval(apart: PairedDifference) -> str:
    """Return an interval: '+0.012 to +0.050'."""
    return ABSENT if math.isnan(apart.low) else f"{signed(apart.low)} to {signed(apart.high)}"


def figures(apart: PairedDifference) -> tuple[str, str, str, str]:
    """Return champion, challenger, difference and interval as texts."""
    both = share(known(apart.champion)), share(known(apart.challenger))
    return (*both, signed(apart.value), interval(apart))


def level(found: PairedComparison) -> str:
    """Return the level of the intervals: '95 %'."""
    return f"{100 * found.resampling.level:g} %"


def class_lines(found: PairedComparison) -> Iterator[str]:
    """Yield a line for each kind of classes that the figures are not of."""
    classes = found.classes
    kinds = (
        (classes.only_champion, "known to the champion alone"),
        (classes.only_challenger, "known to the challenger alone"),
        (classes.unknown, "known to neither"),
        (classes.without_objects, f"without an object in {found.frozen.split}"),
        (classes.not_in_data, "of a detector and not of the data set"),
    )
    for names, what in kinds:
        if names:
            noun = "class" if len(names) == 1 else "classes"
            yield f"not scored, {noun} {what}: {', '.join(names)}"


def critical_words(found: PairedComparison) -> list[str]:
    """Return what a challenger must keep beside mAP and p50: rules of critical classes, the gate."""
    lines = []
    for name, rule in found.critical.items():
        least = f"{name} is found with a recall of {rule.recall_min:g} or more" if rule.recall_min is not None else ""
        drop = f"loses no more than {rule.drop_max:g} of recall" if rule.drop_max is not None else ""
        lines.append(" and ".join(part for part in (least, drop if least else f"{name} {drop}") if part))
    return [*lines, *(f"{one.rule}: as measured here" for one in found.judgement.rules if one.rule.startswith("gate"))]


def images_line(found: PairedComparison) -> str:
    """Return in how many images the challenger makes fewer errors."""
    counts = found.image_counts
    fewer, more, alike = (counts[key] for key in ("fewer_errors", "more_errors", "as_many"))
    one, other = (found.confidence_of(side) for side in (found.champion, found.challenger))
    confidence = f"{one:g}" if one == other else f"{one:g} (champion) and {other:g} (challenger)"
    return (
        f"objects missed and false alarms at confidence {confidence}, IoU 0.5: the challenger has fewer in "
        f"{plural(fewer, 'image')}, more in {more:,}, as many in {alike:,}"
    )


def method_line(found: PairedComparison) -> str:
    """Return how the intervals were made."""
    return (
        f"intervals of {level(found)} by the paired bootstrap over images, {found.resampling.resamples:,} resamples, "
        f"seed {found.resampling.seed}"
    )
