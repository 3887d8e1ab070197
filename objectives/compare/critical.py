"""Critical classes: rules on the recall of single classes, which no gain elsewhere outweighs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from objectives.compare.frozen import FrozenSet
from objectives.compare.recalls import ClassRecall
from objectives.compare.verdict import Ruled, Ruling
from spaces.errors import DataError, SettingsError, nearest


@dataclass(frozen=True)
class CriticalRule:
    """What a challenger must keep of one class, at the deployed confidence and IoU 0.5; None leaves it free.

    Attributes:
        recall_min: least recall, in [0, 1]; a false negative rate of at most 0.06 is a recall of 0.94.
        drop_max: recall that it may have less than the champion, in [0, 1).
    """

    recall_min: float | None = None
    drop_max: float | None = None

    def __post_init__(self) -> None:
        if self.recall_min is None and self.drop_max is None:
            raise SettingsError("critical: a class needs recall_min, drop_max or both, got neither")
        if self.recall_min is not None and not 0 <= self.recall_min <= 1:
            raise SettingsError(f"critical: recall_min must lie in 0..1, got {self.recall_min}")
        if self.drop_max is not None and not 0 <= self.drop_max < 1:
            raise SettingsError(f"critical: drop_max must lie in 0..1, 1 left out, got {self.drop_max}")


def check_critical(rules: Mapping[str, CriticalRule], frozen: FrozenSet) -> None:
    """Check that the set knows the classes.

    Raises:
        DataError: it does not know one.
    """
    for name in rules:
        if name not in frozen.classes:
            known = ", ".join(frozen.classes)
            raise DataError(
                f"critical: the data set has no class '{name}'{nearest(name, frozen.classes)}; it has {known}"
            )


def judge_critical(
    rules: Mapping[str, CriticalRule], found: Sequence[ClassRecall], challenger: Sequence[str]
) -> tuple[Ruled, ...]:
    """Judge each rule: yes where the whole interval keeps it, no where none of it does, else it cannot be said.

    Args:
        rules: by class.
        found: recalls of the classes that the set has objects of.
        challenger: classes that the challenger knows.
    """
    by_name = {one.name: one for one in found}
    return tuple(one for name, rule in rules.items() for one in _judged(name, rule, by_name.get(name), challenger))


def _judged(name: str, rule: CriticalRule, found: ClassRecall | None, challenger: Sequence[str]) -> Iterator[Ruled]:
    called = f"recall of {name}"
    if name not in challenger:
        yield Ruled(called, Ruling.KEEP, f"the challenger does not know the critical class {name}")
    elif found is None or math.isnan(found.low):
        why = "the set has no object of it" if found is None else "there are too few images for an interval"
        yield Ruled(called, Ruling.CANNOT_TELL, f"{called}: {why}")
    else:
        if rule.recall_min is not None:
            yield Ruled(called, *_least(called, found, rule.recall_min))
        if rule.drop_max is not None and not math.isnan(found.recall.low):
            yield Ruled(f"drop of {called}", *_drop(called, found, rule.drop_max))


def _least(called: str, found: ClassRecall, least: float) -> tuple[Ruling, str]:
    said = f"{called}, {found.recall.challenger:.3f}, lies between {found.low:.3f} and {found.high:.3f}"
    if found.low >= least:
        return Ruling.PROMOTE, f"{said}: all of it at {least:g} or over"
    if found.high < least:
        return Ruling.KEEP, f"{said}: all of it under {least:g}"
    return Ruling.CANNOT_TELL, f"{said}: on both sides of {least:g}; {found.objects:,} objects say no more"


def _drop(called: str, found: ClassRecall, most: float) -> tuple[Ruling, str]:
    apart = found.recall
    said = f"the difference of {called}, {apart.value:+.3f}, lies between {apart.low:+.3f} and {apart.high:+.3f}"
    if apart.low >= -most:
        return Ruling.PROMOTE, f"{said}: no drop of more than {most:g}"
    if apart.high < -most:
        return Ruling.KEEP, f"{said}: a drop of more than {most:g}"
    return Ruling.CANNOT_TELL, f"{said}: on both sides of a drop of {most:g}; {found.objects:,} objects say no more"
