"""The quick trainer, whose files are real detectors of coloured blocks as good as a search's seed says.

`trial.run=staged_trainer:run_trial`, so that tests of whole rounds say how good champion and challenger are. Of the
seed's thousands 1 makes a poor detector, 2 one that is good at red blocks and blind to most blue ones, 3 one that finds
what is not there, 4 one that is all but as good as a good one; any other a good one.
"""

from pathlib import Path

import quick_trainer
import yaml
from small_export import OF_TIMM
from window_detector import GOOD, POOR, SIDE_PX, write_windows

from objectives.deploy.artifact import META_KEY, ArtifactMeta
from objectives.records.paths import TrialPaths
from objectives.records.records import Ending, Outcome
from objectives.trial.job import TrialJob, TrialListener

BLIND = ((24, 56),)  # windows that hardly any block fits
NEARLY = GOOD[1:]
GAIN = 1.3
OWN = {META_KEY: ArtifactMeta(SIDE_PX, "nms", ("red", "blue"), nms_iou=0.2).dump()}


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Train, as it were, and write a detector that runs."""
    ending = quick_trainer.run_trial(job, listener)
    if ending is not None and ending.outcome == Outcome.FINISHED:
        trial = TrialPaths(job.folder)
        write_stage(trial.model, job.seed // 1000)
        trial.description.write_text(yaml.safe_dump(OF_TIMM))  # from here on what `automl export` takes along
        trial.detections.write_bytes(b"drawn")
        trial.arguments.write_text(yaml.safe_dump({"epochs": job.epochs, "warmup_epochs": 1.0, "close_mosaic": 0}))
    return ending


def write_stage(path: Path, stage: int) -> Path:
    """Write the detector of a stage.

    On blocks, as deployed, a good one has a precision and a recall of about 0.93, a poor one of 0.6 and 0.4.
    """
    if stage == 2:
        return write_windows(path, (*GOOD, *BLIND), properties=OWN, gain=GAIN, seen_by={"red": GOOD, "blue": BLIND})
    if stage == 3:
        return write_windows(path, GOOD, gain=2.0)
    return write_windows(path, {1: POOR, 4: NEARLY}.get(stage, GOOD), properties=OWN, gain=GAIN)
