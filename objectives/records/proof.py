"""What a proof is of: finalists trained again with other seeds, and the looks at the test split."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from objectives.records.records import Record


class Length(StrEnum):
    """How long the trainings of a proof are."""

    FULL = "full"  # as `automl train`
    TRIAL = "trial"  # as the search's own trials
    SET = "set"  # a number of epochs of the user's


@dataclass(frozen=True)
class ProofTerms(Record):
    """How one contestant of a proof is trained.

    Attributes:
        epochs: of each training.
        again: whether a polish starts where it started in the search; else one of a family goes on from its own
            weights.
        held_out: whether it is scored on the half of the split by which no child was chosen.
    """

    epochs: int
    again: bool = False
    held_out: bool = False


@dataclass(frozen=True)
class ProofPiece:
    """One training of a proof: the trial that it repeats, the seed, and how."""

    number: int
    seed: int
    terms: ProofTerms


@dataclass(frozen=True)
class Entrant(Record):
    """A finalist, or the baseline: its number in the study, and how it is trained."""

    number: int
    terms: ProofTerms


@dataclass(frozen=True)
class ProofRecord(Record):
    """What a proof is made of, frozen when it begins.

    Attributes:
        contestants: the finalists, the most promising first; the baseline last.
        baseline: number of the baseline; None where the study has none.
        seeds: the same ones for all, none of them the search's.
        level: of the intervals, in (0, 1).
        length: one of Length.
        begun: when, ISO 8601.
        most: of finalists, as it was asked for; 0 where an older automl has not kept that.
    """

    contestants: tuple[Entrant, ...]
    baseline: int | None
    seeds: tuple[int, ...]
    level: float
    length: str
    begun: str = ""
    most: int = 0

    @property
    def finalists(self) -> tuple[int, ...]:
        """Numbers of the finalists."""
        return tuple(one.number for one in self.contestants if one.number != self.baseline)

    def pieces(self) -> Iterator[ProofPiece]:
        """Yield the trainings, seed by seed: a proof that is cut has as many of each contestant, but for one."""
        for seed in self.seeds:
            for one in self.contestants:
                yield ProofPiece(one.number, seed, one.terms)

    def is_like(self, other: "ProofRecord | None") -> bool:
        """Whether another proof has the same trainings, whenever it was begun and whatever its level is."""
        return other is not None and set(self.pieces()) == set(other.pieces()) and self.baseline == other.baseline

    def asks_the_same(self, other: "ProofRecord") -> bool:
        """Whether another proof is of the same contestants, seeds, lengths and images, to the same level.

        Where a polish starts is left aside: that depends on which files are still there.
        """
        return self._asked() == other._asked()

    def _asked(self) -> tuple[Any, ...]:
        entered = {(one.number, one.terms.epochs, one.terms.held_out) for one in self.contestants}
        return entered, self.baseline, set(self.seeds), self.level


@dataclass(frozen=True)
class SplitScore(Record):
    """One file's score on the test split.

    Attributes:
        number: the contestant.
        trial: the training of the proof whose file it is.
        seed: of that training.
        map: mAP at IoU 0.5:0.95.
        map50: mAP at IoU 0.5.
    """

    number: int
    trial: int
    seed: int
    map: float
    map50: float


@dataclass(frozen=True)
class SplitLook(Record):
    """One look at the test split.

    Attributes:
        when: ISO 8601.
        by: the command, "prove" or another.
        split: name of the split.
        images: in it.
        numbers: trials of the study that were looked at.
        scores: of a proof: of each file.
    """

    when: str
    by: str
    split: str
    images: int
    numbers: tuple[int, ...]
    scores: tuple[SplitScore, ...] = ()
