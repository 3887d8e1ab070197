"""What a board is made of, as Linux shows it without any rights: model, processor, clocks, memory, accelerators."""

import hashlib
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# By (implementer, part) of /proc/cpuinfo; `lscpu` has the whole list (util-linux, sys-utils/lscpu-arm.c).
ARM_PARTS = {
    ("0x41", "0xc07"): "Cortex-A7",
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x4e", "0x003"): "Denver 2",
    ("0x4e", "0x004"): "Carmel",
}
MEMORIES_GB = (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
ACCELERATORS = (
    "class/drm/card*/device",
    "class/accel/accel*/device",
    "class/hailo_chardev/*/device",
    "class/apex/*/device",
)
UNSAID = ("", "To Be Filled By O.E.M.", "System Product Name", "Default string", "None")  # of mainboards' makers


def hardware(root: Path = Path("/")) -> dict[str, Any]:
    """Return what a board is: of two boards of one model the same, whatever they are called and wherever they stand.

    Attributes of one mapping: `model` of the machine, `soc`, `processor`, `cores`, `max_mhz` (each clock with the
    number of its cores), `memory_gb` as built in, `accelerators`, `power_mode` (Jetson's nvpmodel), `system`.

    Args:
        root: of the file system.
    """
    return {
        "model": _model(root),
        "soc": " ".join(_texts(root / "proc/device-tree/compatible")),
        "processor": _processor(root / "proc/cpuinfo"),
        "cores": os.cpu_count() or 1,
        "max_mhz": _clocks(root / "sys/devices/system/cpu"),
        "memory_gb": _memory_gb(root / "proc/meminfo"),
        "accelerators": _accelerators(root),
        "power_mode": _text(root / "var/lib/nvpmodel/status").removeprefix("pmode:"),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _model(root: Path) -> str:
    """Return the board's model by its device tree, or by the makers' table of a PC (DMI)."""
    if model := _text(root / "proc/device-tree/model"):
        return model
    names = [_text(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name", "product_version")]
    said = [name for name in names if name not in UNSAID]
    return " ".join(dict.fromkeys(said))


def _processor(cpuinfo: Path) -> str:
    """Return the processor's name; kinds of cores joined by " + ", where there are several."""
    lines = [line.partition(":") for line in _lines(cpuinfo)]
    fields = [(key.strip(), value.strip()) for key, _, value in lines]
    if names := [value for key, value in fields if key == "model name"]:
        return " + ".join(dict.fromkeys(names))
    makers = [value for key, value in fields if key == "CPU implementer"]
    parts = [value for key, value in fields if key == "CPU part"]
    named = [ARM_PARTS.get(pair, f"ARM {pair[0]} {pair[1]}") for pair in zip(makers, parts, strict=False)]
    return " + ".join(dict.fromkeys(named)) or platform.processor() or platform.machine()


def _clocks(cpus: Path) -> str:
    """Return the greatest clock of the cores, as "4 x 1800 + 4 x 2400"; empty where the system does not say."""
    clocks = [int(_text(path)) // 1000 for path in cpus.glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq") if _text(path)]
    return " + ".join(f"{clocks.count(mhz)} x {mhz}" for mhz in sorted(set(clocks)))


def _memory_gb(meminfo: Path) -> float:
    """Return the memory as it is sold: what the kernel has is a little less, and differs from release to release."""
    kib = next((int(line.split()[1]) for line in _lines(meminfo) if line.startswith("MemTotal:")), 0)
    gb = kib / (1 << 20)
    return next((size for size in MEMORIES_GB if size >= gb), round(gb))


def _accelerators(root: Path) -> list[str]:
    """Return GPUs, NPUs and the like: by NVIDIA's name where its driver says one, else by driver and number."""
    found = [
        line.partition(":")[2].strip()
        for path in sorted(root.glob("proc/driver/nvidia/gpus/*/information"))
        for line in _lines(path)
        if line.startswith("Model:")
    ]
    for pattern in ACCELERATORS:
        for device in sorted((root / "sys").glob(pattern)):
            fields = dict(re.findall(r"^(DRIVER|PCI_ID|OF_COMPATIBLE_0)=(.*)$", _text(device / "uevent"), re.MULTILINE))
            if fields and not (found and fields.get("DRIVER", "").startswith("nvidia")):
                found.append(" ".join(fields.values()))
    npus = [path.name for path in sorted((root / "sys/class/devfreq").glob("*npu*"))]
    return list(dict.fromkeys([*found, *npus]))


def unit(root: Path = Path("/")) -> str:
    """Return eight digits of a hash of the board's serial number: others of its model have others; "" without one."""
    for name in ("proc/device-tree/serial-number", "etc/machine-id"):
        if text := _text(root / name):
            return hashlib.sha256(text.encode()).hexdigest()[:8]
    return ""


def _text(path: Path) -> str:
    """Return a small file's text without its ends; empty where it cannot be read."""
    try:
        return path.read_bytes().decode(errors="replace").strip("\0 \n\t")
    except OSError:
        return ""


def _texts(path: Path) -> Iterable[str]:
    """Return the texts of a device tree's property."""
    return [text for text in _text(path).split("\0") if text]


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()
