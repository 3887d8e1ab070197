"""The quick trainer, whose files are real detectors of coloured blocks as good as a search's seed says.

`trial.run=staged_trainer:run_trial`, so that tests of whole rounds say how good champion and challenger are:
`seed=1042` makes a poor detector, `seed=2042` one that is good at red blocks and blind to most blue ones, `seed=3042` one
that finds what is not there, `seed=4042` one that does next to as well as a good one; any other a good one.
"""

from pathlib import Path

import quick_trainer
from window_detector import GOOD, POOR, write_windows

from objectives.records.records import Ending, Outcome
from objectives.trial.job import TrialJob, TrialListener

BLIND = ((24, 56),)  # windows that hardly any block fits
NEARLY = GOOD[1:]


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Train, as it were, and write a detector that runs."""
    ending = quick_trainer.run_trial(job, listener)
    if ending is not None and ending.outcome == Outcome.FINISHED:
        write_stage(job.folder / "model.onnx", job.seed // 1000)
    return ending


def write_stage(path: Path, stage: int) -> Path:
    """Write the detector of a stage."""
    if stage == 2:
        return write_windows(path, (*GOOD, *BLIND), seen_by={"red": GOOD, "blue": BLIND})
    if stage == 3:
        return write_windows(path, GOOD, gain=3.0)
    return write_windows(path, {1: POOR, 4: NEARLY}.get(stage, GOOD))
