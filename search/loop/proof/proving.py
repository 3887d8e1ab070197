"""The trainings of a proof as a search works on them: what comes next, from the store alone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from objectives.records.proof import Length, ProofPiece, ProofRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, TrialRecord
from reports.table.proof.pieces import by_piece, has_failed
from reports.table.proof.ranking import ended_since
from reports.table.table import read_study
from search.engine.schedulers.scheduler import Step
from search.loop.proof.finalists import Lengths, new_proof
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims.contract import Claims, LeaseLost
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
        self._repeated: frozenset[int] = frozenset()  # failed trainings whose pieces are to begin anew

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
            AutomlError: the study has nothing to prove, or a proof of other seeds, lengths or numbers is under way.
        """
        known = self.record
        is_complete = known is not None and self.is_complete(known, trials)
        if known is not None and not is_complete and not anew:
            if asked:
                _check_asked(known, self._wanted(unset, trials))
            return known
        if known is not None and is_complete and known.asks_the_same(self._wanted(unset, trials, known.finalists)):
            return known
        wanted = self._wanted(unset, trials)
        if known is not None and wanted.is_like(known) and known.level == wanted.level:
            return known
        StudyWriter(self._study).proof(wanted)
        return wanted

    def _wanted(self, unset: Length, trials: Sequence[TrialRecord], proven: Collection[int] = ()) -> ProofRecord:
        return new_proof(read_study(self._study, trials), self._settings, self._lengths, unset, proven)

    def is_complete(self, proof: ProofRecord, trials: Sequence[TrialRecord]) -> bool:
        """Whether all trainings of a proof have ended."""
        known = by_piece(trials)
        return all(piece in known and known[piece].phase.has_ended for piece in proof.pieces())

    def repeat_failed(self, trials: Sequence[TrialRecord]) -> int:
        """Begin the trainings of the proof that have failed by now once more; return how many these are."""
        known, proof = by_piece(trials), self.record
        found = (known.get(piece) for piece in (proof.pieces() if proof is not None else ()))
        self._repeated = frozenset(trial.number for trial in found if trial is not None and has_failed(trial))
        return len(self._repeated)

    def next_step(self, trials: Sequence[TrialRecord]) -> Step | None:
        """Return the first training that was not begun, or waits since the hours were used; None for none."""
        known, proof = self._standing(trials), self.record
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
        return proof is not None and not set(by_piece([trial])).isdisjoint(proof.pieces())

    def used(self, trials: Sequence[TrialRecord], seconds: float) -> BudgetUsed:
        """Return how many trainings of the proof have ended."""
        proof = self.record
        pieces = set(proof.pieces()) if proof is not None else set()
        counted = [trial for piece, trial in self._standing(trials).items() if piece in pieces]
        return replace(BudgetUsed.of(counted, seconds, proofs=True), proof=len(pieces))

    def begins_behind_search(
        self,
        claims: Claims,
        read: Callable[[], Sequence[TrialRecord]],
        note: Callable[[str], None],
        seconds_left: float,
    ) -> bool:
        """Begin the proof of a search that has done all else, or go on with it; False if nothing of it is left to do.

        A complete proof, of whatever length, stands until other finalists come out of trials that have ended since.

        Args:
            claims: of this process.
            read: reads the study's trials.
            note: is given why there is none.
            seconds_left: of the budget's hours: without any, none is begun.
        """
        with claims.alone():
            trials, known = read(), self.record
            is_complete = known is not None and self.is_complete(known, trials)
            if known is not None and not is_complete:
                return True
            try:
                if known is not None and self._stands(known, trials):
                    return False
                if seconds_left <= 0:
                    note("no proof of what the search has found by now: its hours are used; automl prove does one")
                    return False
                return not self.is_complete(self.freeze(Length.TRIAL, trials), trials)
            except LeaseLost:
                raise
            except AutomlError as nothing:
                note(f"no proof: {str(nothing).removeprefix('prove: ')}")
                return False

    def _stands(self, known: ProofRecord, trials: Sequence[TrialRecord]) -> bool:
        """Whether nothing has ended since a proof began that makes other contestants of another one."""
        if not ended_since(trials, known):
            return True
        wanted = self._wanted(Length.TRIAL, trials, known.finalists)
        return (set(wanted.finalists), wanted.baseline) == (set(known.finalists), known.baseline)

    def _standing(self, trials: Sequence[TrialRecord]) -> dict[ProofPiece, TrialRecord]:
        """Return the training of each piece; a piece whose training is repeated, and was not begun again, has none."""
        return {piece: trial for piece, trial in by_piece(trials).items() if trial.number not in self._repeated}


def _check_asked(known: ProofRecord, wanted: ProofRecord) -> None:
    """Check that a proof that is under way is what a line asks for.

    Raises:
        SettingsError: it is not.
    """
    if _asked(known) == _asked(wanted) and known.most in (0, wanted.most):
        return
    seeds, level, epochs = _asked(known)
    most = f"{known.most} finalists, " if known.most else ""
    raise SettingsError(
        f"prove: a proof of {most}{len(seeds)} seeds, {' or '.join(map(str, epochs))} epochs, level {level:g} is "
        "under way; leave out proof.* to go on with it, or give --anew"
    )


def _asked(proof: ProofRecord) -> tuple[tuple[int, ...], float, list[int]]:
    """Return seeds, level and epochs of a proof."""
    return proof.seeds, proof.level, sorted({one.terms.epochs for one in proof.contestants})
