"""The GPUs that this process may use, in the order in which CUDA counts them; found out without starting CUDA."""

import os
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from objectives.machine.gpus.driver import Gpu, ask_driver

DEVICE_FILES = Path("/dev")  # where the driver's device files are


def visible_gpus(devices: Path = DEVICE_FILES) -> list[Gpu]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES lets this process use; of a board in MIG mode each part.

    As CUDA does, what comes after the first invalid entry is left out, and a list that names one twice is empty.
    Numbers are those of nvidia-smi, which CUDA shares where all boards are of one model or
    CUDA_DEVICE_ORDER=PCI_BUS_ID. Where the driver's library does not answer, boards are counted by their device files.

    Args:
        devices: where the driver's device files are.
    """
    if version("torch").endswith("+cpu"):
        return []
    gpus = ask_driver().gpus
    if gpus is None:
        gpus = _by_files(devices)
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return list(gpus) if listed is None else _listed(listed, gpus)


def gpu_of(index: int) -> Gpu:
    """Return a visible GPU by CUDA's number; one that is called by that number where it is not known."""
    gpus = visible_gpus()
    return gpus[index] if 0 <= index < len(gpus) else Gpu(index, str(index))


def wanted_gpus(wanted: str) -> list[Gpu]:
    """Return the GPUs of which a trial may have one; none to train on the processor, or on several at once."""
    if wanted == "auto":
        return visible_gpus()
    return [gpu_of(int(wanted))] if wanted.isdigit() else []


def gpu_notes(devices: Path = DEVICE_FILES) -> list[str]:
    """Return, for people, what is wrong with the GPUs of this machine; nothing where there are none."""
    answer = ask_driver()
    if answer.gpus is not None:
        return [f"gpu: {note}" for note in answer.notes]
    if not _by_files(devices):
        return []
    return [
        f"gpu: the NVIDIA driver does not answer ({', '.join(answer.notes)}); GPUs are counted by their device files, "
        "and each has one training at a time"
    ]


def _by_files(devices: Path) -> tuple[Gpu, ...]:
    files = [path.name.removeprefix("nvidia") for path in devices.glob("nvidia[0-9]*")]
    numbers = sorted(int(name) for name in files if name.isdigit())
    return tuple(Gpu(number, str(number), node=number) for number in numbers)


def _listed(listed: str, gpus: Sequence[Gpu]) -> list[Gpu]:
    found: list[Gpu] = []
    for entry in listed.split(","):
        named = list(_named(entry.strip(), gpus))
        if not named:
            break
        if any(gpu in found for gpu in named):
            return []
        found += named
    return found


def _named(entry: str, gpus: Sequence[Gpu]) -> Iterator[Gpu]:
    """Yield what an entry names: one GPU, or the parts of one board; nothing for an invalid entry."""
    if entry.isdigit():
        yield from (gpu for gpu in gpus if gpu.board == int(entry))
    elif entry.startswith(("GPU-", "MIG-")):
        if not all(gpu.is_known for gpu in gpus):  # the driver does not say which it is
            yield Gpu(-1, entry)
            return
        own = [gpu for gpu in gpus if any(name.startswith(entry) for name in gpu.names)]
        if len({gpu.board for gpu in own}) == 1 and (len(own) == 1 or entry.startswith("GPU-")):
            yield from own
