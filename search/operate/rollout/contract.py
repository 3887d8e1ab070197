"""What a rollout is decided to be, as plain records that the journal keeps."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class RolloutAction(StrEnum):
    """What is due."""

    WAIT = "wait"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


class Standing(StrEnum):
    """How a rule stands."""

    KEPT = "kept"  # its figure keeps the bound
    OPEN = "open"  # the figure breaks the bound, its interval holds it: cannot be told yet
    BROKEN = "broken"  # all of the interval is beyond the bound
    UNKNOWN = "unknown"  # there is no figure yet


@dataclass(frozen=True)
class RuleFigure:
    """A rule with its figure.

    Attributes:
        rule: as in `rollout.rules`.
        bound: that it sets.
        value, low, high: of the figure, with its interval; None where it is not known.
        of: answers, images or boxes that it is computed from.
        standing: see Standing.
        why: it is not known, or there are too few answers to decide; empty otherwise.
    """

    rule: str
    bound: float
    value: float | None
    low: float | None
    high: float | None
    of: int
    standing: Standing
    why: str = ""

    @property
    def words(self) -> str:
        """In one line."""
        if self.value is None:
            return f"{self.rule}: not known: {self.why}"
        return (
            f"{self.rule}: {self.value:.4g} ({self.low:.4g} to {self.high:.4g}, of {self.of}) against {self.bound:g}: "
            f"{self.standing}{f' ({self.why})' if self.why else ''}"
        )


@dataclass(frozen=True)
class RolloutDecision:
    """What is due of a shadow or canary, or of the watch after a promotion.

    Attributes:
        action: see RolloutAction.
        why: one line each, the deciding ones first.
        figures: `challenger` and `champion` (versions), `kind`, `hours`, `answers` of each, `rules`
            (RuleFigure as JSON), `notes`; empty where nothing is rolled out or watched.
    """

    action: RolloutAction
    why: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)
