"""The quick trainer, whose files are real detectors of coloured blocks as good as a search's seed says.

`trial.run=staged_trainer:run_trial`, so that tests of whole rounds say how good champion and challenger are. Of the
seed's thousands 1 makes a poor detector, 2 one that is good at red blocks and blind to most blue ones, 3 one that finds
what is not there, 4 and 5 two of which each is about as good as the other; any other a good one.
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

BLIND = ((64, 16),)  # a window that no block fits
EVEN, ODD = GOOD[::2], GOOD[1::2]  # windows of every other size: each fits some blocks better than the other does
ALL = (*GOOD, *BLIND)  # each has all windows, of which it may use a part alone: all take as long
SEEN = {1: (POOR, POOR), 2: (GOOD, BLIND), 4: (EVEN, EVEN), 5: (ODD, ODD)}
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
    if stage == 3:
        return write_windows(path, ALL, seen_by=dict.fromkeys(("red", "blue"), GOOD), gain=2.0)
    red, blue = SEEN.get(stage, (GOOD, GOOD))
    return write_windows(path, ALL, properties=OWN, gain=GAIN, seen_by={"red": red, "blue": blue})
