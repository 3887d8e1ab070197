"""Families of a study: elastic trainings, the children cut from them, and what the children were chosen by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from objectives.records.children import HELD_OUT, ChildrenReport
from objectives.records.study_record import StudyRecord
from reports.table.row import TrialRow
from spaces.network.family import Family


@dataclass(frozen=True)
class FamilyRow:
    """One elastic training and its children.

    Attributes:
        number: of the training that the children were cut from, their parent.
        parent: its row; None where the study does not hold it as an elastic training.
        children: rows of the children that were scored as files, by number.
        polishes: rows of what was trained on from the weights of one of them, or of the parent, by number.
        looked_at: number of children that were looked at, those that were scored later among them.
        only_looked_at: number of children that were looked at, and are no trials.
        look_s: seconds that the looks took.
        failed: number of children that could not be made, exported or measured.
    """

    number: int
    parent: TrialRow | None
    children: tuple[TrialRow, ...] = ()
    polishes: tuple[TrialRow, ...] = ()
    looked_at: int = 0
    only_looked_at: int = 0
    look_s: float = 0.0
    failed: int = 0

    @property
    def on_front(self) -> tuple[TrialRow, ...]:
        """Children on the front, the fastest first."""
        return tuple(sorted((row for row in self.children if row.on_front), key=lambda row: row.p50_ms or 0.0))

    @property
    def best(self) -> TrialRow | None:
        """The most accurate child; of equals the faster."""
        return max(self.children, key=lambda row: (row.map or 0.0, -(row.p50_ms or 0.0)), default=None)


@dataclass(frozen=True)
class Difference:
    """A choice of a child that is not its parent's."""

    name: str
    parent: Any
    child: Any


def find_families(rows: Sequence[TrialRow], study: StudyRecord) -> tuple[FamilyRow, ...]:
    """Return the families whose children were scored, looked at, or tried, by the parents' numbers."""
    children: dict[int, list[TrialRow]] = {}
    polishes: dict[int, list[TrialRow]] = {}
    parent_of = {row.number: row.number if row.parent is None else row.parent for row in rows}
    for row in rows:
        if row.parent is not None:
            children.setdefault(row.parent, []).append(row)
        elif row.polishes in parent_of:
            polishes.setdefault(parent_of[row.polishes], []).append(row)
    parents = {row.number: row for row in rows if row.family and not row.is_child}
    numbers = sorted(children.keys() | parents.keys())
    found = (_family(n, parents.get(n), children.get(n, []), polishes.get(n, []), study.looks(n)) for n in numbers)
    return tuple(family for family in found if family.children or family.looked_at or family.failed)


def is_held_out(row: TrialRow) -> bool:
    """Whether a child is scored on images that it was not chosen by."""
    return row.accuracy is not None and row.accuracy.split.endswith(HELD_OUT)


def differences(child: TrialRow, parent: TrialRow) -> tuple[Difference, ...]:
    """Return the choices in which a child differs from its parent, in the order of the family's axes."""
    family = Family.from_json(parent.family)
    own, whole = family.choices_of(child.candidate), family.choices_of({})
    return tuple(Difference(name, whole[name], own[name]) for name in family.axes if own[name] != whole[name])


def _family(
    number: int,
    parent: TrialRow | None,
    children: Sequence[TrialRow],
    polishes: Sequence[TrialRow],
    reports: Iterable[ChildrenReport],
) -> FamilyRow:
    """Return one family; a child that was looked at twice counts once."""
    found = list(reports)
    looks = [look for report in found for look in report.looks]
    seen = {frozenset(look.choices.items()) for look in looks}
    family = Family.from_json(parent.family if parent else {})
    scored = {frozenset(family.choices_of(row.candidate).items()) for row in children}
    return FamilyRow(
        number=number,
        parent=parent,
        children=tuple(children),
        polishes=tuple(polishes),
        looked_at=len(seen),
        only_looked_at=len(seen - scored),
        look_s=sum(look.seconds for look in looks),
        failed=sum(len(report.failed) for report in found),
    )
