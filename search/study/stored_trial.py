"""One trial in the store that this process works on: read once as a record, written through at once.

What belongs together is written in one transaction. Figures of a trained file may go with the next write: a trial that
is cut before it goes on from its last checkpoint, and measures them again.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from objectives.records import attributes as keys
from objectives.records.artifacts.stored_files import Files, files_to_json
from objectives.records.children import ScoredChild
from objectives.records.proof import ProofPiece
from objectives.records.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Record, Resources, Rung
from objectives.records.study_parts.requests import RequestRecord
from objectives.records.trial_record import Phase, TrialRecord, read_trial
from search.study.storage.batch import gathering
from spaces.candidate import Candidate
from spaces.dimension import Value
from spaces.network.family import Family

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class StoredTrial:
    """A trial by its number; only the process that has claimed it may hold one.

    Attributes:
        record: the trial as this process has read and written it.
        was_asked_for: whether some of its choices were asked for in `start`.
        was_sampled_in_part: whether a sampler has chosen the others.
    """

    def __init__(self, study: "optuna.Study", number: int) -> None:
        self._study, self.number = study, number
        self._storage = study._storage
        self._id = self._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        stored = self._storage.get_trial(self._id)
        self.record: TrialRecord = read_trial(stored)
        self.was_asked_for = "fixed_params" in stored.system_attrs
        fixed = stored.system_attrs.get("fixed_params", {})
        self.was_sampled_in_part = bool(stored.params.keys() - fixed.keys())
        # As they are stored: what this version cannot read of them must not get lost when a value is added.
        self._lists = {key: list(stored.user_attrs.get(key) or []) for key in (keys.DECISIONS, keys.ATTEMPTS)}
        self._later: dict[str, Any] = {}  # attributes that go with the next write

    @property
    def is_cut(self) -> bool:
        """Whether the trial had neither ended nor paused when read; one that nobody else has claimed was cut then."""
        return self.record.phase is Phase.RUNNING

    @property
    def candidate(self) -> Candidate | None:
        """The trial's candidate; None if the trial has not begun."""
        return Candidate.of(self.record.candidate) if self.record.has_begun else None

    def gathering(self) -> AbstractContextManager[None]:
        """Store all that is recorded until here in one transaction: no reader sees a part of it."""
        return gathering(self._storage, self._id)

    def begin(self) -> None:
        """Store that a trial of the queue runs; no sampler is asked for its choices."""
        from optuna.trial import TrialState

        self._storage.set_trial_state_values(self._id, state=TrialState.RUNNING)
        self.record = replace(self.record, phase=Phase.RUNNING)

    def record_proposal(self, proposal: Proposal) -> None:
        """Store why the trial was proposed."""
        self._write(keys.PROPOSAL, proposal.to_json(), proposal=proposal)

    def record_candidate(self, candidate: Candidate, folder: str) -> None:
        """Store where the trial's files are and what the trial is; the candidate, written last, begins the trial."""
        with self.gathering():
            self._write(keys.FOLDER, folder, folder=folder)
            self._write(keys.CANDIDATE, candidate.to_json(), has_begun=True, candidate=candidate)

    def record_family(self, family: Family) -> None:
        """Store which children an elastic training holds."""
        axes = family.to_json()
        self._write(keys.FAMILY, axes, family=axes)

    def record_latency(self, latency: Latency, *, trained: bool, later: bool = False) -> None:
        """Store the trial's latency: of the trained, exported file, or before training.

        Args:
            latency: of the file.
            trained: of which of the two.
            later: a trained file's goes with the next write.
        """
        if trained:
            self._write(keys.LATENCY, latency.to_json(), later=later, latency=latency)
        else:
            self._write(keys.LATENCY_UNTRAINED, latency.to_json(), latency_untrained=latency)

    def record_latency_on(self, device: str, latency: Latency, *, trained: bool) -> None:
        """Store the trial's latency on a further device, likewise."""
        key, known = keys.LATENCIES_UNTRAINED, self.record.latencies_untrained
        if trained:
            key, known = keys.LATENCIES, self.record.latencies
        found = {**known, device: latency}
        changes: dict[str, Any] = {"latencies" if trained else "latencies_untrained": found}
        self._write(key, {name: one.to_json() for name, one in found.items()}, **changes)

    def record_rung(self, rung: Rung) -> None:
        """Store a rung; records of this epoch and later ones go: a checkpoint was lost, and epochs are trained anew."""
        rungs = (*(before for before in self.record.rungs if before.epoch < rung.epoch), rung)
        self._write(keys.RUNGS, [rung.to_json() for rung in rungs], rungs=rungs)

    def record_accuracy(self, accuracy: Accuracy, *, later: bool = False) -> None:
        """Store the accuracy of the exported file; `later` with the next write."""
        self._write(keys.ACCURACY, accuracy.to_json(), later=later, accuracy=accuracy)

    def record_resources(self, resources: Resources, *, later: bool = False) -> None:
        """Store what the trial has cost, in all its processes; `later` with the next write."""
        self._write(keys.RESOURCES, resources.to_json(), later=later, resources=resources)

    def record_decision(self, decision: Decision) -> None:
        """Store what was decided about the trial."""
        self._append(keys.DECISIONS, decision, decisions=(*self.record.decisions, decision))

    def record_attempt(self, end: Ending) -> None:
        """Store a death after which the trial is taken up again."""
        self._append(keys.ATTEMPTS, end, attempts=(*self.record.attempts, end))

    def pause(self) -> None:
        """Store that the trial waits at a rung with its checkpoint."""
        self._write(keys.PAUSED, True, phase=Phase.PAUSED)

    def go_on(self) -> None:
        """Store that the trial waits no longer."""
        self._write(keys.PAUSED, False, phase=Phase.RUNNING)

    def end(self, end: Ending, values: tuple[float, float] | None) -> None:
        """Store how the trial ended, with both objectives if it finished: in one transaction."""
        with self.gathering():
            self._end(end, values)

    def _end(self, end: Ending, values: tuple[float, float] | None) -> None:
        from optuna.trial import TrialState

        if self.record.phase is Phase.PAUSED:
            self.go_on()  # a death from here on leaves a trial that was cut, and goes on or is ended
        self._write(keys.ENDING, end.to_json(), ending=end)
        if end.outcome == Outcome.FINISHED and values is not None:
            self._study.tell(self.number, list(values))
        elif end.outcome == Outcome.FAILED:
            self._study.tell(self.number, state=TrialState.FAIL)
        else:
            self._study.tell(self.number, state=TrialState.PRUNED)

    def _append(self, key: str, value: Record, **changes: Any) -> None:
        longer = [*self._lists[key], value.to_json()]
        self._write(key, longer, **changes)
        self._lists[key] = longer  # once it is stored: what was refused may be written once more

    def _write(self, key: str, value: Any, *, later: bool = False, **changes: Any) -> None:
        self._later[key] = value
        if not later:
            with self.gathering():
                for name in list(self._later):
                    self._storage.set_trial_user_attr(self._id, name, self._later[name])
                    del self._later[name]
        self.record = replace(self.record, **changes)


