"""The trainings of a proof as a search works on them: what comes next, from the store alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from objectives.records.proof import Length, ProofPiece, ProofRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord
from reports.table.table import read_study
from search.engine.schedulers.scheduler import Step
from search.loop.proof.finalists import Lengths, new_proof
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims import Claims
from search.study.stored_trial import StoredTrial, proof_of
from search.workers.jobs import Jobs
from spaces.errors import AutomlError, SettingsError

if TYPE_CHECKING:
    import optuna


class Proving:
    """Chooses and begins trainings of the proof; call it while no other process of the study chooses."""

    def __init__(self, study: "optuna.Study", settings: Settings, jobs: Jobs) -> None:
        """Set up.

        Args:
            study: the store.
            settings: of the search.
            jobs: for the lengths of trainings.
        """
        self._study, self._settings = study, settings
        self._lengths = Lengths(jobs.epochs, jobs.polish_epochs)

    @property
    def record(self) -> ProofRecord | None:
        """The proof that was begun last."""
        return StudyRecord.of(self._study).proof

    def freeze(
        self, unset: Length, trials: Sequence[TrialRecord], *, anew: bool = False, asked: bool = False
    ) -> ProofRecord:
        """Return the proof that is to be worked on: the one that is under way, else a new one, which is stored.

        Args:
            unset: what `proof.epochs` null stands for.
            trials: of the study.
            anew: leave the one that is under way.
            asked: whether seeds or lengths were asked for: one under way that has others is refused.

        Raises:
            AutomlError: the study has nothing to prove, or a proof of other seeds or lengths is under way.
        """
        known = self.record
        under_way = known is not None and not anew and not self.is_complete(known, trials)
        if known is not None and under_way and not asked:
            return known
        wanted = new_proof(read_study(self._study, trials), self._settings, self._lengths, unset)
        if known is not None and under_way:
            if _asked(known) != _asked(wanted):
                seeds, level, epochs = _asked(known)
                raise SettingsError(
                    f"prove: a proof of {len(seeds)} seeds, {' or '.join(map(str, epochs))} epochs, level {level:g} is "
                    "under way; leave out proof.* to go on with it, or give --anew"
                )
            return known
        if wanted.is_like(known) and known is not None and known.level == wanted.level:
            return known
        StudyWriter(self._study).proof(wanted)
        return wanted

    def is_complete(self, proof: ProofRecord, trials: Sequence[TrialRecord]) -> bool:
        """Whether all trainings of a proof have ended."""
        known = _by_piece(trials)
        return all(piece in known and known[piece].phase.has_ended for piece in proof.pieces())

    def next_step(self, trials: Sequence[TrialRecord]) -> Step | None:
        """Return the first training that was not begun, or waits since the hours were used; None for none."""
        known, proof = _by_piece(trials), self.record
        for piece in () if proof is None else proof.pieces():
            trial = known.get(piece)
            if trial is None:
                return Step(None, piece.terms.epochs, "its turn in the proof", proof=piece)
            if trial.phase is Phase.PAUSED:
                return Step(trial.number, piece.terms.epochs, "the proof goes on")
        return None

    def begin(self, piece: ProofPiece, trials: Sequence[TrialRecord]) -> StoredTrial:
        """Store a training of the proof as a new trial; it runs, and begins once its candidate is recorded."""
        self._study.add_trial(proof_of(trials[piece.number], piece))
        return StoredTrial(self._study, len(trials))

    def holds(self, trial: TrialRecord) -> bool:
        """Whether a trial is a training of the proof."""
        proof = self.record
        return proof is not None and trial.is_proof and _piece(trial) in set(proof.pieces())

    def used(self, trials: Sequence[TrialRecord], seconds: float) -> BudgetUsed:
        """Return how many trainings of the proof have ended."""
        proof = self.record
        pieces = set(proof.pieces()) if proof is not None else set()
        counted = [trial for trial in trials if trial.is_proof and _piece(trial) in pieces]
        return replace(BudgetUsed.of(counted, seconds, proofs=True), proof=len(pieces))

    def begins_behind_search(
        self, claims: Claims, read: Callable[[], Sequence[TrialRecord]], note: Callable[[str], None]
    ) -> bool:
        """Begin the proof of a search that has done all else, or go on with it; False if nothing of it is left to do.

        Args:
            claims: of this process.
            read: reads the study's trials.
            note: is given why there is none.
        """
        with claims.alone():
            trials = read()
            try:
                return not self.is_complete(self.freeze(Length.TRIAL, trials), trials)
            except AutomlError as nothing:
                note(f"no proof: {str(nothing).removeprefix('prove: ')}")
                return False


def _asked(proof: ProofRecord) -> tuple[tuple[int, ...], float, list[int]]:
    """Return seeds, level and epochs of a proof."""
    return proof.seeds, proof.level, sorted({one.terms.epochs for one in proof.contestants})


def _piece(trial: TrialRecord) -> ProofPiece | None:
    if trial.proves is None or trial.seed is None or trial.terms is None:
        return None
    return ProofPiece(trial.proves, trial.seed, trial.terms)


def _by_piece(trials: Sequence[TrialRecord]) -> dict[ProofPiece, TrialRecord]:
    """Return the training of each piece; of several the first."""
    found: dict[ProofPiece, TrialRecord] = {}
    for trial in trials:
        piece = _piece(trial)
        if piece is not None:
            found.setdefault(piece, trial)
    return found
