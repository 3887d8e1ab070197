"""The test split, scored once: the files of the winner and of the baseline, and the store remembers that it was."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.records.paths import DEPLOYED, TrialPaths
from objectives.records.proof import SplitLook, SplitScore
from objectives.records.study_record import StudyWriter
from reports.table.proof.contestants import Proof, read_proof
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.files.contract import StudyFiles
from search.view.base import View

if TYPE_CHECKING:
    import optuna

LOOKING = 1 << 31  # the lock, among those of trials, of the process that looks at the test split
TEST = "test"
BY = "prove"


@dataclass(frozen=True)
class Scored:
    """What the test split of a study is scored with.

    Attributes:
        settings: of the study: device and data.
        dataset: whose split it is.
        study: the store.
        claims: of this process.
        read: reads the study as it stands.
        beat: called for each image: this process lives.
        files: of the study.
    """

    settings: Settings
    dataset: Dataset
    study: "optuna.Study"
    claims: Claims
    read: Callable[[], StudyTable]
    beat: Callable[[], None]
    files: StudyFiles


def unseen_split(dataset: Dataset, scored_on: str) -> str | None:
    """Return the split that no training and no choice of a search has seen: "test", else another; None for none."""
    unseen = [name for name, images in dataset.splits.items() if name not in ("train", scored_on) and images]
    return TEST if TEST in unseen else next(iter(unseen), None)


def score_once(of: Scored, view: View, *, again: bool = False) -> None:
    """Score the winner of a complete proof and the baseline on the split that nothing was chosen by, if it is unseen.

    The files of all seeds are scored, as deployed, on the study's device. Whoever searches the same study does not look
    meanwhile.

    Args:
        of: what is scored.
        view: is shown that it takes a while.
        again: look even if the split was looked at before.
    """
    split = unseen_split(of.dataset, of.settings.data.split)
    proof = read_proof(of.read())
    if proof is None or proof.winner is None or split is None or (proof.looks and not again):
        return
    if not of.claims.take(LOOKING):
        return
    try:
        proof = read_proof(of.read())  # another process may have looked since
        if proof is None or (proof.looks and not again):
            return
        with view.meanwhile(f"scoring the winner and the baseline on split {split}"):
            look = _look(of, proof, split)
        StudyWriter(of.study).test_look(look)
    finally:
        of.claims.free(LOOKING)


def _look(of: Scored, proof: Proof, split: str) -> SplitLook:
    numbers, scores = _contestants(proof), []
    for number, row in _files(proof, numbers):
        of.files.bring(row, DEPLOYED)
        map_, map50 = _score(of, of.settings.folder / (row.folder or ""), split)
        scores.append(SplitScore(number, row.number, row.seed or 0, map_, map50))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return SplitLook(when, BY, split, len(of.dataset.splits[split]), tuple(numbers), tuple(scores))


def _contestants(proof: Proof) -> list[int]:
    """Return the numbers of the winner and of the baseline."""
    return [one.number for one in (proof.winner, proof.baseline) if one is not None]


def _files(proof: Proof, numbers: Sequence[int]) -> Iterator[tuple[int, TrialRow]]:
    for one in proof.contestants:
        if one.number in numbers:
            yield from ((one.number, row) for row in one.trainings)


def _score(of: Scored, folder: Path, split: str) -> tuple[float, float]:
    """Return mAP and mAP50 of a file on a split, as the trials' are scored."""
    from objectives.latency.hosts.detections import score_on

    model, images = TrialPaths(folder).model, of.dataset.splits[split]
    accuracy = score_on(model, of.settings.device, images, of.dataset.classes, split, before_each=of.beat)
    return accuracy.map, accuracy.map50
