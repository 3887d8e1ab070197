"""Alerts: one line for people, by webhook and by hook; the same is not sent at each look."""

import json
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPException

from search.operate.context import OperateContext
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.state import PipelineState
from search.operate.monitoring.findings import findings
from search.operate.rollout.hooks import call_hook
from spaces.errors import first_line

ALERT_AGAIN = timedelta(days=7)  # what goes on is said again
ALERT_AGAIN_FAILED = timedelta(hours=1)  # what could not be sent
WEBHOOK_TIMEOUT_S = 10.0
TRIES = 2
PASSIVE = (
    FactKind.LOOKED,
    FactKind.FAILED,
    FactKind.ALERTED,
    FactKind.HOOK_CALLED,
)  # facts that do not show that a step got on
SENT_TO_NOBODY = "sent to nobody: neither monitoring.webhook nor hooks.alert is set"


def alert(context: OperateContext, line: str, *, about: str = "", number: int | None = None) -> str:
    """Send a line to people once, and record it as ALERTED; it never raises for what cannot be sent.

    The same is sent again when it has been gone meanwhile, when it still stands after a week, or an hour after it
    could not be sent.

    Args:
        context: of the look.
        line: what has happened, in one line.
        about: what it is about where the line holds figures that change from look to look; empty: the line itself.
        number: of the round that it belongs to; None for none.

    Returns:
        Where it was sent, or why not; empty for one that was sent before.
    """
    state = context.journal.state()
    if is_known(context, state, line, about):
        return ""
    ways: list[tuple[str, Callable[[Fact], str]]] = []
    if address := context.settings.monitoring.webhook:
        ways.append(("webhook", lambda fact: _post(address, context.settings.name, fact)))
    if context.settings.hooks.alert:
        ways.append(("hook", lambda fact: call_hook(context, "alert", fact)))
    words = {"what": line, "about": about or line}
    following = state.facts[-1].number + 1 if state.facts else 1
    fact = Fact(following, FactKind.ALERTED, number, context.now, words)
    ends = [(name, way(fact)) for name, way in ways]
    sent = "; ".join(f"{name} failed: {why}" if why else f"sent by {name}" for name, why in ends) or SENT_TO_NOBODY
    is_sent = not ends or any(not why for _, why in ends)
    context.journal.record(FactKind.ALERTED, context.now, words | {"sent": sent, "is_sent": is_sent}, number)
    return sent


def is_known(context: OperateContext, state: PipelineState, line: str, about: str) -> bool:
    """Return whether a line has been sent and nothing has changed since."""
    before = [fact for fact in state.of_kind(FactKind.ALERTED) if fact.words.get("about") == (about or line)]
    if not before:
        return False
    last = before[-1]
    if context.now - last.at >= (ALERT_AGAIN if last.words.get("is_sent", True) else ALERT_AGAIN_FAILED):
        return False
    later = [fact for fact in state.facts if fact.number > last.number]
    if about:
        looks = [fact for fact in later if fact.kind is FactKind.LOOKED]
        return all(about in findings(fact.words.get("watched") or {}) for fact in looks)
    return all(fact.kind in PASSIVE for fact in later)


def _post(address: str, name: str, fact: Fact) -> str:
    """Post an alert as JSON; return why it failed, or nothing. `text` is what chat programs show."""
    what = str(fact.words["what"])
    values = {"text": f"automl, {name}: {what}", "pipeline": name, "what": what, "about": fact.words["about"]}
    values |= {"at": fact.at.isoformat(), "round": fact.round}
    request = urllib.request.Request(  # http or https alone: search/settings/pipeline/watched_check.py
        address, json.dumps(values).encode(), {"Content-Type": "application/json", "User-Agent": "automl"}
    )
    why = ""
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_S) as answer:  # likewise
                answer.read(1)
            return ""
        except (OSError, HTTPException, ValueError) as error:  # away, refused, no answer, or no address after all
            why = first_line(error)
    return why.replace(address, "its address")  # which may hold a secret
