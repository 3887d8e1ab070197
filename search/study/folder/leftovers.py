"""What killed processes left in a study's folder: measurements, timings, checkpoints of ended trials, lost children."""

from collections.abc import Sequence
from pathlib import Path

from objectives.machine.files import remove_folders
from objectives.records.paths import StudyPaths
from objectives.records.trial_record import TrialRecord
from search.study.claims.contract import Claims
from search.study.folder.keep import Keeper


def tidy(folder: Path, claims: Claims, keeper: Keeper, trials: Sequence[TrialRecord]) -> None:
    """Remove what killed processes left; call it while no other process chooses or plans."""
    paths = StudyPaths(folder)
    remove_folders(measuring for session, measuring in paths.measurings if not claims.is_alive(session))
    remove_folders(paths.plannings)
    for trial in trials:
        if trial.phase.has_ended:
            keeper.remove_checkpoints(trial.number)
    keeper.remove_strays(trials, claims.living(trial.number for trial in trials if trial.family))
