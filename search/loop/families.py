"""Families of a search: the children of its trainings, cut or in other precisions, from the store alone."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from objectives.records.artifacts.stored_files import Files
from objectives.records.children import ChildrenOrder, ChildrenReport, ScoredChild
from objectives.records.paths import WEIGHTS
from objectives.records.records import Proposal
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.engine.known_latency import KnownLatencySampler
from search.engine.observed import observe
from search.engine.proposal.children import ChildrenProposal, Parent, propose_children
from search.engine.proposal.precisions import Pair, effects
from search.engine.steering import WorstDevice
from search.study.stored_trial import child_of
from spaces.candidate import Candidate
from spaces.network.family import FP32, PRECISION, Family, is_of_many, precision_of

if TYPE_CHECKING:
    import optuna

SURER = 3.0  # what a child promises is all but certain, what a new training does is hoped for by a few others
FAILED_MOST = 2  # deaths of a parent's scorer in this process after which its children are left alone
NONE_KEPT: Mapping[str, Files] = MappingProxyType({})
ENDLESS_S = 1e9  # what a budget without hours leaves: children are counted by the seconds they take


class Families:
    """Chooses and records children; call it while no other process of the study chooses."""

    def __init__(
        self,
        study: "optuna.Study",
        sampler: KnownLatencySampler,
        seconds_left: Callable[[], float],
        rate_beside: Callable[[Sequence[TrialRecord]], float],
        trials_most: int,
        worst: WorstDevice | None = None,
    ) -> None:
        """Set up.

        Args:
            study: the store.
            sampler: the engine's, whichever sampler proposes trainings.
            seconds_left: of the budget.
            rate_beside: the gain of hypervolume per second that anything else promises.
            trials_most: of the budget.
            worst: by which of several devices the engine steers; None for the first.
        """
        self._worst = worst
        self._study, self._seconds_left, self._trials_most = study, seconds_left, trials_most
        self._rate_beside = rate_beside
        self._sampler = sampler
        self._failed: dict[int, int] = {}  # parent to deaths of its scorers in this process
        self._ordered: dict[int, int] = {}  # parent to children that are being scored for this process
        self._expected: dict[int, dict[Candidate, Proposal]] = {}  # parent to what its children were scored for

    def best(self, trials: Sequence[TrialRecord], busy: Collection[int]) -> tuple[int, ChildrenProposal] | None:
        """Return the parent whose children are worth most per second, and what is to be done with them.

        None where no children are worth their time, or a new training or a polish is worth more.

        Args:
            trials: the study's.
            busy: parents whose children are being scored.
        """
        shut = {*busy, *(number for number, deaths in self._failed.items() if deaths >= FAILED_MOST)}
        shut |= {number for number, names in StudyRecord.of(self._study).removed.items() if WEIGHTS in names}
        free = [t for t in trials if is_parent(t) and t.number not in shut]
        return self._best(free, trials) if free else None

    def next_order(self, number: int) -> ChildrenOrder | None:
        """Return what the scorer of a parent's children is to do next; None ends it."""
        trials = trial_records(self._study)
        best = self._best([trials[number]], trials)
        if best is None:
            return None
        _, proposal = best
        self._expect(trials[number], proposal)
        self._ordered[number] = len(proposal.order.score)
        return proposal.order

    @property
    def ordered(self) -> int:
        """Number of children that are being scored for this process, and will be trials."""
        return sum(self._ordered.values())

    def record(self, number: int, report: ChildrenReport, kept: Mapping[str, Files] = NONE_KEPT) -> list[str]:
        """Store what a scorer has found, each child once.

        Args:
            number: of the parent.
            report: what was found.
            kept: folder of a child -> what its trial lists of it.

        Returns:
            Folders of children that are left out: other processes have begun the last trials of the budget meanwhile.
        """
        self._ordered.pop(number, None)
        if report.looks or report.failed:
            StudyWriter(self._study).looks(number, report)
        trials = trial_records(self._study)
        parent, family = trials[number], Family.from_json(trials[number].family)
        there = {Candidate.of(trial.candidate) for trial in trials if trial.parent == number}
        found = {family.child(Candidate.of(parent.candidate), child.choices): child for child in report.scored}
        new = [(candidate, child) for candidate, child in found.items() if candidate not in there]
        left = self._left(trials)
        for candidate, child in new[:left]:
            self._study.add_trial(self._as_trial(parent, child, candidate, kept.get(child.folder, {})))
        return [child.folder for _, child in new[left:]]

    def scorer_ended(self, number: int, *, failed: bool) -> None:
        """Forget what a scorer was about, and count its death."""
        self._ordered.pop(number, None)
        if failed:
            self._failed[number] = self._failed.get(number, 0) + 1

    def _left(self, trials: Sequence[TrialRecord]) -> int:
        """Return how many trials the budget leaves."""
        return max(0, self._trials_most - sum(not (t.phase is Phase.WAITING or t.is_proof) for t in trials))

    def _as_trial(
        self, parent: TrialRecord, child: ScoredChild, candidate: Candidate, files: Files
    ) -> "optuna.trial.FrozenTrial":
        source = self._sampler.source
        assert source is not None
        expected = self._expected.get(parent.number, {}).get(candidate)
        proposal = expected or Proposal("child", "known_latency", f"child of trial {parent.number}")
        return child_of(parent, child, candidate, source.distributions, proposal, files)

    def _best(
        self, parents: Sequence[TrialRecord], trials: Sequence[TrialRecord]
    ) -> tuple[int, ChildrenProposal] | None:
        engine = self._sampler.engine
        assert engine is not None
        front = engine.look(observe(self._study, trials)).beliefs.front
        most, seconds_left = self._left(trials) - self.ordered, min(self._seconds_left(), ENDLESS_S)
        proposals = (
            (known.number, propose_children(known, front, engine.bound_ms, seconds_left, most))
            for known in self._known(parents, trials)
        )
        found = [(number, proposal) for number, proposal in proposals if proposal]
        best = max(found, key=lambda pair: (pair[1].rate, -pair[0]), default=None)
        if best is None or math.isinf(best[1].rate) or SURER * best[1].rate >= self._rate_beside(trials):
            return best
        return None

    def _known(self, parents: Sequence[TrialRecord], trials: Sequence[TrialRecord]) -> Iterator[Parent]:
        """Yield what is known of parents and their children, by the latency that the engine goes by."""
        if self._worst is not None:
            parents, trials = self._worst.seen(parents), self._worst.seen(trials)
        stored = StudyRecord.of(self._study)
        reports = {t.number: list(stored.looks(t.number)) for t in trials if is_parent(t)}
        look_s = _mean([look.seconds for found in reports.values() for report in found for look in report.looks])
        score_s = _mean([sum(t.stages_s.values()) for t in trials if t.is_child])
        believed = effects(_pairs(trials))
        for parent in parents:
            if parent.map is None or parent.p50_ms is None:
                continue
            family, of_parent = Family.from_json(parent.family), reports[parent.number]
            children = [t for t in trials if t.parent == parent.number]
            yield Parent(
                number=parent.number,
                family=family,
                latency_ms=parent.p50_ms,
                looks=[look for report in of_parent for look in report.looks],
                measured=[(family.choices_of(t.candidate), t.p50_ms) for t in children if t.p50_ms],
                failed=[child.choices for report in of_parent for child in report.failed],
                look_s=look_s,
                score_s=score_s,
                map=parent.map,
                effects=believed,
            )

    def _expect(self, parent: TrialRecord, proposal: ChildrenProposal) -> None:
        """Remember what is expected of the children that get files, for their trials."""
        family, number = Family.from_json(parent.family), parent.number
        kept = self._expected.setdefault(number, {})
        for choices, (map_, ms, log_sd) in zip(proposal.order.score, proposal.expected, strict=True):
            candidate = family.child(Candidate.of(parent.candidate), choices)
            kept[candidate] = Proposal(
                role="child",
                sampler="known_latency",
                why=f"child of trial {number}: {proposal.why}",
                expected_gain=proposal.share / max(1, len(proposal.order.score)),
                predicted_map=map_,
                latency_ms=ms,
                latency_sd_ms=ms * log_sd,
            )


