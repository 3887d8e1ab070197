"""What is due in a pipeline, and why: computed from its facts and from what one look has seen, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from search.operate.journal.facts import FactKind
from search.operate.journal.state import PipelineState, RoundState
from search.operate.rollout.contract import RolloutAction, RolloutDecision
from search.operate.rounds.contract import NO_CHAMPION
from search.operate.watching.contract import Trigger, TriggerKind
from search.settings.pipeline.pipeline_settings import PipelineSettings

DIRECT = "direct"  # of rollout.kind


class DueStep(StrEnum):
    """What a look may do."""

    BEGIN_ROUND = "begin a round"
    HAND_OVER = "hand images over to be labelled"
    TAKE_LABELS = "go on with the labels that are there"
    MAKE_VERSION = "make a version of the data set"
    SEARCH = "search"
    JUDGE = "judge the challenger"
    REFUSE = "refuse the challenger"
    PACK = "pack the challenger as a version"
    BEGIN_ROLLOUT = "begin the rollout"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"
    END_ROUND = "end the round"
    WAIT = "wait"
    NOTHING = "do nothing"


@dataclass(frozen=True)
class Due:
    """What is due: a step, the round that it is of, and why, in one line each."""

    step: DueStep
    round: int | None
    why: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do at this look."""
        return self.step in (DueStep.WAIT, DueStep.NOTHING)


@dataclass(frozen=True)
class LookSight:
    """What one look has seen.

    Attributes:
        now: its moment.
        triggers: that fire; none where they were not looked at, or have begun a round at this look.
        labelled: images of the stream that are labelled by now.
        of_change: of these, those that were taken since the change that began the round under way; see `changed_since`.
        missing: images that the round under way has handed over and that are not labelled yet.
        decision: over the logs, of the rollout under way or of the watch after a promotion; None if they were not read.
    """

    now: datetime
    triggers: tuple[Trigger, ...]
    labelled: int
    missing: int
    decision: RolloutDecision | None
    of_change: int = 0


def due(state: PipelineState, settings: PipelineSettings, sight: LookSight) -> Due:
    """Return what is due next; pure."""
    if (found := _of_logs(state, sight)) is not None:
        return found
    if state.round is not None:
        return _OfRound(state, state.round, settings, sight).due()
    begins = triggers_that_count(state, sight.triggers)
    if begins:
        number = (state.rounds[-1].number if state.rounds else 0) + 1
        return Due(DueStep.BEGIN_ROUND, number, tuple(one.why for one in begins))
    if state.champion is None and state.rounds:
        why = f"round {state.rounds[-1].number} brought no first champion; another trigger or --begin begins the next"
        return Due(DueStep.NOTHING, None, (why,))
    return Due(DueStep.NOTHING, None, ("no trigger fires",))


