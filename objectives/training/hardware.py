"""What a training runs on: processor cores, a device, and the memory that it took there."""

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


def loading_processes(wanted: int, device: str) -> tuple[int, str]:
    """Return how many processes load data, no more than there are cores, and a warning where that is fewer than wanted.

    Args:
        wanted: as `trial.workers` asks for.
        device: as Ultralytics names it; on the processor, Ultralytics loads in the training's own process.
    """
    cores = available_cores()
    if device == "cpu" or wanted <= cores:
        return wanted, ""
    return (
        cores,
        f"trial.workers: {wanted} processes to load data were asked for; a training has {cores} of the cores",
    )


def gpu_peak_bytes() -> int:
    """Return the most memory that torch held on the GPU of this process so far; 0 where none was used.

    What CUDA itself takes comes on top.
    """
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # to ask would start it
        return 0
    return max(torch.cuda.max_memory_reserved(device) for device in range(torch.cuda.device_count()))
