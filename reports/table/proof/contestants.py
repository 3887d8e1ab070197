"""A proof as its study holds it: each contestant over its seeds, the winner, and what is left to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

from objectives.records.bounds.quantities import Judged
from objectives.records.proof import ProofRecord, ProofTerms, SplitLook, SplitScore
from objectives.records.trial_record import Phase, TrialRecord
from reports.table.gate_words import miss_words
from reports.table.proof.intervals import SeedsInterval, t_interval
from reports.table.proof.means import class_figure, class_values, missed_by_means
from reports.table.proof.pieces import by_piece, has_failed
from reports.table.proof.ranking import Since, since
from reports.table.proof.seeds import over_baseline, picked_of, values_of
from reports.table.proof.start import goes_on, training_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable


class ProofVerdict(StrEnum):
    """What a proof has come to."""

    BETTER = "better"  # the winner, than the baseline
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"  # the interval of the difference holds 0
    NO_BASELINE = "no baseline"  # there is a winner, and nothing to compare it with
    NO_WINNER = "no winner"  # no finalist keeps the gate by its means, or has two trainings
    UNDER_WAY = "under way"


@dataclass(frozen=True)
class Proven:
    """A finalist or the baseline over its seeds.

    Attributes:
        row: the trial as it was in the search.
        trained: the trial whose training the detector is of: of a file that was only converted its parent.
        is_of_family: whether it went on from its own weights: the intervals cover that last training alone.
        terms: how it was trained again.
        trainings: those that have finished, by seed.
        is_baseline: whether it is the baseline.
        map: mean mAP at IoU 0.5:0.95 with an interval that allows for the best of the finalists being picked; None of
            fewer than two seeds, as below.
        map50: likewise at IoU 0.5.
        p50_ms: its median latency; Student's interval of its own seeds, as below.
        p95_ms: its 95th percentile of latency.
        figure: what `classes` holds, "recall" as deployed or "AP 0.5:0.95".
        classes: class name to that figure.
        over_baseline: mAP above the baseline's, paired by seed, with an interval like that of `map`.
        missed: bounds of the gate that its means miss.
        scores: of its files on the test split.
        test: mean mAP of these.
    """

    row: TrialRow
    trained: TrialRow
    is_of_family: bool
    terms: ProofTerms
    trainings: tuple[TrialRow, ...]
    is_baseline: bool
    map: SeedsInterval | None
    map50: SeedsInterval | None
    p50_ms: SeedsInterval | None
    p95_ms: SeedsInterval | None
    figure: str
    classes: Mapping[str, SeedsInterval]
    over_baseline: SeedsInterval | None
    missed: tuple[Judged, ...]
    scores: tuple[SplitScore, ...] = ()
    test: SeedsInterval | None = None

    @property
    def number(self) -> int:
        """The trial's number in the search."""
        return self.row.number

    @property
    def is_alike(self) -> bool:
        """Whether it was trained and scored as in the search, but for the seed."""
        trained = self.trainings[0].accuracy if self.trainings else None
        same_images = trained is None or self.row.accuracy is None or trained.split == self.row.accuracy.split
        seen = self.trained.rungs[-1].epoch if self.trained.rungs else self.terms.epochs
        starts_alike = self.terms.again if self.is_of_family else True
        return same_images and starts_alike and seen == self.terms.epochs

    @property
    def optimism(self) -> float | None:
        """The search's mAP less the mean of the proof: by how much the search was too hopeful."""
        return None if self.map is None or self.row.map is None else self.row.map - self.map.mean

    def to_json(self) -> dict[str, Any]:
        """Return its figures as JSON values: each interval as mean, low, high, level and n."""
        intervals = {"map": self.map, "map50": self.map50, "p50_ms": self.p50_ms, "p95_ms": self.p95_ms}
        intervals |= {"map_over_baseline": self.over_baseline, "test_map": self.test}
        return {
            "trial": self.number,
            "baseline": self.row.baseline,
            "search_map": self.row.map,
            "optimism": self.optimism,
            "trained_as_in_the_search": self.is_alike,
            "goes_on_from_its_weights": self.is_of_family,
            "epochs": self.terms.epochs,
            "seeds": [row.seed for row in self.trainings],
            "trainings": [row.number for row in self.trainings],
            **{name: found.to_json() if found else None for name, found in intervals.items()},
            "class_figure": self.figure,
            "classes": {name: found.to_json() for name, found in self.classes.items()},
            "keeps_gate": bool(self.trainings) and not self.missed,
            "misses": list(map(miss_words, self.missed)),
            "test": [score.to_json() for score in self.scores],
        }


