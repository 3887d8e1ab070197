"""Which detector a study stands for once there is a proof, and whose files the proof needs."""

from collections.abc import Iterator
from typing import Any

from reports.table.pick import pick
from reports.table.proof.contestants import read_proof
from reports.table.proof.words import around, stale_sentence, verdict_sentence
from reports.table.row import TrialRow
from reports.table.table import StudyTable

BY_GATE = "gate"


def picked(table: StudyTable, how: str | int) -> TrialRow:
    """Return the chosen trial: by the gate, what a proof has come to ship, if it has: a training with the first seed.

    Args:
        table: the study.
        how: as of `reports.table.pick.pick`.

    Raises:
        AutomlError: no trial answers to it; the line says what comes nearest.
    """
    proof = read_proof(table) if str(how).strip() == BY_GATE else None
    return (proof.shipped if proof else None) or pick(table, how)


def proven_json(table: StudyTable, row: TrialRow) -> dict[str, Any]:
    """Return `{"proof": ...}`, the figures with intervals of a trial that a proof was of; empty for any other."""
    proof = read_proof(table)
    proven = proof.of(row.number) if proof else None
    if proof is None or proven is None:
        return {}
    whole = {key: value for key, value in proof.to_json().items() if key not in ("finalists", "test_looks")}
    return {"proof": {**whole, **proven.to_json(), "baseline": whole["baseline"], "test_looks": len(proof.looks)}}


def proven_lines(table: StudyTable, row: TrialRow) -> Iterator[str]:
    """Yield what an export says of the proof of the trial that it ships."""
    proof = read_proof(table)
    proven = proof.of(row.number) if proof else None
    if proof is None or proven is None:
        return
    yield f"proven: mAP {around(proven.map)} over {len(proven.trainings)} seeds. {verdict_sentence(proof)}"
    if stale_sentence(proof):
        yield stale_sentence(proof)
    shipped = proof.shipped
    if shipped is not None and row.number == shipped.proves:
        yield f"these are the search's own files; --pick gate ships those of the first seed, trial {shipped.number}"


def needed_by_proof(table: StudyTable) -> set[int]:
    """Return the trials whose files the proof that was begun last needs: all of its own until its end, and sources.

    Once it has come to its end, the first trainings of finalists stay, of which one ships, and what the test split was
    not scored on yet; all, where a training has failed, which may begin once more.
    """
    proof = read_proof(table)
    if proof is None:
        return set()
    rows = [one.row for one in proof.contestants]
    if proof.is_complete and proof.looks and not proof.failed:
        return {one.trainings[0].number for one in proof.contestants if one.trainings}
    sources = {number for row in rows for number in (row.number, row.polishes) if number is not None}
    return sources | {row.number for one in proof.contestants for row in one.trainings}
