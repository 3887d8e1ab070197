"""Which choices mattered, for each objective: accuracy's by trainings, latency's by what is deployed."""

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.distributions import CategoricalDistribution

from objectives.records.even_sample import evenly
from reports.analysis.shares.accuracy import ChoiceShare, find_parts
from reports.analysis.shares.choices import Columns, columns_of
from reports.analysis.shares.latency import latency_shares
from reports.table.row import TrialRow
from reports.table.table import StudyTable

TRIALS_MIN = 12
TRIALS_PER_CHOICE = 2
MEMBERS_MIN = 2  # trials that a value needs for an effect of its own
TRIALS_MAX = 500  # of more an even sample is looked at


@dataclass(frozen=True)
class Importance:
    """What mattered for one objective.

    Attributes:
        objective: "mAP" or "latency".
        parts: choices, or parts of the network, with their shares of the variance, the greatest first; empty if none
            can be named.
        trials: number of trials, or of different networks, that they rest on.
        explained: share of the variance that they explain together; None where nothing was fitted.
        choices: number of choices that were looked at.
        reason: why `parts` is empty, else empty.
        sampled: whether these trials are an even sample of more.
        of_children: whether they are of the choices in which children differ, since trainings are too few.
        left_out: unstable latencies that are not among them.
    """

    objective: str
    parts: tuple[ChoiceShare, ...]
    trials: int
    explained: float | None = None
    choices: int = 0
    reason: str = ""
    sampled: bool = False
    of_children: bool = False
    left_out: int = 0

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """Choice and share, the greatest first."""
        return tuple((part.name, part.share) for part in self.parts)


def importances(table: StudyTable) -> tuple[Importance, Importance]:
    """Return what mattered for mAP, by finished trainings, and for latency, by all networks that were measured."""
    return (_of_accuracy(table), _of_latency(table))


def _of_latency(table: StudyTable) -> Importance:
    found = latency_shares(table)
    return Importance(
        "latency",
        tuple(ChoiceShare(name, share) for name, share in found.parts),
        found.networks,
        explained=found.explained,
        reason=found.reason,
        sampled=found.sampled,
        left_out=found.left_out,
    )


def _of_accuracy(table: StudyTable) -> Importance:
    """Return what mattered in trainings; where these are too few, what of their choices mattered in children.

    A child repeats the other choices of its parent: hundreds of them would say of those what one training says. So they
    speak only of what they differ in, each beside those of its own family.
    """
    rows = [row for row in table.finished if not (row.is_baseline or row.is_polish or row.is_carried)]
    trained = [row for row in rows if not row.is_child]
    own = _of_trials(trained, _varying(trained))
    elastic = {name for row in trained for name in row.family}
    if not own.reason.startswith("needs ") or len(trained) == len(rows) or not elastic:
        return own
    family = {row.number for row in rows if row.family}
    kin = [row for row in rows if row.is_child or row.number in family]
    return _of_trials(kin, [name for name in _named(kin) if name in elastic], of_children=True)


def _of_trials(rows: Sequence[TrialRow], names: Sequence[str], *, of_children: bool = False) -> Importance:
    """Return which of these choices mattered for the mAP of these trials."""
    count, what = len(rows), "scored detectors" if of_children else "finished trainings"
    needed = max(TRIALS_MIN, TRIALS_PER_CHOICE * len(names))

    def nothing(reason: str) -> Importance:
        return Importance("mAP", (), count, choices=len(names), reason=reason, of_children=of_children)

    if not count:
        return nothing(f"no {what} yet")
    if count < needed:
        return nothing(f"needs {needed} {what} to tell {len(names)} choices apart, has {count}")
    if len({row.map for row in rows}) == 1:
        return nothing(f"all {count} {what} have the same mAP")
    kept = evenly(rows, TRIALS_MAX)
    groups = [row.number if row.parent is None else row.parent for row in kept] if of_children else None
    parts, explained = find_parts(_bases(kept, names), [row.map or 0.0 for row in kept], groups)
    if not parts:
        return nothing(f"over {len(kept)} {what}, none of {len(names)} choices explains more than chance would")
    sampled = len(kept) < count
    return Importance("mAP", parts, len(kept), explained, len(names), "", sampled, of_children)


def _varying(rows: Sequence[TrialRow]) -> list[str]:
    """Return the choices that the sampler makes: not those of one value."""
    kept = evenly(rows, TRIALS_MAX)
    return list(dict.fromkeys(n for row in kept for n, domain in row.distributions.items() if not domain.single()))


def _named(rows: Sequence[TrialRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.candidate))


def _bases(rows: Sequence[TrialRow], names: Sequence[str]) -> dict[str, Columns]:
    """Return the choices in which the trials differ as columns; a number that is sampled by its logarithm goes so."""
    found = {}
    for name in names:
        domain = next((row.distributions[name] for row in rows if name in row.distributions), None)
        log = domain is not None and not isinstance(domain, CategoricalDistribution) and getattr(domain, "log", False)
        values = [row.params.get(name, row.candidate.get(name)) for row in rows]
        columns = columns_of(values, log=log, members_min=MEMBERS_MIN)
        if columns is not None:
            found[name] = columns
    return found