@dataclass(frozen=True)
class Proof:
    """The proof of a study that was begun last.

    Attributes:
        record: what it is made of.
        finalists: the most promising of the search first.
        baseline: None where the study has none.
        ended: trainings that have ended, of `total`.
        failed: those of them that did not finish.
        looks: all looks at the test split, in order.
        since: what the search has come to since the proof began.
    """

    record: ProofRecord
    finalists: tuple[Proven, ...]
    baseline: Proven | None
    ended: int
    total: int
    failed: int
    looks: tuple[SplitLook, ...]
    since: Since

    @property
    def is_complete(self) -> bool:
        """Whether all trainings have ended."""
        return self.ended == self.total

    @property
    def contestants(self) -> tuple[Proven, ...]:
        """The finalists, and the baseline last."""
        return (*self.finalists, *([self.baseline] if self.baseline else []))

    @property
    def winner(self) -> Proven | None:
        """The finalist with the best lower bound of mAP among those whose means keep the gate; None until the end."""
        fit = [one for one in self.finalists if one.map is not None and not one.missed]
        if not self.is_complete or not fit:
            return None
        return max(fit, key=lambda one: (one.map.low if one.map else 0.0, -(one.row.p50_ms or 0.0), -one.number))

    @property
    def verdict(self) -> ProofVerdict:
        """What it has come to."""
        if not self.is_complete:
            return ProofVerdict.UNDER_WAY
        if self.winner is None:
            return ProofVerdict.NO_WINNER
        if self.baseline is None:
            return ProofVerdict.NO_BASELINE
        apart = self.winner.over_baseline
        if apart is None or apart.low <= 0 <= apart.high:
            return ProofVerdict.CANNOT_TELL
        return ProofVerdict.BETTER if apart.low > 0 else ProofVerdict.WORSE

    @property
    def optimism(self) -> float | None:
        """Mean over the finalists of the search's mAP less the proof's; None before there are two seeds of each."""
        known = [one.optimism for one in self.finalists if one.optimism is not None]
        return fmean(known) if known else None

    @property
    def is_alike(self) -> bool:
        """Whether all finalists were trained and scored as in the search: then the optimism is the search's alone."""
        return all(one.is_alike for one in self.finalists)

    @property
    def ships(self) -> Proven | None:
        """Whose files an export ships: the winner, or a baseline that is proven better and keeps the gate."""
        base = self.baseline
        is_better = self.verdict is ProofVerdict.WORSE and base is not None and base.trainings and not base.missed
        return base if is_better else self.winner

    @property
    def shipped(self) -> TrialRow | None:
        """The training whose files an export ships: with the first seed, which no figure has picked."""
        return self.ships.trainings[0] if self.ships else None

    def of(self, number: int) -> Proven | None:
        """Return the contestant of this number, also by the number of one of its trainings."""
        found = (one for one in self.contestants if number in (one.number, *(row.number for row in one.trainings)))
        return next(found, None)

    def to_json(self) -> dict[str, Any]:
        """Return the whole proof as JSON values."""
        return {
            "verdict": self.verdict.value,
            "winner": self.winner.number if self.winner else None,
            "ships": self.shipped.number if self.shipped else None,
            "level": self.record.level,
            "seeds": list(self.record.seeds),
            "length": self.record.length,
            "begun": self.record.begun,
            "trainings_ended": self.ended,
            "trainings": self.total,
            "trainings_failed": self.failed,
            "optimism": self.optimism,
            "trained_as_in_the_search": self.is_alike,
            "trials_ended_since": self.since.ended,
            "leads_now": self.since.leader.number if self.since.leader else None,
            "finalists": [one.to_json() for one in self.finalists],
            "baseline": self.baseline.to_json() if self.baseline else None,
            "test_looks": [look.to_json() for look in self.looks],
        }


def baseline_of(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the stock detector that a study has trained for comparison; None where it has none that finished."""
    found = (one for one in records if one.baseline is not None and one.phase is Phase.FINISHED and not one.is_proof)
    return next(found, None)


def read_proof(table: StudyTable) -> Proof | None:
    """Return the proof of a study as it stands; None if none was begun, or its trials are not there."""
    record = table.record.proof
    if record is None or not record.contestants or max(one.number for one in record.contestants) >= len(table.rows):
        return None
    looks = table.record.test_looks
    ended = _ended(table, record)
    done = {number: [row for row in rows if not has_failed(row)] for number, rows in ended.items()}
    proven = {one.number: _proven(table, record, one.number, done, looks) for one in record.contestants}
    return Proof(
        record=record,
        finalists=tuple(proven[number] for number in record.finalists),
        baseline=None if record.baseline is None else proven[record.baseline],
        ended=sum(len(rows) for rows in ended.values()),
        total=len(record.contestants) * len(record.seeds),
        failed=sum(len(rows) - len(done[number]) for number, rows in ended.items()),
        looks=looks,
        since=since(table.rows, table.finished, record),
    )


def _ended(table: StudyTable, record: ProofRecord) -> dict[int, list[TrialRow]]:
    """Return contestant to its trainings that have ended, by seed."""
    found = by_piece(table.rows)
    ended: dict[int, list[TrialRow]] = {one.number: [] for one in record.contestants}
    for piece in record.pieces():
        row = found.get(piece)
        if row is not None and row.outcome:
            ended[piece.number].append(row)
    return ended


def _proven(
    table: StudyTable,
    record: ProofRecord,
    number: int,
    done: Mapping[int, Sequence[TrialRow]],
    looks: Sequence[SplitLook],
) -> Proven:
    """Return one contestant, beside all others."""
    rows, level = done[number], record.level
    figure = class_figure(rows)
    by_class = ((name, t_interval(found, level)) for name, found in class_values(rows, figure).items())
    trained = {row.number for row in rows}
    found = [tuple(score for score in look.scores if score.trial in trained) for look in looks]
    scores = next((of_look for of_look in reversed(found) if of_look), ())
    row = table.row(number)
    return Proven(
        row=row,
        trained=training_of(row, table.rows),
        is_of_family=goes_on(row, table.rows),
        terms=next(one.terms for one in record.contestants if one.number == number),
        trainings=tuple(rows),
        is_baseline=number == record.baseline,
        map=picked_of(record, done, "map").get(number),
        map50=picked_of(record, done, "map50").get(number),
        p50_ms=t_interval(values_of(rows, "p50_ms"), level),
        p95_ms=t_interval(values_of(rows, "p95_ms"), level),
        figure=figure,
        classes={name: found for name, found in by_class if found},
        over_baseline=over_baseline(record, done).get(number),
        missed=missed_by_means(rows, table.gate) if rows else (),
        scores=scores,
        test=t_interval([score.map for score in scores], level),
    )
