"""Of which round the version that serves is, and which rounds after it came to nothing."""

from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState, RoundState
from search.operate.watching.contract import TriggerKind


def champion_round(state: PipelineState) -> int | None:
    """Return the round that made the version that serves; after a rollback it is not the last one."""
    champion = state.champion
    if champion is None:
        return None
    packed = [fact for fact in state.of_kind(FactKind.PACKED) if fact.words["version"] == champion.version]
    return packed[-1].round if packed else champion.round


def fruitless_round(state: PipelineState, kind: TriggerKind) -> RoundState | None:
    """Return the last round that a trigger of this kind began, and that ended and left the champion as it was."""
    made = champion_round(state) or 0
    later = [one for one in state.rounds if one.number > made and one.has_ended and kind in kinds_of(one)]
    return later[-1] if later else None


def kinds_of(one: RoundState) -> list[str]:
    """Return the kinds of the triggers that began a round."""
    return list(one.words(FactKind.ROUND_BEGUN).get("kinds", ()))
