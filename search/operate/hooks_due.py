"""Which of the user's hooks are due: each is called at least once for a fact, though the process was killed between.

One exception: a move of versions whose hook failed and that a later move's hook has overtaken is history. Called
now, its hook would send the traffic where it went before.
"""

from datetime import datetime, timedelta

from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.state import PipelineState
from search.settings.pipeline.parts import HookSettings

A_DAY = timedelta(days=1)  # a fact of longer ago calls no hook: one that was set later is not for it
HOOK_OF_KIND = {
    FactKind.LABELS_ASKED: "labels_asked",
    FactKind.ROLLOUT_BEGUN: "rollout_begun",
    FactKind.PROMOTED: "promoted",
    FactKind.ROLLED_BACK: "rolled_back",
}
MOVES = (FactKind.ROLLOUT_BEGUN, FactKind.PROMOTED, FactKind.ROLLED_BACK)


def hooks_due(state: PipelineState, settings: HookSettings, now: datetime) -> list[tuple[str, Fact]]:
    """Return names of hooks, and the facts that they are to be called with, the oldest first; pure."""
    called = {fact.words["of"] for fact in state.of_kind(FactKind.HOOK_CALLED)}
    overtaken = max((fact.number for fact in state.of_kind(*MOVES) if fact.number in called), default=0)
    facts = [
        fact
        for fact in state.of_kind(*HOOK_OF_KIND)
        if fact.number not in called and now - fact.at < A_DAY and not (fact.kind in MOVES and fact.number < overtaken)
    ]
    return [(HOOK_OF_KIND[fact.kind], fact) for fact in facts if getattr(settings, HOOK_OF_KIND[fact.kind])]