def optuna_trial(study: "optuna.Study", number: int) -> "optuna.Trial":
    """Return Optuna's handle of a trial that runs; making one asks the sampler."""
    import optuna

    return optuna.Trial(study, study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number))


def sampled_trial(study: "optuna.Study", asked: "optuna.Trial", choose: Callable[[], object]) -> StoredTrial:
    """Have all values of a new trial chosen, store them in one transaction, and return the trial as it is stored."""
    with gathering(study._storage, asked._trial_id):
        choose()
    return StoredTrial(study, asked.number)


def child_of(
    parent: TrialRecord,
    child: ScoredChild,
    candidate: Candidate,
    distributions: "Mapping[str, BaseDistribution]",
    proposal: Proposal,
    files: Files = MappingProxyType({}),
) -> "FrozenTrial":
    """Return a child of an elastic training as the store keeps it: a finished trial.

    Args:
        parent: the training that the child was cut from.
        child: what was measured of it.
        candidate: every choice of it.
        distributions: of the choices that the sampler makes.
        proposal: why it was scored.
        files: what is kept of its folder elsewhere.
    """
    from optuna.trial import FrozenTrial, TrialState

    now = datetime.now()
    of_space = held(candidate, distributions)
    attributes = {
        keys.PARENT: parent.number,
        keys.FOLDER: f"{parent.folder}/{child.folder}",
        keys.CANDIDATE: candidate.to_json(),
        keys.PROPOSAL: proposal.to_json(),
        keys.LATENCY: child.latency.to_json(),
        keys.ACCURACY: child.accuracy.to_json(),
        keys.RESOURCES: child.resources.to_json(),
        keys.ENDING: Ending(Outcome.FINISHED, "").to_json(),
    }
    if files:
        attributes[keys.FILES] = files_to_json(files)
    if child.latencies:
        attributes[keys.LATENCIES] = {name: latency.to_json() for name, latency in child.latencies.items()}
    return FrozenTrial(
        number=-1,  # the store gives one
        state=TrialState.COMPLETE,
        value=None,
        values=[child.accuracy.map, child.latency.p50_ms],
        datetime_start=now - timedelta(seconds=sum(child.resources.seconds.values())),
        datetime_complete=now,
        params={name: candidate[name] for name in of_space},
        distributions=of_space,
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={},
        trial_id=-1,
    )


