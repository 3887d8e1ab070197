"""The steps of a pipeline, one function each: idempotent work, then the fact that it was done."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from objectives.machine.locks import locked_folder
from search.operate.context import OperateContext
from search.operate.due import Due, DueStep, changed_since, version_before
from search.operate.journal.facts import Fact, FactKind
from search.operate.journal.images import ImageStatus
from search.operate.journal.state import PipelineState
from search.operate.places import check_classes
from search.operate.rollout.contract import RolloutDecision
from search.operate.rollout.pack import pack
from search.operate.rollout.pointer import announce, point, pointed
from search.operate.rounds.judge import judge_round
from search.operate.rounds.search_again import search_again
from search.operate.stream.hand_over import hand_over
from search.operate.stream.versions import make_version
from search.operate.watching.contract import Trigger
from search.operate.watching.reference import freeze_reference
from spaces.errors import StoreError


@dataclass(frozen=True)
class StepWork:
    """What a step works on.

    Attributes:
        context: see OperateContext.
        state: before the step.
        due: the step, with its reasons.
        triggers: that begin a round.
        decision: over the logs.
    """

    context: OperateContext
    state: PipelineState
    due: Due
    triggers: tuple[Trigger, ...] = ()
    decision: RolloutDecision | None = None

    @property
    def number(self) -> int:
        """The round's number."""
        if self.due.round is None:
            raise ValueError(f"{self.due.step} belongs to a round")
        return self.due.round

    def words(self, kind: FactKind) -> dict[str, Any]:
        """Return what a step of this round came to that is done."""
        return next(one for one in self.state.rounds if one.number == self.number).words(kind)

    def record(self, kind: FactKind, words: Mapping[str, Any]) -> Fact:
        """Append a fact of this round."""
        return self.context.journal.record(kind, self.context.now, words, self.due.round)


def do(work: StepWork) -> Fact | None:
    """Do what is due; return the fact that it came to, None where it was due no more.

    Killed in the midst of it, the same is due at the next look and does the same again.
    """
    return DOERS[work.due.step](work)


def mend(context: OperateContext) -> str:
    """Let the pointer and the file of the rollout say what the journal says; return what was mended, or nothing.

    The pointer moves before its fact is recorded. So the journal never claims that a version serves which does not;
    killed in between, the look that follows puts the pointer back and comes to the same promotion again, by the logs
    as they are then. Both versions are whole, as the fact PACKED has it: whoever reads the pointer meanwhile finds a
    detector that is whole.

    Raises:
        StoreError: the journal knows of no version that serves, and the pointer names one that no round has made.
    """
    if not context.paths.deployed.is_dir():
        return ""
    with locked_folder(context.paths.deployed):
        state = context.journal.state()
        now, champion = pointed(context.paths), state.champion.version if state.champion else None
        if champion is None and now is not None and not _is_packed(state, now):
            raise StoreError(
                f"deployments: '{context.paths.current}' names {now}, but the journal '{context.journal.what}' knows "
                "of no version that serves; give the pipeline its journal back, or another name"
            )
        if now != champion:
            point(context.paths, champion)
        announce(context.paths, state.rollout)
    return f"'{context.paths.current}' named {now}, names {champion} again" if now != champion else ""


def _is_packed(state: PipelineState, version: str) -> bool:
    return any(fact.words["version"] == version for fact in state.of_kind(FactKind.PACKED))


def _begin_round(work: StepWork) -> Fact:
    kinds = [one.kind.value for one in work.triggers]
    return work.record(FactKind.ROUND_BEGUN, {"why": list(work.due.why), "kinds": kinds})


def _hand_over(work: StepWork) -> Fact:
    champion = work.state.champion
    folder: Path | None = work.context.paths.deployment(champion.version) if champion else None
    since = changed_since(work.state.round, work.context.settings)
    return work.record(FactKind.LABELS_ASKED, hand_over(work.context, work.number, folder, since))


def _take_labels(work: StepWork) -> Fact:
    asked = next((fact for fact in work.state.of_kind(FactKind.LABELS_ASKED) if fact.round == work.number), None)
    missing = missing_of(work.context, work.number)
    waited = (work.context.now - asked.at).total_seconds() / 86400 if asked else 0.0
    images = int(asked.words["images"]) - missing if asked else 0
    return work.record(
        FactKind.LABELS_TAKEN, {"images": images, "waited_days": round(waited, 3), "why": list(work.due.why)}
    )


