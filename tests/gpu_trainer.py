"""The trial of milliseconds on a made machine with GPUs: first it writes down what its process sees of them."""

import json
import os
import sys
from pathlib import Path

import torch
from quick_trainer import run_trial as run_quickly

from objectives.records.records import Ending
from objectives.trial.job import TrialJob, TrialListener
from objectives.trial.trial import run_trial as run_really  # as the server of real trials: with Ultralytics


def run_trial(job: TrialJob, listener: TrialListener) -> Ending | None:
    """Write a line to `seen.jsonl` in the folder that SEEN names, and train, as it were."""
    seen = {
        "trial": job.number,
        "listed": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "device": job.train_device,
        "count": torch.cuda.device_count(),  # by NVML, as the searching process has asked for
        "started": torch.cuda.is_initialized(),
        "forked_from_started": torch.cuda._is_in_bad_fork(),  # CUDA had been started in the fork server
        "driver": any("libcuda.so" in line for line in Path("/proc/self/maps").read_text().splitlines()),
        "loaded": run_really.__module__ in sys.modules and "ultralytics" in sys.modules,
    }
    with (Path(os.environ["SEEN"]) / "seen.jsonl").open("a") as file:
        file.write(json.dumps(seen) + "\n")
    return run_quickly(job, listener)