def polish_of(one: TrialRecord, proposal: Proposal) -> "FrozenTrial":
    """Return a polish as the store keeps it when it begins: a trial that runs, with the choices of one of a family.

    Args:
        one: the child, or the elastic training, whose weights it goes on from.
        proposal: why it is polished.
    """
    return _begun(one, {keys.POLISHES: one.number, keys.PROPOSAL: proposal.to_json()})


def proof_of(one: TrialRecord, piece: ProofPiece) -> "FrozenTrial":
    """Return a training of a proof as the store keeps it when it begins: a trial that runs, with another's choices.

    Args:
        one: the contestant that it repeats.
        piece: with which seed, and how.
    """
    return _begun(one, {keys.PROVES: one.number, keys.SEED: piece.seed, keys.TERMS: piece.terms.to_json()})


def _begun(one: TrialRecord, attributes: Mapping[str, Any]) -> "FrozenTrial":
    """Return a trial that runs, with the choices of another one."""
    from optuna.trial import FrozenTrial, TrialState

    return FrozenTrial(
        number=-1,  # the store gives one
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now(),
        datetime_complete=None,
        params=dict(one.params),
        distributions=dict(one.distributions),
        user_attrs=dict(attributes),
        system_attrs={},
        intermediate_values={},
        trial_id=-1,
    )


def baseline_of(name: str) -> "FrozenTrial":
    """Return the baseline as the store queues it: without parameters, which would say of a space what is none of its.

    What a space leaves unsaid (its neck, for one) is other than in a published detector, even where all that it says
    is the same.
    """
    from optuna.trial import TrialState, create_trial

    return create_trial(state=TrialState.WAITING, user_attrs={keys.BASELINE: name})


def asked_for_by(asked: RequestRecord) -> "FrozenTrial":
    """Return a candidate that somebody asks for as the store queues it: what it leaves open is the sampler's."""
    from optuna.trial import TrialState, create_trial

    fixed, said = {"fixed_params": dict(asked.choices)}, {keys.ASKED: asked.to_json()}
    return create_trial(state=TrialState.WAITING, system_attrs=fixed, user_attrs=said)


def held(candidate: Candidate, distributions: "Mapping[str, BaseDistribution]") -> "dict[str, BaseDistribution]":
    """Return the distributions that hold what a candidate has; a child's whole part may be none of a space's widths."""
    return {name: d for name, d in distributions.items() if name in candidate and _holds(d, candidate[name])}


def _holds(distribution: "BaseDistribution", value: Value) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (ValueError, TypeError):
        return False
