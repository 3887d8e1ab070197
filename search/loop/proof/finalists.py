"""Who is proven, and how: chosen from the store alone, once, when a proof begins."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from objectives.records.paths import WEIGHTS
from objectives.records.proof import Entrant, Length, ProofRecord, ProofTerms
from reports.table.proof.contestants import baseline_of
from reports.table.proof.ranking import ranked
from reports.table.proof.start import goes_on, went_on_from
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.files.local import is_to_be_had
from spaces.candidate import Candidate
from spaces.errors import AutomlError

SEED_STEP = 1000  # between two seeds; each epoch of a training has its own seed, a million apart
FULL_TIMES = 4  # length of `automl train` in trainings of the search, where trial.full_epochs is not set


@dataclass(frozen=True)
class Lengths:
    """Epochs of a search: of a trial that is trained from its start, and of a polish (0 for none)."""

    trial: int
    polish: int


def new_proof(
    table: StudyTable, settings: Settings, lengths: Lengths, length_unset: Length, proven: Collection[int] = ()
) -> ProofRecord:
    """Return what a proof of a study that begins now is made of.

    Args:
        table: the study.
        settings: its own; section `proof` says how many, how long, with how many seeds.
        lengths: epochs of its trials.
        length_unset: what `proof.epochs` null stands for.
        proven: trials that were proven already: they are chosen even if their weights have gone since.

    Raises:
        AutomlError: the study has nothing to prove.
    """
    rows, base = finalists(table, settings, proven), baseline_of(table.rows)
    length, epochs = _length(settings, lengths, length_unset)
    held_out = any(goes_on(row, table.rows) for row in rows)
    contestants = [table.row(row.number) for row in (*rows, *([base] if base else []))]
    return ProofRecord(
        contestants=tuple(
            Entrant(row.number, _terms(row, table, settings.folder, length, epochs, lengths, held_out=held_out))
            for row in contestants
        ),
        baseline=base.number if base else None,
        seeds=tuple(settings.seed + SEED_STEP * (i + 1) for i in range(settings.proof.seeds)),
        level=settings.proof.level,
        length=length.value,
        begun=datetime.now(UTC).isoformat(timespec="microseconds"),
        most=settings.proof.finalists,
    )


def finalists(table: StudyTable, settings: Settings, proven: Collection[int] = ()) -> list[TrialRow]:
    """Return those that meet the gate, the most accurate first, or where none does, those that bend the front.

    Of one detector and its polish the better one stands. What would go on from weights that are gone, unless it is one
    of `proven`, and the baseline, which is trained beside them anyway, are left out first: the front is the others'.

    Raises:
        AutomlError: there is none.
    """
    others = [row for row in table.finished if row.baseline is None]
    fit = (row for row in others if row.number in proven or not _lacks_weights(row, table, settings.folder))
    found = list(_distinct(ranked(fit)))[: settings.proof.finalists]
    if not found:
        raise AutomlError(_nothing(table))
    return found


def _nothing(table: StudyTable) -> str:
    if not table.finished:
        return f"prove: study '{table.name}' has no finished trial to prove; search first"
    if all(row.baseline is not None for row in table.finished):
        return f"prove: study '{table.name}' has no finished trial beside the baseline; search on"
    return f"prove: the weights that the finalists of study '{table.name}' go on from are gone; search on, or fork it"


def _distinct(rows: Iterable[TrialRow]) -> Iterator[TrialRow]:
    """Yield the rows, each detector once."""
    seen = set()
    for row in rows:
        candidate = Candidate.from_json(dict(row.candidate))
        if candidate not in seen:
            seen.add(candidate)
            yield row


def _lacks_weights(row: TrialRow, table: StudyTable, folder: Path) -> bool:
    """Whether a detector would go on from its own weights, and they are gone."""
    return goes_on(row, table.rows) and not is_to_be_had(row, folder, WEIGHTS)


def _length(settings: Settings, lengths: Lengths, unset: Length) -> tuple[Length, int]:
    """Return how long trainings are, in words and in epochs."""
    asked = settings.proof.epochs
    if asked is not None and asked.isdecimal():
        return Length.SET, int(asked)
    if asked == Length.TRIAL or (asked is None and unset is Length.TRIAL):
        return Length.TRIAL, lengths.trial
    return Length.FULL, settings.trial.full_epochs or FULL_TIMES * lengths.trial


def _terms(
    row: TrialRow, table: StudyTable, folder: Path, length: Length, epochs: int, lengths: Lengths, *, held_out: bool
) -> ProofTerms:
    """Return how one contestant is trained: at the length of the search, one of a family as a polish is."""
    if length is not Length.TRIAL or not goes_on(row, table.rows) or not lengths.polish:
        return ProofTerms(epochs, held_out=held_out)
    polished = went_on_from(row, table.rows)
    before = None if polished is None else table.row(polished)
    again = before is not None and WEIGHTS not in before.removed and not _lacks_weights(before, table, folder)
    return ProofTerms(lengths.polish, again=again, held_out=held_out)
