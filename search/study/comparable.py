"""Which trials of a study still count under another contract: what a fork keeps, and what is left out and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives.records.gate import Gate
from objectives.records.trial_record import Phase, TrialRecord
from spaces.candidate import Candidate
from spaces.dimension import Domain, Value
from spaces.errors import SpaceError
from spaces.space import SearchSpace
from spaces.vocabulary import DEFAULTS

# Differences of the contract after which no trial can be compared, and why.
BARRIERS = {
    "data": "accuracies on other data cannot be compared",
    "training": "accuracies of another training cannot be compared",
    "trainer": "accuracies of another trainer cannot be compared",
    "device": "latencies on another device cannot be compared",
}
OUTSIDE = "outside the new space"
NOT_BEGUN = "not begun"
ORPHANED = "cut from a training that is left out"
ADMITTED = "over the old latency bound alone, never trained"


@dataclass(frozen=True)
class Kept:
    """A trial that still counts.

    Attributes:
        trial: as it is stored.
        candidate: choices of the trial, as the new space has them.
        over_bound: whether the trial waits at a rung and the new gate would not admit its latency.
    """

    trial: TrialRecord
    candidate: Candidate
    over_bound: bool = False


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
    def numbers(self) -> Mapping[int, int]:
        """Number of a kept trial in the old study to its number in the new one."""
        return {kept.trial.number: number for number, kept in enumerate(self.kept)}

    @property
    def trials(self) -> int:
        """Number of all trials."""
        return len(self.kept) + sum(self.left_out.values())

    def __str__(self) -> str:
        reasons = "; ".join(f"{count}: {reason}" for reason, count in self.left_out.items())
        return f"{len(self.kept) or 'none'} of {self.trials} trials{f' ({reasons})' if reasons else ''}"


def compare(trials: Iterable[TrialRecord], differing: Sequence[str], space: SearchSpace, gate: Gate) -> Comparison:
    """Sort the trials of a study that have begun.

    Args:
        trials: all trials of the study.
        differing: parts of the contract that differ.
        space: the new search space.
        gate: the new gate.
    """
    barrier = next((why for part, why in BARRIERS.items() if part in differing), None)
    kept, left_out, numbers = [], Counter[str](), set[int]()
    for trial in trials:
        if trial.phase is Phase.WAITING:
            continue
        found = barrier or _judged(trial, space, gate)
        if isinstance(found, Kept) and trial.is_child and trial.parent not in numbers:
            found = ORPHANED
        if isinstance(found, Kept):
            kept.append(found)
            numbers.add(trial.number)
        else:
            left_out[found] += 1
    return Comparison(tuple(kept), dict(left_out))


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


def _judged(trial: TrialRecord, space: SearchSpace, gate: Gate) -> Kept | str:
    """Return the trial as a fork keeps it, or why the trial is left out."""
    if not trial.has_begun:
        return NOT_BEGUN
    candidate = fitted(space, trial.candidate)
    if candidate is None:
        return OUTSIDE
    latency = trial.latency_untrained
    admitted = latency is None or gate.admits_latency(latency.p50_ms, latency.p95_ms)
    if trial.phase is Phase.OVER_BOUND and admitted:
        return ADMITTED
    return Kept(trial, candidate, over_bound=not trial.phase.has_ended and not admitted)
