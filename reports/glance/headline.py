"""What a study has found, in one line as wide as there is room for: its best trial, and how the stock detector does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from reports.glance.marks import PICK, STOCK_MARK
from reports.table.baseline import AgainstBaseline, against_baseline
from reports.table.baseline_words import beside_words
from reports.table.pick import misses
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import Verdict, judge
from reports.table.words import ms, share

HEADLINE_STYLES = {"meets": "bold green", "misses": "bold yellow", "no gate": "bold green", "nothing": "bold"}


@dataclass(frozen=True)
class GlanceHeadline:
    """What is said of a study first.

    Attributes:
        best: on its best trial, the longest wording first.
        beside: on the baseline, likewise; empty without one.
        style: of the words on the best trial.
    """

    best: tuple[str, ...]
    beside: tuple[str, ...]
    style: str


def headline(
    table: StudyTable, verdict: Verdict | None = None, against: AgainstBaseline | None = None
) -> GlanceHeadline:
    """Return what is said first; `verdict` and `against` are the table's, if they are known."""
    verdict = verdict or judge(table)
    against = against or against_baseline(table)
    best = ("no trial has finished yet",) if verdict.row is None else _best(verdict, verdict.row, table)
    return GlanceHeadline(best, () if against is None else _beside(against), HEADLINE_STYLES[verdict.kind])


def fitting(wordings: Sequence[str], width: int) -> str:
    """Return the first of the wordings that so many columns hold; the last one if none does."""
    return next((words for words in wordings if cell_len(words) <= width), wordings[-1] if wordings else "")


def _best(verdict: Verdict, row: TrialRow, table: StudyTable) -> tuple[str, ...]:
    n, shape = row.number, PICK.shape
    figures = f"mAP50 {share(row.map50)}, p95 {ms(row.p95_ms)}"
    short = f"{share(row.map50)} at {ms(row.p95_ms)}"
    if verdict.kind == "meets":
        return (
            f"{shape} trial {n} meets the gate: {figures}, mAP {share(row.map)}, p50 {ms(row.p50_ms)}",
            f"{shape} trial {n} meets the gate: {figures}",
            f"{shape} {n} meets the gate: {short}",
            f"{shape} {n} meets the gate",
        )
    if verdict.kind == "no gate":
        figures, short = f"mAP {share(row.map)}, p50 {ms(row.p50_ms)}", f"{share(row.map)} at {ms(row.p50_ms)}"
        lead = f"{shape} trial {n} is the most accurate, no gate is set"
        return (f"{lead}: {figures}", f"{shape} trial {n}, no gate set: {figures}", f"{shape} {n}: {short}, no gate")
    missed = ", ".join(misses(row, table.gate))
    return (
        f"no trial meets the gate; trial {n} comes nearest: {figures} ({missed})",
        f"no trial meets the gate; nearest is {n}: {missed}",
        f"no trial meets the gate; nearest: {n}",
        "no trial meets the gate",
    )


def _beside(against: AgainstBaseline) -> tuple[str, ...]:
    """Return how the pick does beside the baseline, or where the baseline stands."""
    name, row, shape = against.name.partition("@")[0], against.row, STOCK_MARK.shape
    if not against.is_comparable:
        standing = {"waiting": "waits", "running": "is trained"}.get(row.standing, row.standing)
        return (f"{shape} stock {name}: {standing}, nothing to compare with", f"{shape} {name}: {standing}")
    figures = f"mAP {share(row.map)} at {ms(row.p50_ms)}"
    if against.pick is None:
        return (f"{shape} stock {name} is the best itself: {figures}", f"{shape} stock {name} is the best itself")
    gain, speed = f"{against.pick.map_gain:+.3f} mAP", beside_words(against.pick).partition(", ")[2]
    unbeaten = "" if against.is_beaten else "; nothing beats it in both"
    return (
        f"{beside_words(against.pick)} beside {shape} stock {name} ({figures}){unbeaten}",
        f"{beside_words(against.pick)} beside {shape} stock {name}{unbeaten}",
        f"{gain}, {speed} beside {shape} {name}",
        f"{gain} beside {shape} {name}",
    )
