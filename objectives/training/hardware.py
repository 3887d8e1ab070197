"""What a training runs on: processor cores, and a device."""

import os

import torch


def available_cores() -> int:
    """Return the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_device(wanted: str) -> str:
    """Return the training device in Ultralytics' words: `auto` takes the first GPU, else the processor."""
    if wanted != "auto":
        return wanted
    return "0" if torch.cuda.is_available() else "cpu"
