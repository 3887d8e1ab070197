"""What the facts of a pipeline come to: its rounds, what serves, and what is rolled out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from search.operate.journal.facts import Fact, FactKind


@dataclass(frozen=True)
class RoundState:
    """One round.

    Attributes:
        number: from 1 on; the first one makes the first champion.
        begun_at: when its trigger fired.
        facts: of the round, the last of each kind.
    """

    number: int
    begun_at: datetime
    facts: dict[FactKind, Fact] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left to do."""
        return FactKind.ROUND_ENDED in self.facts

    def words(self, kind: FactKind) -> dict[str, Any]:
        """Return what is known of a step that was done.

        Raises:
            KeyError: it was not done.
        """
        return dict(self.facts[kind].words)


@dataclass(frozen=True)
class RolloutState:
    """A shadow or canary that is under way."""

    version: str
    kind: str
    share: float
    begun_at: datetime
    round: int


@dataclass(frozen=True)
class Promotion:
    """A version that came to serve, and from when on."""

    version: str
    at: datetime
    round: int | None


@dataclass(frozen=True)
class PipelineState:
    """All that is known of a pipeline.

    Attributes:
        facts: all, the oldest first.
        rounds: all, the oldest first.
        serving: the versions that came to serve, one after the other; a version that was rolled back to comes again.
        rollout: what is rolled out just now; None for nothing.
    """

    facts: tuple[Fact, ...] = ()
    rounds: tuple[RoundState, ...] = ()
    serving: tuple[Promotion, ...] = ()
    rollout: RolloutState | None = None

    @property
    def champion(self) -> Promotion | None:
        """What serves."""
        return self.serving[-1] if self.serving else None

    @property
    def round(self) -> RoundState | None:
        """The round that is under way; None between rounds."""
        return self.rounds[-1] if self.rounds and not self.rounds[-1].has_ended else None

    def of_kind(self, *kinds: FactKind) -> list[Fact]:
        """Return the facts of some kinds, the oldest first."""
        return [fact for fact in self.facts if fact.kind in kinds]

    def last(self, kind: FactKind) -> Fact | None:
        """Return the last fact of a kind."""
        return next((fact for fact in reversed(self.facts) if fact.kind is kind), None)


def state_of(facts: Sequence[Fact]) -> PipelineState:
    """Return what facts come to; pure."""
    rounds: dict[int, RoundState] = {}
    serving: list[Promotion] = []
    rollout: RolloutState | None = None
    for fact in facts:
        if fact.kind is FactKind.ROUND_BEGUN and fact.round is not None:
            rounds[fact.round] = RoundState(fact.round, fact.at)
        if fact.round in rounds:
            rounds[fact.round].facts[fact.kind] = fact
        if fact.kind is FactKind.ROLLOUT_BEGUN and fact.round is not None:
            words = fact.words
            rollout = RolloutState(words["version"], words["rollout"], words["share"], fact.at, fact.round)
        if fact.kind is FactKind.PROMOTED:
            serving.append(Promotion(fact.words["version"], fact.at, fact.round))
            rollout = None
        if fact.kind is FactKind.ROLLED_BACK:
            if fact.words["to"] is not None and (not serving or serving[-1].version != fact.words["to"]):
                serving.append(Promotion(fact.words["to"], fact.at, fact.round))
            rollout = None
        if fact.kind is FactKind.ROUND_ENDED:
            rollout = None
    return PipelineState(tuple(facts), tuple(rounds.values()), tuple(serving), rollout)
