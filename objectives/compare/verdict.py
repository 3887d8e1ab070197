"""The verdict over champion and challenger, by rules that are stated with it."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from objectives.compare.bootstrap import PairedDifference
from objectives.records.records import Latency
from spaces.errors import SettingsError


class Ruling(StrEnum):
    """What to do."""

    PROMOTE = "promote"
    KEEP = "keep"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Rules:
    """When the challenger takes the champion's place.

    Attributes:
        margin: mAP that the challenger must have more than the champion; below 0 it may have so much less.
        slower_max: share by which its p50 may lie above the champion's; None leaves latency free.
    """

    margin: float = 0.0
    slower_max: float | None = 0.1

    def __post_init__(self) -> None:
        if not -1 < self.margin < 1:
            raise SettingsError(f"margin: must be a difference of mAP, over -1 and under 1, got {self.margin}")
        if self.slower_max is not None and not self.slower_max > -1:
            raise SettingsError(f"slower_max: must be a share over -1, or null, got {self.slower_max}")


@dataclass(frozen=True)
class Ruled:
    """What one rule says.

    Attributes:
        rule: its name: "mAP", "p50", "recall of jar", "gate, p95".
        ruling: promote is a yes, keep a no.
        why: one line.
    """

    rule: str
    ruling: Ruling
    why: str


@dataclass(frozen=True)
class Judgement:
    """What to do and why.

    Attributes:
        ruling: what to do.
        rules: what each rule says.
    """

    ruling: Ruling
    rules: tuple[Ruled, ...]

    @property
    def why(self) -> tuple[str, ...]:
        """One line a rule."""
        return tuple(one.why for one in self.rules)


def together(rulings: Collection[Ruling]) -> Ruling:
    """Return what rules come to: keep where one says no, promote where each says yes, else it cannot be said."""
    if Ruling.KEEP in rulings:
        return Ruling.KEEP
    return Ruling.CANNOT_TELL if Ruling.CANNOT_TELL in rulings else Ruling.PROMOTE


def judge(
    accuracy: PairedDifference, champion: Latency, challenger: Latency, rules: Rules, further: Sequence[Ruled] = ()
) -> Judgement:
    """Judge a challenger: promoted where each rule says so, kept out where one says no, else it cannot be said.

    Accuracy: yes if the whole interval of the difference lies over the margin, no if none of it does. Latency: yes if
    the ratio of p50 keeps the bound even at the unfavourable ends of both intervals, no if it breaks it even at the
    favourable ones.

    Args:
        accuracy: mAP of both.
        champion: its latency.
        challenger: its latency.
        rules: of the two.
        further: what other rules say, of critical classes and of the gate.
    """
    found = [Ruled("mAP", *_accuracy(accuracy, rules.margin))]
    if rules.slower_max is not None:
        found.append(Ruled("p50", *_latency(champion, challenger, rules.slower_max)))
    found.extend(further)
    return Judgement(together([one.ruling for one in found]), tuple(found))


def _accuracy(apart: PairedDifference, margin: float) -> tuple[Ruling, str]:
    if math.isnan(apart.low):
        return Ruling.CANNOT_TELL, "mAP: too few images for an interval"
    said = f"the difference of mAP, {apart.value:+.3f}, lies between {apart.low:+.3f} and {apart.high:+.3f}"
    bound = f"the margin of {margin:+g}" if margin else "zero"
    if apart.low > margin:
        return Ruling.PROMOTE, f"{said}: all of it over {bound}"
    if apart.high <= margin:
        return Ruling.KEEP, f"{said}: none of it over {bound}"
    return Ruling.CANNOT_TELL, f"{said}: on both sides of {bound}"


def _latency(champion: Latency, challenger: Latency, slower_max: float) -> tuple[Ruling, str]:
    ratio = challenger.p50_ms / champion.p50_ms
    low, high = challenger.p50_low_ms / champion.p50_high_ms, challenger.p50_high_ms / champion.p50_low_ms
    said = f"the challenger's p50 is {ratio:.2f} times the champion's ({low:.2f} to {high:.2f})"
    bound = f"the bound of {1 + slower_max:g}"
    if high <= 1 + slower_max:
        return Ruling.PROMOTE, f"{said}: within {bound}"
    if low > 1 + slower_max:
        return Ruling.KEEP, f"{said}: over {bound}"
    return Ruling.CANNOT_TELL, f"{said}: on both sides of {bound}"
