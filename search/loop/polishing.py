"""Polishes of a search: one of a family, or a carried detector, trained on as one detector, from the store alone."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from objectives.records.paths import WEIGHTS
from objectives.records.records import Proposal
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, TrialRecord
from search.engine.known_latency import KnownLatencySampler
from search.engine.observed import observe
from search.engine.proposal.engine import NAME
from search.engine.proposal.polish import Polishable, Polished, PolishProposal, propose_polish
from search.engine.steering import WorstDevice
from search.loop.families import is_elastic_parent
from search.study.stored_trial import StoredTrial, polish_of
from spaces.network.family import FP32, precision_of

if TYPE_CHECKING:
    import optuna

IMPORTANCE = "prune.importance"  # of channels, where a detector is pruned
LEAST_MAP = 1e-3  # of what is polished, whose logarithm is taken
SLOWER_MOST = 4.0  # what a polish took over what was foretold, or the inverse: beyond, the machine was at fault


class Polishing:
    """Chooses and begins polishes; call it while no other process of the study chooses."""

    def __init__(
        self,
        study: "optuna.Study",
        sampler: KnownLatencySampler,
        epochs: int,
        seconds_left: Callable[[], float],
        worst: WorstDevice | None = None,
        first: int = 0,
    ) -> None:
        """Set up.

        Args:
            study: the store.
            sampler: the engine's, whichever sampler proposes trainings.
            epochs: of a polish; 0 for none at all.
            seconds_left: of the budget.
            worst: by which of several devices the engine steers; None for the first.
            first: carried detectors, in their order, whose polish comes before all else.
        """
        self._worst, self._first = worst, first
        self._study, self._sampler, self._epochs, self._seconds_left = study, sampler, epochs, seconds_left

    def best(self, trials: Sequence[TrialRecord]) -> PolishProposal | None:
        """Return the polish that is worth most per second; None where none is worth its time.

        Args:
            trials: the study's.
        """
        trials = trials if self._worst is None else self._worst.seen(trials)
        parents = {trial.number: trial for trial in trials if is_elastic_parent(trial) or is_whole_carried(trial)}
        if not (self._epochs and parents):
            return None
        engine = self._sampler.engine
        assert engine is not None
        candidates = list(self._candidates(trials, parents))
        front = engine.look(observe(self._study, trials)).beliefs.front
        seen = list(seen_polishes(trials, parents, self._epochs))
        return propose_polish(candidates, seen, front, self._epochs, self._seconds_left())

    def begin(self, proposal: PolishProposal, trials: Sequence[TrialRecord]) -> StoredTrial:
        """Store a polish as a new trial; it runs, and begins once its candidate is recorded."""
        said = Proposal(
            role="polish",
            sampler=NAME,
            why=proposal.why,
            expected_gain=proposal.share,
            predicted_map=proposal.mean,
            predicted_map_sd=proposal.sd,
            latency_ms=proposal.latency_ms,
            latency_measured=True,
        )
        self._study.add_trial(polish_of(trials[proposal.number], said))
        return StoredTrial(self._study, len(trials))

    def _candidates(self, trials: Sequence[TrialRecord], parents: Mapping[int, TrialRecord]) -> Iterator[Polishable]:
        """Yield what can be polished: of families, and of what was carried, what has weights and was not polished."""
        removed = {number for number, names in StudyRecord.of(self._study).removed.items() if WEIGHTS in names}
        closed = removed | {trial.polishes for trial in trials}
        asked = [trial.number for trial in trials if trial.is_carried][: self._first]
        open_ = (t for t in trials if t.number not in closed and precision_of(t.candidate) == FP32)
        found = (polishable(trial, parents, is_asked=trial.number in asked) for trial in open_)
        return (one for one in found if one is not None)


def polishable(trial: TrialRecord, parents: Mapping[int, TrialRecord], *, is_asked: bool = False) -> Polishable | None:
    """Return one of a family as what is known of it before it is polished; None for any other trial.

    Without any mAP there is nothing that a polish could multiply: such a one is polished only where that is asked for.
    """
    parent = parents.get(trial.number if trial.parent is None else trial.parent)
    if parent is None or parent.p50_ms is None or trial.p50_ms is None or not (trial.map or is_asked):
        return None
    epoch_s = _epoch_s(parent)
    if epoch_s is None:
        return None
    least = max(trial.map or 0.0, LEAST_MAP)
    times = trial.p50_ms, parent.p50_ms, epoch_s, parent.overhead_s
    return Polishable(trial.number, least, *times, _lost(parent), is_asked)


def _epoch_s(parent: TrialRecord) -> float | None:
    """Return the seconds of an epoch of a parent's training; of a carried one as it was elsewhere, if that is known."""
    if parent.rungs:
        return parent.rungs[-1].seconds / parent.rungs[-1].epoch
    return None if parent.carried is None else parent.carried.epoch_s


def _lost(parent: TrialRecord) -> float:
    """Return the logarithm of what a carried detector lost on this study's images; 0 for one of this study."""
    if parent.carried is None or not parent.carried.map or not parent.map:
        return 0.0
    return max(0.0, math.log(parent.carried.map / parent.map))


def is_whole_carried(trial: TrialRecord) -> bool:
    """Whether a trial is a carried detector that can be trained on: what was pruned has shapes of its own."""
    return trial.is_carried and trial.phase is Phase.FINISHED and trial.candidate.get(IMPORTANCE, "none") == "none"


def seen_polishes(trials: Sequence[TrialRecord], parents: Mapping[int, TrialRecord], epochs: int) -> Iterator[Polished]:
    """Yield what came of the polishes that have ended well."""
    for trial in trials:
        if trial.polishes is None or trial.map is None:
            continue
        before = polishable(trials[trial.polishes], parents)
        if before is None:
            continue
        took_s, foretold_s = sum(trial.stages_s.values()), before.seconds(epochs)
        slower = took_s / foretold_s if took_s > 0 and foretold_s > 0 else 1.0  # nothing was timed
        yield Polished(before.map, trial.map, min(max(slower, 1 / SLOWER_MOST), SLOWER_MOST), before.lost)
