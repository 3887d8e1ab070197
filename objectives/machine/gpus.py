"""The NVIDIA boards that this process may use, found out without starting CUDA."""

import os
from importlib.metadata import version
from pathlib import Path
from zlib import crc32


def visible_gpus(devices: Path = Path("/dev")) -> list[int]:
    """Return the machine's numbers of the visible boards, in the order in which CUDA counts them.

    As CUDA does, what comes after the first invalid entry of CUDA_VISIBLE_DEVICES is left out. A board that is listed
    by UUID gets a number of its own, made of that: who lists it by index does not share a lease.

    Args:
        devices: where the driver's devices are.
    """
    if version("torch").endswith("+cpu"):
        return []
    boards = {int(path.name.removeprefix("nvidia")) for path in devices.glob("nvidia[0-9]*")}
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return sorted(boards)
    found: list[int] = []
    for entry in listed.split(","):
        name = entry.strip()
        if name.startswith(("GPU-", "MIG-")) and boards:
            found.append(crc32(name.encode()))
        elif name.isdigit() and int(name) in boards:
            found.append(int(name))
        else:
            break
    return found


def board_of(index: int) -> int:
    """Return the machine's number of a visible board; the index itself where that is not known."""
    boards = visible_gpus()
    return boards[index] if index < len(boards) else index