def triggers_that_count(state: PipelineState, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    """Return the triggers that begin a round.

    That there is no champion begins the first round alone: where that one found nothing, the same line again would
    find nothing again, look after look.
    """
    return tuple(one for one in triggers if not (one.kind is TriggerKind.FIRST and state.rounds))


def changed_since(round_: RoundState | None, settings: PipelineSettings) -> datetime | None:
    """Return since when the stream is as the round found it: the window began in which drift or performance was seen.

    None for a round that no such window began. Labelled images from before teach it nothing of what has changed.
    """
    kinds = round_.words(FactKind.ROUND_BEGUN).get("kinds", ()) if round_ else ()
    triggers = settings.triggers
    windows = {TriggerKind.DRIFT: triggers.drift.window_days, TriggerKind.PERFORMANCE: triggers.performance.window_days}
    days = [window for kind, window in windows.items() if kind in kinds]
    return round_.begun_at - timedelta(days=max(days)) if round_ and days else None


def version_before(state: PipelineState) -> str | None:
    """Return the version that served before the one that does; None where there was none."""
    now = state.champion.version if state.champion else None
    return next((one.version for one in reversed(state.serving) if one.version != now), None)


def labelled_at_last_version(state: PipelineState) -> int:
    """Return how many images of the stream were labelled when the last version of the data set was made."""
    made = state.last(FactKind.VERSION_MADE)
    return int(made.words["labelled"]) if made else 0


def _of_logs(state: PipelineState, sight: LookSight) -> Due | None:
    """Return what the logs of the deployed versions ask for: it comes before all else."""
    decision = sight.decision
    if decision is None or decision.action is RolloutAction.WAIT:
        return None
    if state.rollout is not None:
        step = DueStep.PROMOTE if decision.action is RolloutAction.PROMOTE else DueStep.ROLL_BACK
        return Due(step, state.rollout.round, decision.why)
    if decision.action is RolloutAction.ROLL_BACK and state.champion is not None:
        return Due(DueStep.ROLL_BACK, state.champion.round, decision.why)
    return None


@dataclass(frozen=True)
class _OfRound:
    """What is due in the round that is under way."""

    state: PipelineState
    round: RoundState
    settings: PipelineSettings
    sight: LookSight

    def due(self) -> Due:
        facts = self.round.facts
        for kind, outcome in ((FactKind.PROMOTED, "promoted"), (FactKind.ROLLED_BACK, "rolled back")):
            if kind in facts:
                return self._due(DueStep.END_ROUND, f"the challenger was {outcome}")
        if FactKind.REFUSED in facts:
            return self._due(DueStep.END_ROUND, *self.round.words(FactKind.REFUSED)["why"])
        if FactKind.ROLLOUT_BEGUN in facts:
            why = self.sight.decision.why if self.sight.decision else ("the logs were not looked at",)
            return self._due(DueStep.WAIT, *why)
        if FactKind.JUDGED in facts:
            return self._judged()
        if FactKind.SEARCHED in facts:
            return self._searched()
        if FactKind.VERSION_MADE in facts:
            return self._due(DueStep.SEARCH, "the data set of the round is made")
        return self._data()

    def _judged(self) -> Due:
        judged = self.round.words(FactKind.JUDGED)
        champion = self.state.champion.version if self.state.champion else NO_CHAMPION
        if (against := judged.get("against") or champion) != champion:  # somebody has rolled back meanwhile
            return self._due(DueStep.JUDGE, f"it was judged against {against}, and {champion} serves now")
        if judged["ruling"] != "promote":
            return self._due(DueStep.REFUSE, f"judged: {judged['ruling']}", *judged["why"])
        if FactKind.PACKED in self.round.facts:
            return self._rolled_out()
        return self._due(DueStep.PACK, "it was judged: promote")

    def _searched(self) -> Due:
        found = self.round.words(FactKind.SEARCHED)
        if found["winner"] is None:
            return self._due(DueStep.REFUSE, f"the search found nothing to ship: {found['why']}")
        return self._due(DueStep.JUDGE, f"trial {found['winner']} is the challenger")

    def _rolled_out(self) -> Due:
        kind, version = self.settings.rollout.kind, self.round.words(FactKind.PACKED)["version"]
        if self.state.champion is None:
            return self._due(DueStep.PROMOTE, f"{version} is the first version: nothing serves that it could be beside")
        if kind == DIRECT:
            return self._due(DueStep.PROMOTE, "rollout.kind=direct")
        return self._due(DueStep.BEGIN_ROLLOUT, f"rollout.kind={kind}")

    def _data(self) -> Due:
        facts, new = self.round.facts, self.sight.labelled - labelled_at_last_version(self.state)
        if self.state.champion is None:
            return self._due(DueStep.MAKE_VERSION, "there is no champion yet: what is labelled by now is searched")
        if FactKind.LABELS_TAKEN not in facts and FactKind.LABELS_ASKED not in facts:
            return self._before_labels(new)
        if FactKind.LABELS_TAKEN not in facts:
            return self._labels(int(self.round.words(FactKind.LABELS_ASKED)["images"]))
        if new == 0 and self.settings.stream.images and TriggerKind.BY_HAND not in self._kinds():
            return self._due(DueStep.END_ROUND, "no image was labelled since the last round: there is nothing to learn")
        return self._due(DueStep.MAKE_VERSION, f"{new:,} images were labelled since the last version")

    def _before_labels(self, new: int) -> Due:
        settings = self.settings
        enough = settings.triggers.labelled_min or settings.labelling.images_max
        if settings.stream.images is None or settings.stream.labels is None:
            return self._due(DueStep.TAKE_LABELS, "stream.images or stream.labels is not set: no labels can come back")
        words = f"{new:,} newly labelled images wait"
        if changed_since(self.round, settings) is not None and self.sight.of_change < new:
            new, words = self.sight.of_change, f"{words}, {self.sight.of_change:,} of them taken since the change"
        if new >= enough:
            return self._due(DueStep.TAKE_LABELS, f"{words} already, {enough:,} are enough")
        return self._due(DueStep.HAND_OVER, f"{words}, {enough:,} would be enough")

    def _labels(self, asked: int) -> Due:
        settings, back = self.settings.labelling, asked - self.sight.missing
        words = f"{back:,} of {asked:,} images are labelled"
        if asked == 0:
            return self._due(DueStep.TAKE_LABELS, "no image was left to be labelled")
        if back >= settings.share_min * asked:
            return self._due(DueStep.TAKE_LABELS, f"{words}, {settings.share_min:.0%} are enough")
        if settings.wait_days is None:
            return self._due(DueStep.WAIT, f"{words}; {settings.share_min:.0%} are waited for")
        until = self.round.facts[FactKind.LABELS_ASKED].at + timedelta(days=settings.wait_days)
        if self.sight.now >= until:
            return self._due(DueStep.TAKE_LABELS, f"{words} after {settings.wait_days:g} days")
        return self._due(
            DueStep.WAIT, f"{words}; {settings.share_min:.0%} are waited for until {until:%Y-%m-%d %H:%M} UTC"
        )

    def _kinds(self) -> list[str]:
        return list(self.round.words(FactKind.ROUND_BEGUN)["kinds"])

    def _due(self, step: DueStep, *why: str) -> Due:
        return Due(step, self.round.number, why)
