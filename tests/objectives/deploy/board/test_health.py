"""A board's health: every sign of throttling is seen, by its name; a board that is well is not marked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_boards import CPU, JETSON, LAPTOP, PI, ROCK, write_root

from objectives.deploy.board.health import Course, Vitals, now, read

WELL = Vitals(48.0, 2400.0, 2400.0, 2400.0, 0, 0, 0.0, 0.2)


def course(*between: Vitals, last: Vitals = WELL, first: Vitals = WELL) -> Course:
    return Course((first, *between, last))


def all_cores(name: str, khz: int, cores: Sequence[int] = range(4)) -> dict[str, str]:
    return {f"{CPU}/cpu{i}/cpufreq/{name}": f"{khz}\n" for i in cores}


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a `vcgencmd` on the path."""
    folder.mkdir(exist_ok=True)
    (folder / "vcgencmd").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_board_that_is_well(tmp_path: Path) -> None:
    reading = read(write_root(tmp_path, PI), fully=False)
    assert reading == Vitals(48.2, 2400.0, 2400.0, 2400.0, 0, 0, 0.0, 0.15)
    found = Course((reading, reading, replace(reading, temperature_c=61.6)))
    assert (found.text, found.throttled) == ("48 -> 62 °C, 2400 of 2400 MHz, load 0.1", "")


def test_a_boards_health_now(tmp_path: Path) -> None:
    """A clock that idles is no sign, a firmware's flag is."""
    idle = {**PI, **all_cores("scaling_cur_freq", 1_500_000)}
    assert now(write_root(tmp_path / "well", idle)) == "48 °C, 1500 of 2400 MHz, load 0.1"
    firmware = "sys/devices/platform/soc/soc:firmware/get_throttled"
    poor = write_root(tmp_path / "poor", {**idle, firmware: "50001\n"})
    assert now(poor) == "48 °C, 1500 of 2400 MHz, load 0.1, under-voltage"
    assert now(tmp_path / "nothing") == ""


def test_where_nothing_can_be_read_nothing_is_said(tmp_path: Path) -> None:
    reading = read(tmp_path, fully=False)
    assert reading == Vitals()
    assert (Course((reading, reading)).text, Course((reading, reading)).throttled) == ("", "")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("throttled=0x0", ""),
        ("throttled=0x1", "under-voltage"),
        ("throttled=0x50005", "under-voltage, throttled"),
        ("throttled=0xe0008", "the soft temperature limit is reached"),
        ("throttled=0x2", "the clock is capped"),
        ("VCHI initialization failed", ""),
    ],
)
def test_the_firmwares_flags_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, names: str) -> None:
    """What was so since the start, and is not now, is no fault of this measurement."""
    program(tmp_path / "bin", monkeypatch, f'[ "$1" = get_throttled ] && echo "{text}"')
    reading = read(write_root(tmp_path / "root", PI))
    assert course(last=reading, first=reading).throttled == names


def test_a_flag_that_was_set_in_between_counts() -> None:
    assert course(last=replace(WELL, flags=0x40000), first=replace(WELL, flags=0x10000)).throttled == "throttled"
    assert course(last=replace(WELL, flags=0x10000), first=replace(WELL, flags=0x10000)).throttled == ""
    assert course(replace(WELL, flags=0x1)).throttled == "under-voltage"


def test_the_firmwares_file_is_read_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", monkeypatch, "echo throttled=0x1")
    files = {**PI, "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "4\n"}
    assert read(write_root(tmp_path / "root", files)).flags == 4
    assert read(write_root(tmp_path / "root", files), fully=False).flags == 4


@pytest.mark.parametrize("script", ["exit 1", "sleep 10", "kill -9 $$"])
def test_a_program_that_fails_is_no_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr("objectives.deploy.board.health.VCGENCMD_S", 0.2)
    program(tmp_path / "bin", monkeypatch, f"exec {script}" if script.startswith("sleep") else script)
    assert read(write_root(tmp_path / "root", PI)).flags == 0


@pytest.mark.parametrize(
    ("files", "change", "why"),
    [
        (JETSON, {"sys/class/hwmon/hwmon3/oc1_event_cnt": "9\n"}, "5 throttling events"),
        (LAPTOP, {f"{CPU}/cpu0/thermal_throttle/package_throttle_count": "18\n"}, "1 throttling events"),
        (PI, all_cores("scaling_max_freq", 1500000), "the clock was capped at 1500 of 2400 MHz"),
        (PI, all_cores("scaling_cur_freq", 1000000), "the processor ran at 1000 of 2400 MHz"),
        (ROCK, all_cores("scaling_cur_freq", 1200000, range(4, 8)), "the processor ran at 1200 of 2400 MHz"),
        (ROCK, all_cores("scaling_cur_freq", 408000, range(6)), ""),  # the other big cluster works
        (ROCK, all_cores("scaling_max_freq", 1200000, (6, 7)), "the clock was capped at 1200 of 2400 MHz"),
        (ROCK, all_cores("scaling_max_freq", 1008000), ""),  # the small ones, where nothing is measured
        (PI, {"proc/pressure/memory": "some avg10=34.20 avg60=9.00\n"}, "memory was short for 34 % of the time"),
        (LAPTOP, {f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "1600000\n"}, ""),  # no turbo: over nine tenths of its base
        (LAPTOP, {f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "800000\n"}, "the processor ran at 800 of 1700 MHz"),
        (PI, {"sys/class/thermal/thermal_zone0/temp": "84000\n"}, ""),  # hot alone is not slow
    ],
)
def test_what_a_board_does_meanwhile(
    tmp_path: Path, files: Mapping[str, str], change: Mapping[str, str], why: str
) -> None:
    before = read(write_root(tmp_path, files), fully=False)
    during = read(write_root(tmp_path, change), fully=False)
    assert Course((before, during, during)).throttled == why
    assert Course((before, before, before)).throttled == ""


def test_one_moment_of_a_slow_clock_is_none() -> None:
    slow = replace(WELL, mhz=600.0)
    assert course(WELL, slow, WELL).throttled == ""
    assert course(slow, slow, WELL).throttled == "the processor ran at 600 of 2400 MHz"


def test_zones_that_are_broken_are_left_out(tmp_path: Path) -> None:
    zones: Sequence[str] = ("-273000", "none", "52000", "255000")
    files = {f"sys/class/thermal/thermal_zone{i}/temp": text for i, text in enumerate(zones)}
    assert read(write_root(tmp_path, files)).temperature_c == 52.0
