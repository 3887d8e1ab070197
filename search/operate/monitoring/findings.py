"""What of a look people should be alerted of: drift, performance, broken cameras; each under a name that stays."""

from collections.abc import Mapping
from typing import Any

from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState
from search.operate.watching.contract import TriggerKind

ALERTING = (TriggerKind.DRIFT, TriggerKind.PERFORMANCE)
Look = Mapping[str, Any]  # of watching.contract.Watched.to_json


def findings(look: Look) -> dict[str, str]:
    """Return the lines of a look by what they are about; figures in a line change, what it is about does not."""
    found = {line: line for line in look.get("alerts") or ()}
    for trigger in look.get("triggers") or ():
        if trigger["kind"] in ALERTING:
            found[about_trigger(trigger["kind"], look)] = f"{trigger['kind']}: {trigger['why']}"
    return found


def about_trigger(kind: str, look: Look) -> str:
    """Return 'drift of brightness, contrast' or 'performance of precision'."""
    if kind == TriggerKind.DRIFT:
        return f"drift of {', '.join(sorted(one['name'] for one in look.get('drift') or () if one['drifted']))}"
    return f"performance of {(look.get('performance') or {}).get('metric', '')}"


def last_look(state: PipelineState) -> Look:
    """Return what the last look that was recorded has watched; empty before the first."""
    fact = state.last(FactKind.LOOKED)
    return dict(fact.words.get("watched") or {}) if fact else {}
