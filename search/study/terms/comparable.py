"""Which trials of a study still count under another contract: what a fork keeps, and what is left out and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives.records.bounds.figures import Figures
from objectives.records.gate import Gate
from objectives.records.trial_record import Phase, TrialRecord
from search.study.terms.changes import otherwise
from spaces.candidate import Candidate
from spaces.dimension import Domain, Value
from spaces.errors import SpaceError
from spaces.network.family import Family
from spaces.space import SearchSpace
from spaces.vocabulary import DEFAULTS

# Differences of the contract after which no trial can be compared, and why.
BARRIERS = {
    "data": "accuracies on other data cannot be compared",
    "training": "accuracies of another training cannot be compared",
    "trainer": "accuracies of another trainer cannot be compared",
    "weights": "accuracies of trainings from other weights cannot be compared",
    "device": "latencies on another device cannot be compared",
}
OUTSIDE = "outside the new space"
NOT_BEGUN = "not begun"
ADMITTED = "over a bound of the old gate alone, never trained"
OF_NO_PARENT = "children of elastic trainings that are left out"
OF_A_PROOF = "trainings of a proof"
OF_NOTHING_KEPT = "polishes of detectors that are left out"


@dataclass(frozen=True)
class Kept:
    """A trial that still counts.

    Attributes:
        trial: as it is stored.
        candidate: choices of the trial, as the new space has them.
        over_bound: whether the trial waits at a rung and the new gate would not admit its latency.
        family: of an elastic training: the children of it that the new space holds.
        is_inside: whether the new space holds the trial's choices; a carried detector counts where it does not, too.
    """

    trial: TrialRecord
    candidate: Candidate
    over_bound: bool = False
    family: Family | None = None
    is_inside: bool = True


@dataclass(frozen=True)
class Comparison:
    """The trials of a study, sorted.

    Attributes:
        kept: trials that still count, by number.
        left_out: reason to number of trials left out.
    """

    kept: tuple[Kept, ...]
    left_out: Mapping[str, int]

    @property
    def trials(self) -> int:
        """Number of all trials."""
        return len(self.kept) + sum(self.left_out.values())

    def __str__(self) -> str:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in self.left_out.items())
        return f"{len(self.kept) or 'none'} of {self.trials} trials{f' ({reasons})' if reasons else ''}"


def compare(
    trials: Iterable[TrialRecord], differing: Sequence[str], space: SearchSpace, gate: Gate, *, on_all: bool = False
) -> Comparison:
    """Sort the trials of a study that have begun.

    Args:
        trials: all trials of the study.
        differing: parts of the contract that differ.
        space: the new search space.
        gate: the new gate.
        on_all: whether a bound of any device stops a trial, as of `Gate.stopped_by`.
    """
    barrier = next((why for part, why in BARRIERS.items() if part in differing), None)
    kept, left_out = dict[int, Kept](), Counter[str]()
    for trial in trials:  # parents come before their children, and both before their polishes
        if trial.phase is Phase.WAITING:
            continue
        changed = otherwise(differing, trial.candidate) if trial.has_begun else None
        admits = _Admission(gate, on_all, is_same="gate" not in differing)
        found = barrier or changed or _found(trial, kept, space, admits)
        if isinstance(found, Kept):
            kept[trial.number] = found
        else:
            left_out[found] += 1
    return Comparison(tuple(kept.values()), dict(left_out))


def fitted(space: SearchSpace, choices: Mapping[str, Any]) -> Candidate | None:
    """Return the candidate of a space that is built as these choices were; None if the space holds none such."""

    def choose(name: str, domain: Domain) -> Value:
        value: Value = choices[name] if name in choices else DEFAULTS[name]
        if value not in domain:
            raise SpaceError(f"{name}: {value!r} is outside {domain}")
        return value

    try:
        built = space.build(choose)
    except (SpaceError, KeyError):
        return None
    of_one_value = all(value in space.domains[name] for name, value in choices.items() if name in space.fixed)
    added = all(name in choices or DEFAULTS.get(name) == value for name, value in built.items())
    gone = all(name in built or DEFAULTS.get(name) == value for name, value in choices.items())
    return built if of_one_value and added and gone else None


@dataclass(frozen=True)
class _Admission:
    """The new gate, before training.

    Attributes:
        gate: its bounds.
        on_all: as of `Gate.stopped_by`.
        is_same: whether it is the old study's.
    """

    gate: Gate
    on_all: bool
    is_same: bool

    def admits(self, trial: TrialRecord) -> bool:
        """Whether a trial may be trained, by what was measured of it; what was not measured bars none."""
        if trial.latency_untrained is None:
            return True
        others = {name: Figures.of(latency) for name, latency in trial.latencies_untrained.items()}
        return not self.gate.stopped_by(Figures.of(trial.latency_untrained), others, on_all=self.on_all)


def _judged(trial: TrialRecord, space: SearchSpace, admission: _Admission) -> Kept | str:
    """Return the trial as a fork keeps it, or why the trial is left out."""
    if not trial.has_begun:
        return NOT_BEGUN
    candidate = fitted(space, trial.candidate)
    if candidate is None:
        return OUTSIDE
    admitted = admission.admits(trial)
    is_of_doubt = bool(trial.family) and not admission.is_same  # its fastest child may keep the new gate
    if trial.phase is Phase.OVER_BOUND and (admitted or is_of_doubt):
        return ADMITTED
    waits = not trial.phase.has_ended
    over_bound = waits and not admitted and not trial.family  # of a family, the fastest child decides
    return Kept(trial, candidate, over_bound, _family(trial, space) if trial.family else None)


def _found(trial: TrialRecord, kept: Mapping[int, Kept], space: SearchSpace, admission: _Admission) -> Kept | str:
    """Return a trial as a fork keeps it beside those before it, or why it is left out."""
    if trial.is_proof:
        return OF_A_PROOF
    if trial.parent is not None:
        return _child(trial, kept)
    if trial.is_baseline:  # it need not lie in the space, and the gate bars it from nothing
        return Kept(trial, Candidate.of(trial.candidate)) if trial.has_begun else NOT_BEGUN
    if trial.is_carried and trial.has_begun:  # likewise; what it scores here is what it scored there
        inside, family = fitted(space, trial.candidate), _family(trial, space) if trial.family else None
        return Kept(trial, inside or Candidate.of(trial.candidate), family=family, is_inside=inside is not None)
    return _polish(trial, kept) if trial.polishes is not None else _judged(trial, space, admission)


def _polish(trial: TrialRecord, kept: Mapping[int, Kept]) -> Kept | str:
    """Return a polish as a fork keeps it: beside the detector that it goes on from, whose choices it has."""
    before = kept.get(-1 if trial.polishes is None else trial.polishes)
    if before is None:
        return OF_NOTHING_KEPT
    return Kept(trial, before.candidate) if trial.has_begun else NOT_BEGUN


def _family(trial: TrialRecord, space: SearchSpace) -> Family:
    """Return the children of an elastic training that a space holds; the training's own values come first."""
    return family_in(Family.from_json(trial.family), space)


