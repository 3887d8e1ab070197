"""What NVIDIA's driver says of the GPUs of this machine, by NVML: nothing here starts CUDA."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_opened_by: int | None = None  # process that has opened the driver's library; a forked child opens it anew


@dataclass(frozen=True)
class Gpu:
    """What a training can have for itself: a board, or one of the parts that MIG makes of one.

    Attributes:
        board: number of the board, in the order of the PCI bus, as nvidia-smi counts.
        uuid: "GPU-..." or "MIG-..."; where no driver answers, the number of its device file, or what it is listed as.
        name: as the driver has it, such as "NVIDIA A100-SXM4-40GB MIG 1g.5gb"; empty where that is not known.
        memory_bytes: in all; 0 where that is not known.
        node: N of /dev/nvidiaN, under which an older automl leases it; None for a part, and where it is not known.
        names: what CUDA_VISIBLE_DEVICES may call it beside its number: of a part, its board too.
        is_known: whether the driver has answered for it.
    """

    board: int
    uuid: str
    name: str = ""
    memory_bytes: int = 0
    node: int | None = None
    names: tuple[str, ...] = ()
    is_known: bool = False

    @property
    def key(self) -> str:
        """Its name among locks: the same however the GPU is listed."""
        return "cuda:" + re.sub(r"[^\w.:-]", "_", self.uuid)


@dataclass(frozen=True)
class GpuMemory:
    """Memory of a GPU at one moment, in bytes; `processes` is what each computing process uses, where that is known."""

    total_bytes: int
    free_bytes: int
    processes: Mapping[int, int] = field(default_factory=dict)

    @property
    def used_bytes(self) -> int:
        """What is taken, by whomever."""
        return self.total_bytes - self.free_bytes


@dataclass(frozen=True)
class DriverAnswer:
    """The GPUs that the driver has, None where it does not answer; and for people, what is wrong: one line each."""

    gpus: tuple[Gpu, ...] | None
    notes: tuple[str, ...] = ()


def ask_driver() -> DriverAnswer:
    """Return the GPUs of this machine, boards in MIG mode by their parts.

    A GPU that does not answer, as one that fell off the bus, is left out with a note.
    """
    try:
        nvml = _opened()
        faults: list[str] = []
        return DriverAnswer(tuple(gpu for gpu, _ in _gpus(nvml, faults)), tuple(faults))
    except ImportError:
        return DriverAnswer(None, ("nvidia-ml-py is not installed",))
    except Exception as error:  # NVML's own errors, whose class is only there once it is imported
        _close()
        return DriverAnswer(None, (_words(error),))


def memory_of(gpu: Gpu) -> GpuMemory | None:
    """Return the memory of a GPU as it is now; None where the driver does not say."""
    try:
        nvml = _opened()
        for found, handle in _gpus(nvml, []):
            if found.uuid == gpu.uuid:
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                return GpuMemory(int(memory.total), int(memory.free), _processes(nvml, handle))
    except Exception:  # likewise
        _close()
    return None


def _opened() -> Any:
    """Return NVML, opened once in this process: without a running process on it, a driver may take seconds to open."""
    global _opened_by
    import pynvml  # boards lack it

    if _opened_by != os.getpid():
        pynvml.nvmlInit()
        _opened_by = os.getpid()
    return pynvml


def _close() -> None:
    """Have the library opened anew by the next question: the driver may be back by then."""
    global _opened_by
    _opened_by = None


def _gpus(nvml: Any, faults: list[str]) -> Iterator[tuple[Gpu, Any]]:
    """Yield each GPU and its handle; `faults` takes a line for each that does not answer."""
    for board in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(board)
            found = list(_of_board(nvml, board, handle))
        except nvml.NVMLError as error:
            faults.append(f"GPU {board} is left out: {_words(error)}")
            continue
        yield from found


def _of_board(nvml: Any, board: int, handle: Any) -> Iterator[tuple[Gpu, Any]]:
    uuid = nvml.nvmlDeviceGetUUID(handle)
    parts = _parts(nvml, handle)
    if parts is None:
        yield _gpu(nvml, board, handle, (uuid,), _node(nvml, handle)), handle
        return
    for part in parts:
        instances = f"{nvml.nvmlDeviceGetGpuInstanceId(part)}/{nvml.nvmlDeviceGetComputeInstanceId(part)}"
        names = (nvml.nvmlDeviceGetUUID(part), uuid, f"MIG-{uuid}/{instances}")  # the last: drivers before R470
        yield _gpu(nvml, board, part, names, None), part


def _gpu(nvml: Any, board: int, handle: Any, names: tuple[str, ...], node: int | None) -> Gpu:
    total = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    return Gpu(board, names[0], nvml.nvmlDeviceGetName(handle), total, node, names, is_known=True)


def _parts(nvml: Any, handle: Any) -> list[Any] | None:
    """Return the handles of a board's parts; None if the board is whole, or cannot be parted."""
    try:
        if nvml.nvmlDeviceGetMigMode(handle)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return None
        most = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):  # the board; a driver older than MIG
        return None
    found = []
    for index in range(most):
        try:
            found.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
        except nvml.NVMLError_NotFound:  # numbers have gaps
            continue
    return found


def _node(nvml: Any, handle: Any) -> int | None:
    try:
        return int(nvml.nvmlDeviceGetMinorNumber(handle))
    except nvml.NVMLError:
        return None


def _processes(nvml: Any, handle: Any) -> dict[int, int]:
    """Return what each computing process uses, in bytes; in a container the numbers may be the host's."""
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:
        return {}
    return {int(process.pid): int(process.usedGpuMemory or 0) for process in running}


def _words(error: Exception) -> str:
    return f"NVML: {error}"
