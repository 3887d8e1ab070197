"""The health of a board while it measures: temperature, clocks, load, and every sign that it throttles."""

import shutil
import statistics
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Bits of the Raspberry Pi firmware's `get_throttled`: now, and 16 higher since the board was started.
FLAGS = {0: "under-voltage", 1: "the clock is capped", 2: "throttled", 3: "the soft temperature limit is reached"}
SINCE = 16
FIRMWARE = "sys/devices/platform/soc*/*firmware/get_throttled"
# Counters of throttling: Intel's and AMD's cores, and the over-current alarms of NVIDIA's Tegra.
EVENTS = (
    "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count",
    "sys/class/hwmon/hwmon*/oc*_event_cnt",
)
CPUFREQ = "sys/devices/system/cpu/cpu[0-9]*/cpufreq"
SLOW = 0.9  # share of its clock under which a board ran slowly
SHORT_OF_MEMORY = 10.0  # per cent of the time that something waited for memory
VCGENCMD_S = 2.0


@dataclass(frozen=True)
class Vitals:
    """What a board shows at one moment; None is what it does not show.

    Attributes:
        temperature_c: of its hottest zone.
        mhz: clock of its fastest big core.
        steady_mhz: clock that this core keeps for good: its greatest, or what is left of a turbo.
        cap_mhz: most that the system allows now, of the big core that it allows least.
        flags: bits as of FLAGS.
        events: of throttling since the board was started.
        memory_wait: per cent of the last ten seconds that something waited for memory.
        load: processes that ran or waited, mean of a minute.
    """

    temperature_c: float | None = None
    mhz: float | None = None
    steady_mhz: float | None = None
    cap_mhz: float | None = None
    flags: int = 0
    events: int = 0
    memory_wait: float | None = None
    load: float | None = None


@dataclass(frozen=True)
class Course:
    """The readings of a measurement, in their order; the first is from before it, the last from after it."""

    readings: tuple[Vitals, ...]

    @property
    def text(self) -> str:
        """What there is to say in any case, as "48 -> 62 °C, 2400 of 2400 MHz, load 0.2"."""
        first, last = self.readings[0], self.readings[-1]
        parts = []
        if first.temperature_c is not None and last.temperature_c is not None:
            parts.append(f"{first.temperature_c:.0f} -> {last.temperature_c:.0f} °C")
        if (mhz := self._mhz) is not None and last.steady_mhz:
            parts.append(f"{mhz:.0f} of {last.steady_mhz:.0f} MHz")
        if first.load is not None:
            parts.append(f"load {first.load:.1f}")
        return ", ".join(parts)

    @property
    def throttled(self) -> str:
        """Why the figures cannot be trusted, reasons joined by commas; empty where they can."""
        return ", ".join(self._reasons())

    @property
    def _mhz(self) -> float | None:
        """Median clock of the fastest big core in between."""
        clocks = [reading.mhz for reading in self.readings[1:-1] if reading.mhz is not None]
        return statistics.median(clocks) if clocks else None

    def _reasons(self) -> Iterator[str]:
        first, last = self.readings[0], self.readings[-1]
        flags = 0
        for reading in self.readings:
            flags |= reading.flags & (1 << SINCE) - 1
        flags |= (last.flags & ~first.flags) >> SINCE
        yield from (name for bit, name in FLAGS.items() if flags >> bit & 1)
        if last.events > first.events:
            yield f"{last.events - first.events} throttling events"
        steady = last.steady_mhz
        caps = [reading.cap_mhz for reading in self.readings if reading.cap_mhz is not None]
        if steady and caps and min(caps) < SLOW * steady:
            yield f"the clock was capped at {min(caps):.0f} of {steady:.0f} MHz"
        elif steady and (mhz := self._mhz) is not None and mhz < SLOW * steady:
            yield f"the processor ran at {mhz:.0f} of {steady:.0f} MHz"
        waits = [reading.memory_wait for reading in self.readings[1:] if reading.memory_wait is not None]
        if waits and max(waits) > SHORT_OF_MEMORY:
            yield f"memory was short for {max(waits):.0f} % of the time"


