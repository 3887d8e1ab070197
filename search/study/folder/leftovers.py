"""What killed processes left in a study's folder: measurements half done, timings, checkpoints of trials that ended."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from objectives.records.trial_record import TrialRecord
from search.plan.model import PLANNING
from search.study.claims import Claims
from search.study.folder.keep import Keeper

MEASURING = ".measure-"  # how the folders of measurements ahead of trials begin; a session's key follows


def tidy(folder: Path, claims: Claims, keeper: Keeper, trials: Iterable[TrialRecord]) -> None:
    """Remove it; call it while no other process chooses or plans."""
    for measuring in folder.glob(f"{MEASURING}*"):
        key = measuring.name.removeprefix(MEASURING).partition("-")[0]
        if not claims.is_alive(int(key)):
            shutil.rmtree(measuring, ignore_errors=True)
    for planning in folder.glob(f"{PLANNING}*"):
        shutil.rmtree(planning, ignore_errors=True)
    for trial in trials:
        if trial.phase.has_ended:
            keeper.remove_checkpoints(trial.number)
