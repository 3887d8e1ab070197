"""The trainer of real detectors of coloured blocks, which leaves all files that `automl export` copies.

`trial.run=round_trainer:run_trial`.
"""

import window_trainer
import yaml

from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Outcome
from objectives.trial.job import TrialJob, TrialListener

OF_TIMM = {"backbone": [[-1, 1, "TimmBackbone", []]], "head": []}  # that Ultralytics alone does not build


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Train, as it were, and write what an export needs."""
    ending = window_trainer.run_trial(job, listener)
    if ending is not None and ending.outcome == Outcome.FINISHED:
        trial = TrialPaths(job.folder)
        trial.description.write_text(yaml.safe_dump(OF_TIMM))
        trial.weights.write_bytes(b"weights")
        trial.detections.write_bytes(b"drawn")
        trial.arguments.write_text(yaml.safe_dump({"epochs": 4, "warmup_epochs": 1.0, "close_mosaic": 0}))
    return ending
