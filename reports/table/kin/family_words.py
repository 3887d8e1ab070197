"""Families in words: whose figure one is, how many detectors were scored, and what children were chosen by."""

from collections.abc import Sequence
from typing import TypeAlias

from objectives.records.children import HELD_OUT
from reports.table.families import FamilyRow, differences, is_held_out
from reports.table.kin.polishes import polish_words
from reports.table.row import Origin, TrialRow
from reports.table.table import StudyTable
from reports.table.words import plural
from spaces.network.family import FP32, PRECISION, precision_of

Scored: TypeAlias = list[tuple[FamilyRow, Sequence[TrialRow]]]  # families with some of their children


def origin_words(row: TrialRow) -> str:
    """Return 'trained', 'child of trial 3', 'polished from trial 12', 'carried from old:12' and the like."""
    if row.is_baseline:
        return f"the baseline, stock {row.baseline}"
    if row.is_proof:
        return f"proof of trial {row.proves}, seed {row.seed}"
    if row.is_polish:
        return f"{Origin.POLISHED} from trial {row.polishes}"
    if row.carried is not None:
        return f"{Origin.CARRIED} from {row.carried.source}"
    return f"{Origin.CHILD} of trial {row.parent}" if row.is_child else str(row.origin)


def kind_words(row: TrialRow, family: FamilyRow | None) -> str:
    """Return '`child of 3`', '`polish of 12`', '`baseline yolo26n`', '`carried from old:12`', '`parent, 14 children`'.

    A trial that is nothing of these is 'trained'.

    Args:
        row: the trial.
        family: of which it is the parent, if it is one.
    """
    if row.is_proof:
        return f"proof of {row.proves}, seed {row.seed}"
    if row.is_child:
        return f"{Origin.CHILD} of {row.parent}"
    if row.is_polish:
        return f"polish of {row.polishes}"
    if row.is_baseline:
        return f"baseline {row.baseline}"
    if row.carried is not None:
        children = f", {children_words(len(family.children))}" if family else ""
        return f"{Origin.CARRIED} from {row.carried.source}{children}"
    return f"parent, {children_words(len(family.children))}" if family else str(row.origin)


def children_words(count: int) -> str:
    """Return '1 child' or '14 children'."""
    return plural(count, "child", "children")


def scored_words(table: StudyTable) -> str:
    """Return '`63 detectors scored from 3 trainings, 120 more looked at`'."""
    return f"{plural(len(table.finished), 'detector')} scored {source_words(table)}"


def source_words(table: StudyTable) -> str:
    """Return '`from 3 trainings, 1 carried along, 2 polished, 120 more looked at`'."""
    polished = sum(row.is_polish for row in table.trainings)
    looked = sum(family.only_looked_at for family in table.families)
    carried = sum(row.is_carried and row.is_measured for row in table.rows)
    parts = [f"from {plural(len(table.trainings) - polished, 'training')}"]
    parts += [f"{carried:,} carried along"] if carried else []
    parts += [f"{polished:,} polished"] if polished else []
    return ", ".join([*parts, *([f"{looked:,} more looked at"] if looked else [])])


def family_words(family: FamilyRow) -> str:
    """Return '`14 children scored, 20 more looked at, 9 on the front`'."""
    parts = [f"{children_words(len(family.children))} scored"]
    parts += [f"{family.only_looked_at:,} more looked at"] if family.only_looked_at else []
    parts += [f"{family.failed:,} could not be made or measured"] if family.failed else []
    parts += [f"{len(family.on_front):,} on the front"] if family.on_front else []
    return ", ".join(parts)


def caveats(table: StudyTable) -> tuple[str, ...]:
    """Return what the figures of families do not say by themselves, in sentences; empty without families.

    What children were chosen from and by, whether that makes their figures too good, and how many latencies are quick.
    """
    same: Scored = []
    apart: Scored = []
    for family in (family for family in table.families if family.looked_at):  # none is chosen by mAP without a look
        for kept, held_out in ((same, False), (apart, True)):
            scored = tuple(row for row in family.children if row.accuracy and is_held_out(row) is held_out)
            kept += [(family, scored)] if scored else []
    found = []
    if same:
        found.append(
            f"{_chosen(same)} by mAP on the very images that their figures are of ({_images(same)}): the best of many "
            "are so in part by luck, and do somewhat worse on other images."
        )
    if apart:
        found.append(
            f"{_chosen(apart)} by mAP on one half of the images, and scored on the other ({_images(apart)}); detectors "
            "that were trained themselves are scored on all of them."
        )
    polished = polish_words(table.rows)
    found += [polished] if polished else []
    quick = sum(row.has_quick_latency for row in table.front)
    if quick:
        of = "All" if quick == len(table.front) else f"{quick:,} of the"
        is_ = "is" if quick == 1 < len(table.front) else "are"
        found.append(
            f"{of} {plural(len(table.front), 'latency', 'latencies')} on the front {is_} by the quick protocol: of "
            "fewer images, in a process that other files share."
        )
    return tuple(found)


def choice_words(row: TrialRow, family: FamilyRow) -> str:
    """Return how one child was chosen: '`chosen from 34 on the very images that its figures are of: optimistic`'."""
    if is_converted(row, family):
        return f"the file of trial {row.parent} in {precision_of(row.candidate)}"
    among = f"chosen from {family.looked_at:,}" if family.looked_at > 1 else "chosen"
    if is_held_out(row):
        return f"{among} on the other half of the images than its figures are of"
    return f"{among} on the very images that its figures are of: optimistic"


def is_converted(row: TrialRow, family: FamilyRow | None) -> bool:
    """Whether a child has all of its parent's network, and only its precision is another."""
    if family is None or family.parent is None or precision_of(row.candidate) == FP32:
        return False
    return [item.name for item in differences(row, family.parent)] == [PRECISION]


def made_words(row: TrialRow, family: FamilyRow | None) -> str:
    """Return how a child was made, without training: '`cut from its weights`', '`its file in int8`'."""
    precision = precision_of(row.candidate)
    if is_converted(row, family):
        return f"its file in {precision}"
    return "cut from its weights" + ("" if precision == FP32 else f", in {precision}")


def _chosen(scored: Scored) -> str:
    count = sum(len(rows) for _, rows in scored)
    looked = sum(family.looked_at for family, _ in scored)
    among = f" from {looked:,}" if looked >= count else ""
    return f"{children_words(count)} {'was' if count == 1 else 'were'} chosen{among}"


def _images(scored: Scored) -> str:
    """Return '`32 of val`'; of several data sets or splits the first, as all trials of a study share them."""
    accuracy = scored[0][1][0].accuracy
    assert accuracy is not None  # the caller chose rows that have one
    return f"{accuracy.images:,} of {accuracy.split.removesuffix(HELD_OUT)}"