def _make_version(work: StepWork) -> Fact:
    labelled = labelled_of(work.context)  # before the version is made: what comes back meanwhile is of the next one
    made = make_version(work.context, work.number)
    check_classes(work.context.settings, made.classes)
    freeze_reference(work.context, work.state, work.number)
    return work.record(FactKind.VERSION_MADE, {"data": made.to_json(), "labelled": labelled})


def _search(work: StepWork) -> Fact:
    return work.record(FactKind.SEARCHED, search_again(work.context, work.state, work.number).to_json())


def _judge(work: StepWork) -> Fact:
    return work.record(FactKind.JUDGED, judge_round(work.context, work.state, work.number).to_json())


def _refuse(work: StepWork) -> Fact:
    return work.record(FactKind.REFUSED, {"why": list(work.due.why)})


def _pack(work: StepWork) -> Fact:
    return work.record(FactKind.PACKED, pack(work.context, work.number))


def _begin_rollout(work: StepWork) -> Fact:
    settings, version = work.context.settings.rollout, work.words(FactKind.PACKED)["version"]
    share = settings.share if settings.kind == "canary" else 1.0
    return work.record(FactKind.ROLLOUT_BEGUN, {"version": version, "rollout": settings.kind, "share": share})


def _promote(work: StepWork) -> Fact | None:
    version = work.words(FactKind.PACKED)["version"]
    with _as_it_was(work) as is_so:
        if not is_so:
            return None
        champion = work.state.champion
        point(work.context.paths, version)
        words: dict[str, Any] = {"version": version, "before": champion.version if champion else None}
        return work.record(FactKind.PROMOTED, words | _by(work))


def _roll_back(work: StepWork) -> Fact | None:
    state = work.state
    champion = state.champion.version if state.champion else None
    goes, to = (state.rollout.version, champion) if state.rollout else (champion, version_before(state))
    if goes is None or to is None:
        raise StoreError("rollback: there is no version to roll back to")
    with _as_it_was(work) as is_so:
        if not is_so:
            return None
        point(work.context.paths, to)
        return work.record(FactKind.ROLLED_BACK, {"version": goes, "to": to, "by": "rules"} | _by(work))


def _end_round(work: StepWork) -> Fact:
    journal = work.context.journal
    left = [image.sha256 for image in journal.images(ImageStatus.ASKED) if (image.round or 0) <= work.number]
    journal.mark_images(left, ImageStatus.NEW, work.number, {})  # nobody labelled them: the next round may ask again
    return work.record(FactKind.ROUND_ENDED, {"outcome": _outcome(work), "why": list(work.due.why)})


def _outcome(work: StepWork) -> str:
    facts = next(one for one in work.state.rounds if one.number == work.number).facts
    if FactKind.ROLLED_BACK in facts:
        return "rolled back"
    if FactKind.PROMOTED in facts:
        return "promoted"
    if FactKind.JUDGED in facts:
        return "cannot tell" if facts[FactKind.JUDGED].words["ruling"] == "cannot tell" else "kept"
    return "nothing"


def _by(work: StepWork) -> dict[str, Any]:
    """Return why a version moves: the reasons, and the figures of the logs."""
    return {"why": list(work.due.why), "figures": work.decision.figures if work.decision else {}}


@contextmanager
def _as_it_was(work: StepWork) -> Iterator[bool]:
    """Keep others from moving the pointer; yield whether nobody has moved it since the state was read."""
    work.context.paths.deployed.mkdir(parents=True, exist_ok=True)
    with locked_folder(work.context.paths.deployed):
        now = work.context.journal.state()
        yield (now.serving, now.rollout) == (work.state.serving, work.state.rollout)


def labelled_of(context: OperateContext, since: datetime | None = None) -> int:
    """Return how many images of the stream are labelled, of those taken after a moment if one is given."""
    return context.journal.count_images(ImageStatus.LABELLED, since=since)


def missing_of(context: OperateContext, number: int) -> int:
    """Return how many images a round has handed over that are not labelled yet."""
    return context.journal.count_images(ImageStatus.ASKED, number)


DOERS: dict[DueStep, Callable[[StepWork], Fact | None]] = {
    DueStep.BEGIN_ROUND: _begin_round,
    DueStep.HAND_OVER: _hand_over,
    DueStep.TAKE_LABELS: _take_labels,
    DueStep.MAKE_VERSION: _make_version,
    DueStep.SEARCH: _search,
    DueStep.JUDGE: _judge,
    DueStep.REFUSE: _refuse,
    DueStep.PACK: _pack,
    DueStep.BEGIN_ROLLOUT: _begin_rollout,
    DueStep.PROMOTE: _promote,
    DueStep.ROLL_BACK: _roll_back,
    DueStep.END_ROUND: _end_round,
}