def read(root: Path = Path("/"), *, fully: bool = True) -> Vitals:
    """Read a board's health: a few small files.

    Args:
        root: of the file system.
        fully: whether the firmware is asked by a program too, where it has no file; that takes milliseconds.
    """
    mhz, steady, cap = _clocks(root)
    return Vitals(
        temperature_c=_temperature_c(root),
        mhz=mhz,
        steady_mhz=steady,
        cap_mhz=cap,
        flags=_flags(root, fully=fully),
        events=sum(int(number) for number in _numbers(root, EVENTS)),
        memory_wait=_memory_wait(root / "proc/pressure/memory"),
        load=next(iter(_numbers(root, ["proc/loadavg"])), None),
    )


def _temperature_c(root: Path) -> float | None:
    zones = [number / 1000 for number in _numbers(root, ["sys/class/thermal/thermal_zone*/temp"])]
    return max((zone for zone in zones if 0 < zone < 150), default=None)  # one that is broken or off shows nonsense


def _clocks(root: Path) -> tuple[float | None, float | None, float | None]:
    """Return clocks in MHz: of the fastest big core now, what that core keeps for good, and the least cap of a big one.

    Big are cores whose greatest clock is that of the board's fastest, to a tenth: what is measured runs there. A small
    core at its own greatest says nothing of big ones that throttle, nor does one big cluster of the other.
    """
    cores = [_core(folder) for folder in root.glob(CPUFREQ)]
    most = max((core.most_mhz for core in cores), default=0.0)
    big = [core for core in cores if core.most_mhz >= SLOW * most]
    now = [(core.mhz, core.steady_mhz) for core in big if core.mhz is not None and core.steady_mhz]
    cap = min((core.cap_mhz for core in big if core.cap_mhz is not None), default=None)
    return *max(now, default=(None, None)), cap


@dataclass(frozen=True)
class _Core:
    """Clocks of a core in MHz: now, the greatest, what it keeps for good, what the system allows it now."""

    mhz: float | None
    most_mhz: float
    steady_mhz: float
    cap_mhz: float | None


def _core(folder: Path) -> _Core:
    mhz, most, base, cap = (
        None if (khz := _number(folder / name)) is None else khz / 1000
        for name in ("scaling_cur_freq", "cpuinfo_max_freq", "base_frequency", "scaling_max_freq")
    )
    return _Core(mhz, most or 0.0, base or most or 0.0, cap)


def _flags(root: Path, *, fully: bool) -> int:
    for path in root.glob(FIRMWARE):
        return _flags_of(_text(path))
    program = shutil.which("vcgencmd") if fully else None
    if program is None:
        return 0
    try:
        done = subprocess.run(
            [program, "get_throttled"], capture_output=True, text=True, timeout=VCGENCMD_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return _flags_of(done.stdout)


def _flags_of(text: str) -> int:
    """Return the bits of "throttled=0x50005", or of the same without the name."""
    try:
        return int(text.rpartition("=")[2].strip(), 16)
    except ValueError:  # not a Raspberry Pi's, or no right to ask
        return 0


def _memory_wait(path: Path) -> float | None:
    """Return `some avg10` of the kernel's pressure stall information."""
    for line in _text(path).splitlines():
        kind, _, fields = line.partition(" ")
        if kind == "some":
            return float(fields.partition("avg10=")[2].split()[0])
    return None


def _numbers(root: Path, patterns: Iterable[str]) -> list[float]:
    found = [_number(path) for pattern in patterns for path in sorted(root.glob(pattern))]
    return [number for number in found if number is not None]


def _number(path: Path) -> float | None:
    """Return the first number of a small file; None where it has none, or cannot be read."""
    try:
        return float(_text(path).split()[0])
    except (IndexError, ValueError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def now(root: Path = Path("/")) -> str:
    """Return a board's health at this moment, as "48 °C, 1500 of 2400 MHz, load 0.2, under-voltage"; empty if unknown.

    A clock below the steady one is no sign here: nothing is measured.
    """
    reading = read(root)
    parts = []
    if reading.temperature_c is not None:
        parts.append(f"{reading.temperature_c:.0f} °C")
    if reading.mhz is not None and reading.steady_mhz is not None:
        parts.append(f"{reading.mhz:.0f} of {reading.steady_mhz:.0f} MHz")
    if reading.load is not None:
        parts.append(f"load {reading.load:.1f}")
    return ", ".join([*parts, *filter(None, [Course((reading, reading)).throttled])])
