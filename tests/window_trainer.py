"""The quick trainer, whose trained files are real detectors of coloured blocks: what is scored again can be run.

`trial.run=window_trainer:run_trial`; a seed that is odd in thousands gives the poorer windows.
"""

import quick_trainer
from window_detector import GOOD, POOR, write_windows

from objectives.records.records import Ending, Outcome
from objectives.trial.job import TrialJob, TrialListener


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Train, as it were, and write a detector that runs."""
    ending = quick_trainer.run_trial(job, listener)
    if ending is not None and ending.outcome == Outcome.FINISHED:
        write_windows(job.folder / "model.onnx", POOR if job.seed // 1000 % 2 else GOOD)
    return ending
