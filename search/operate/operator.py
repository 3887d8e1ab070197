"""One look at a pipeline: what has come is taken in and watched, and what is due is done, step by step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from search.operate.context import OperateContext
from search.operate.due import Due, LookSight, changed_since, due, triggers_that_count
from search.operate.hooks_due import hooks_due
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.state import PipelineState
from search.operate.monitoring.metrics import MetricsEndpoint
from search.operate.monitoring.publish import alert, publish
from search.operate.rollout.contract import RolloutDecision
from search.operate.rollout.decide import decide
from search.operate.rollout.hooks import call_hook
from search.operate.steps import StepWork, do, labelled_of, mend, missing_of
from search.operate.stream.contract import TakenIn
from search.operate.stream.take_back import take_back
from search.operate.stream.take_in import take_in
from search.operate.watching.contract import Trigger, Watched
from search.operate.watching.triggers import by_hand_due, last_begun, time_due
from search.operate.watching.watch import watch
from search.operate.words import SAID_BY_FACTS, words_of_due, words_of_fact
from spaces.errors import SettingsError, StoreError, first_line

Found = TypeVar("Found")
AN_HOUR = timedelta(hours=1)
IMAGES_PAUSE = timedelta(minutes=10)  # between two looks at drift for new images alone
MEND, TAKE_IN, TAKE_BACK, WATCH, DECIDE, PUBLISH = (
    "mend the pointer",
    "take images in",
    "take labels back",
    "watch",
    "read the logs of the rollout",
    "write page and metrics",
)


class Announce(Protocol):
    """Is called with a line for people, and with the fact that it is about, if there is one."""

    def __call__(self, line: str, fact: Fact | None = None) -> None:
        """Take it."""


class StepFailed(Exception):
    """A step has failed, and that is recorded."""


@dataclass
class _Look:
    """What one look has come to so far."""

    failed: bool = False
    uncalled: set[int] = field(default_factory=set)  # facts whose hook has failed at this look
    watched: Watched | None = None
    triggers: tuple[Trigger, ...] = ()


class Operator:
    """Looks at one pipeline, which this process operates alone.

    Args:
        context: what steps are given; its moment is set anew before each.
        clock: says what time it is, in UTC.
        announce: is shown what is done and waited for.
        endpoint: of the metrics, for who stays.
    """

    def __init__(
        self,
        context: OperateContext,
        clock: Callable[[], datetime],
        announce: Announce,
        endpoint: MetricsEndpoint | None = None,
    ) -> None:
        self._given, self._clock, self._announce, self._endpoint = context, clock, announce, endpoint

    def ask(self, why: str) -> None:
        """Have a round begun by hand, at the next look at which none is under way."""
        self._record(FactKind.ASKED, {"why": why})
        if (round_ := self._state().round) is not None:
            self._announce(f"round {round_.number} is under way: the next one begins when it has ended")

    def give_up(self, why: str) -> None:
        """End the round that is under way, at the look that follows.

        Raises:
            SettingsError: there is none, or its challenger answers already.
        """
        state = self._state()
        if state.round is None:
            raise SettingsError("--give-up: no round is under way")
        if state.rollout is not None or FactKind.PROMOTED in state.round.facts:
            raise SettingsError(
                f"--give-up: the challenger of round {state.round.number} answers already; see automl rollback"
            )
        self._record(FactKind.REFUSED, {"why": [f"given up by hand: {why}"]}, state.round.number)

    def look(self) -> bool:
        """Look once, and do what is due until nothing is, or something is waited for; return whether all went well.

        The look itself is a fact only where something was watched: drift is held against its rate of false alarms once
        for each such fact. That is at least once an hour of looks, sooner where labels came back, somebody asked or the
        time table has a moment, and every ten minutes where new images came: a process that stays for years leaves no
        fact a minute behind.

        Raises:
            SettingsError: a step finds that the settings are wrong; nothing is recorded of it.
            StoreError: the journal cannot be written.
        """
        look = _Look()
        try:
            self._come(look)
            self._go_on(look)
        except StepFailed:
            look.failed = True
        self._publish(look)
        return not look.failed

    def dry_run(self) -> None:
        """Say what a look would do first, and why, from what was taken in by earlier looks; nothing is changed."""
        state = self._state()
        triggers = watch(self._context, state, keep=False).triggers if state.round is None else ()
        found = due(state, self._given.settings, self._sight(state, triggers, self._decision(state)))
        self._announce(words_of_due(found, would=True))
        self._announce("what a look would take in first, images and labels, is not counted here")

    # A look's parts

    def _come(self, look: _Look) -> None:
        """Take in what has come, and watch."""
        mended = self._tried(MEND, None, lambda: mend(self._context))
        if mended:
            self._announce(mended)
        self._hooks(look)
        state = self._state()
        taken = self._held(look, TAKE_IN, lambda: take_in(self._context)) or TakenIn(0, 0, 0, (), 0)
        number = state.round.number if state.round else None
        back = self._held(look, TAKE_BACK, lambda: take_back(self._context, number))
        for line in (*taken.problems, *(back.problems if back else ())):
            self._announce(line)
        labelled = back.labelled if back else 0
        state = self._state()
        if not self._watches(state, taken.new, labelled):
            return
        look.watched = self._held(look, WATCH, lambda: watch(self._context, state))
        if look.watched is None:
            return
        look.triggers = look.watched.triggers if state.round is None else ()
        words = {"watched": look.watched.to_json(), "taken_in": taken.to_json(), "labelled": labelled}
        self._record(FactKind.LOOKED, words)
        for note in look.watched.notes:
            self._announce(note)

    def _go_on(self, look: _Look) -> None:
        """Do what is due, until nothing is."""
        before: Due | None = None
        while True:
            state = self._state()
            decision = self._tried(DECIDE, None, lambda state=state: self._decision(state))  # type: ignore[misc]  # bound now
            found = due(state, self._given.settings, self._sight(state, look.triggers, decision))
            if found.is_done:
                self._announce(words_of_due(found))
                return
            if found == before:
                raise RuntimeError(f"'{found.step}' was done, and is due again")
            if found.step not in SAID_BY_FACTS:
                self._announce(words_of_due(found))
            begins = triggers_that_count(state, look.triggers)
            work = StepWork(self._context, state, found, begins, decision)
            fact = self._tried(str(found.step), found.round, lambda work=work: do(work))  # type: ignore[misc]  # bound now
            if fact is not None:
                self._announce(words_of_fact(fact), fact)
            look.triggers = () if fact and fact.kind is FactKind.ROUND_BEGUN else look.triggers
            before = found if fact is not None else None
            self._tried(MEND, found.round, lambda: mend(self._context))
            self._hooks(look)

    def _decision(self, state: PipelineState) -> RolloutDecision | None:
        """Return what the logs say, where a version serves that they could say something of."""
        return decide(self._context, state) if state.champion is not None else None

    def _sight(
        self, state: PipelineState, triggers: tuple[Trigger, ...], decision: RolloutDecision | None
    ) -> LookSight:
        missing = missing_of(self._context, state.round.number) if state.round else 0
        since = changed_since(state.round, self._given.settings)
        of_change = labelled_of(self._context, since) if since else 0
        return LookSight(self._context.now, triggers, labelled_of(self._context), missing, decision, of_change)

    def _watches(self, state: PipelineState, new: int, labelled: int) -> bool:
        last, now = state.last(FactKind.LOOKED), self._context.now
        if last is None or now - last.at >= AN_HOUR or labelled or by_hand_due(state):
            return True
        if new and now - last.at >= IMAGES_PAUSE:
            return True
        cron, since = self._given.settings.triggers.cron, last_begun(state)
        return cron is not None and since is not None and time_due(cron, max(since, last.at), now) is not None

    def _hooks(self, look: _Look) -> None:
        """Call the user's hooks for what was done; one that fails is called again at the next look.

        Nothing waits for it: a line that cannot post to a chat must not keep a bad version serving.
        """
        context = self._context
        for name, fact in hooks_due(self._state(), context.settings.hooks, context.now):
            if fact.number in look.uncalled:
                continue

            def call(name: str = name, fact: Fact = fact) -> bool:
                if error := call_hook(context, name, fact):
                    raise StoreError(error)
                return True

            if self._held(look, f"call the hook {name}", call, fact.round):
                self._record(FactKind.HOOK_CALLED, {"hook": name, "of": fact.number}, fact.round)
            else:
                look.uncalled.add(fact.number)

    def _publish(self, look: _Look) -> None:
        context, state = self._context, self._state()
        work = partial(publish, context, state, look.watched, endpoint=self._endpoint)
        for line in self._held(look, PUBLISH, work) or ():
            self._announce(line)

    # What every part needs

    @property
    def _context(self) -> OperateContext:
        return replace(self._given, now=self._clock())

    def _state(self) -> PipelineState:
        return self._given.journal.state()

    def _record(self, kind: FactKind, words: Mapping[str, Any], number: int | None = None) -> Fact:
        fact = self._given.journal.record(kind, self._clock(), words, number)
        self._announce(words_of_fact(fact), fact)
        return fact

    def _held(self, look: _Look, step: str, work: Callable[[], Found], number: int | None = None) -> Found | None:
        """Do a part that others do not wait for: where it fails, the look goes on without it."""
        try:
            return self._tried(step, number, work)
        except StepFailed:
            look.failed = True
            return None

    def _tried(self, step: str, number: int | None, work: Callable[[], Found]) -> Found:
        """Do a part of a look; where it fails, that is recorded, and somebody is alerted.

        Raises:
            StepFailed: it has failed.
            SettingsError: likewise, since the settings are wrong: that is for whoever gave the line.
        """
        try:
            return work()
        except SettingsError:
            raise
        except Exception as error:  # whatever a step meets, the pipeline goes on at the next look
            line = f"{type(error).__name__}: {first_line(error)}" if not str(error) else first_line(error, 400)
            self._failed(step, number, line)
            raise StepFailed from error

    def _failed(self, step: str, number: int | None, error: str) -> None:
        words, context = {"step": step, "error": error}, self._context
        failures = self._state().of_kind(FactKind.FAILED)
        is_old = any(one.words == words and context.now - one.at < AN_HOUR for one in failures)  # several may alternate
        fact = Fact(0, FactKind.FAILED, number, context.now, words)
        if is_old:  # said again, not recorded again: looks of every minute would fill the journal
            self._announce(words_of_fact(fact), fact)
            return
        self._record(FactKind.FAILED, words, number)
        if sent := alert(context, words_of_fact(fact), number=number):
            self._announce(f"alert: {sent}")
