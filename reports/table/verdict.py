"""The study in one sentence: which trial meets the gate, or which comes nearest."""

from dataclasses import dataclass

from objectives.records.gate import Gate
from reports.table.kin.family_words import origin_words
from reports.table.pick import misses, nearest_miss, pick
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import architecture, ms, plural, share


@dataclass(frozen=True)
class Verdict:
    """The trial that the report puts first, if any, and the sentence about it.

    Attributes:
        kind: "meets", "misses", "no gate" or "nothing".
        row: the trial that the sentence is about.
        lead: the first part of the sentence, up to the figures.
        figures: the rest of it.
    """

    kind: str
    row: TrialRow | None
    lead: str
    figures: str


def judge(table: StudyTable) -> Verdict:
    """Return the verdict on the study as it stands."""
    if not table.finished:
        return Verdict("nothing", None, "No trial has finished yet.", _so_far(table))
    if table.gate == Gate():
        best = pick(table, "best")
        if share(best.map) == share(0.0):
            lead = f"No gate is set, and no trial finds anything yet; the most accurate is trial {best.number}: "
            return Verdict("no gate", best, lead, _figures(best))
        return Verdict("no gate", best, f"No gate is set. Trial {best.number} is the most accurate: ", _figures(best))
    passing = sum(row.passes_gate for row in table.finished)
    if passing:
        row = pick(table, "gate")
        among = "the only one" if passing == 1 else f"the best of {passing:,}"
        return Verdict("meets", row, f"Trial {row.number} meets the gate, {among}: ", _figures(row))
    return _missed(table)


def _missed(table: StudyTable) -> Verdict:
    row = nearest_miss(table)
    assert row is not None  # the caller saw a finished trial
    by = " and ".join(misses(row, table.gate))
    yet = " yet" if table.is_running else ""
    lead = f"No trial meets the gate{yet}. Trial {row.number} comes nearest ({by}): "
    return Verdict("misses", row, lead, _figures(row))


def _figures(row: TrialRow) -> str:
    """Return '`mAP50 0.931, mAP 0.612, p95 9.1 ms, p50 8.2 ms, with resnet18 · pan · 256 px.`'."""
    figures = (
        ("mAP50", row.map50, share),
        ("mAP", row.map, share),
        ("p95", row.p95_ms, ms),
        ("p50", row.p50_ms, ms),
    )
    said = ", ".join(f"{name} {form(value)}" for name, value, form in figures if value is not None)
    what = architecture(row.candidate)
    shaky = " (latency unstable)" if not row.stable else ""
    batch = f", {row.smaller_batch} after out of memory" if row.smaller_batch else ""
    child = f"; a child of trial {row.parent}, not trained itself" if row.is_child else ""
    child = f"; trained on from the weights of trial {row.polishes}" if row.is_polish else child
    child = f"; {origin_words(row)}, and not trained here" if row.is_carried else child
    child = f"; it is the baseline, stock {row.baseline}: the search found none better" if row.baseline else child
    return f"{said}{shaky}, with {what}{batch}{child}." if what else f"{said}{shaky}{batch}{child}."


def _so_far(table: StudyTable) -> str:
    if not table.rows:
        return " The study holds no trial."
    return (
        " So far: "
        + ", ".join(f"{count:,} {standing}" for standing, count in table.counts.items())
        + (f" of {plural(len(table.rows), 'trial')}.")
    )