def family_in(family: Family, space: SearchSpace) -> Family:
    """Return what a space holds of a family; the training's own values come first, whether it holds them or not."""
    axes = {}
    for name, values in family.axes.items():
        rest = [value for value in values[1:] if name in space.domains and value in space.domains[name]]
        if rest:
            axes[name] = (values[0], *rest)
    return Family(axes)


def _child(trial: TrialRecord, kept: Mapping[int, Kept]) -> Kept | str:
    """Return a child as a fork keeps it: beside its elastic training, whose weights it is cut from."""
    parent = kept.get(trial.parent if trial.parent is not None else -1)
    if parent is None or parent.family is None:
        return OF_NO_PARENT
    choices = Family.from_json(parent.trial.family).choices_of(trial.candidate)
    inside = within(parent.family, parent.trial, choices)
    return OUTSIDE if inside is None else Kept(trial, parent.family.child(parent.candidate, inside))


def within(family: Family, parent: TrialRecord, choices: Mapping[str, Value]) -> dict[str, Value] | None:
    """Return a child's choices as a narrower family has them; None if that family lacks the child.

    Args:
        family: the narrower one.
        parent: as it was, with all of its axes.
        choices: of the child, along these.
    """
    for name, value in choices.items():
        if value not in family.axes.get(name, parent.family[name][:1]):
            return None
    return {name: next(v for v in axis if v == choices[name]) for name, axis in family.axes.items()}