def is_parent(trial: TrialRecord) -> bool:
    """Whether a trial is a training that has ended well, with children to be had."""
    return trial.phase is Phase.FINISHED and bool(trial.family) and trial.parent is None


def is_elastic_parent(trial: TrialRecord) -> bool:
    """Whether a trial is one whose children differ in more than their precision."""
    return is_parent(trial) and is_of_many(trial.family)


def _pairs(trials: Sequence[TrialRecord]) -> Iterator[Pair]:
    """Yield the detectors that were scored in fp32 and in another precision."""
    scored: dict[tuple[int, str], dict[frozenset[tuple[str, Any]], TrialRecord]] = {}
    for trial in trials:
        if trial.map is not None and trial.p50_ms and (trial.is_child or trial.family):
            family = trial.number if trial.parent is None else trial.parent
            network = frozenset(item for item in trial.candidate.items() if item[0] != PRECISION)
            scored.setdefault((family, precision_of(trial.candidate)), {})[network] = trial
    for (family, precision), of_family in scored.items():
        for network, other in of_family.items():
            before = scored.get((family, FP32), {}).get(network)
            if precision == FP32 or before is None:
                continue
            now, then = _figures(other), _figures(before)
            yield Pair.of(precision, *now, *then)


def _mean(seconds: list[float]) -> float | None:
    return fmean(seconds) if seconds else None


def _figures(trial: TrialRecord) -> tuple[float, float]:
    """Return p50 in ms and mAP of a trial that has both."""
    assert trial.p50_ms is not None
    assert trial.map is not None
    return trial.p50_ms, trial.map
