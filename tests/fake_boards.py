"""Roots of file systems as boards have them: what /proc and /sys say on a Raspberry Pi 5, a Jetson and a laptop."""

from collections.abc import Mapping
from pathlib import Path

CPU = "sys/devices/system/cpu"
A76 = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n\n"
A78 = "processor\t: 0\nmodel name\t: ARMv8 Processor rev 1 (v8l)\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n\n"
ULTRA = "processor\t: 0\nmodel name\t: Intel(R) Core(TM) Ultra 7 155U\n\n"
PI: Mapping[str, str] = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0",
    "proc/device-tree/serial-number": "10000000abcdef01\0",
    "proc/cpuinfo": 4 * A76,
    "proc/meminfo": "MemTotal:        8256000 kB\nMemAvailable:    6000000 kB\n",
    "proc/loadavg": "0.15 0.10 0.05 1/150 999\n",
    "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "sys/class/drm/card0/device/uevent": "DRIVER=v3d\nOF_COMPATIBLE_0=brcm,2712-v3d\nOF_NAME=v3d\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48200\n",
    **{f"{CPU}/cpu{i}/cpufreq/cpuinfo_max_freq": "2400000\n" for i in range(4)},
    **{f"{CPU}/cpu{i}/cpufreq/scaling_max_freq": "2400000\n" for i in range(4)},
    **{f"{CPU}/cpu{i}/cpufreq/scaling_cur_freq": "1500000\n" for i in range(1, 4)},
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "2400000\n",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "ondemand\n",
}
ROCK: Mapping[
    str, str
] = {  # an RK3588: four small cores, and two clusters of two big ones, of which one is binned lower
    "proc/device-tree/model": "Radxa ROCK 5B\0",
    "proc/device-tree/compatible": "radxa,rock-5b\0rockchip,rk3588\0",
    "proc/cpuinfo": 8 * A76,
    "proc/meminfo": "MemTotal:       16200000 kB\n",
    **{
        f"{CPU}/cpu{i}/cpufreq/{name}": f"{khz}\n"
        for i, khz in enumerate(4 * [1800000] + 2 * [2400000] + 2 * [2256000])
        for name in ("cpuinfo_max_freq", "scaling_max_freq", "scaling_cur_freq")
    },
}
JETSON: Mapping[str, str] = {
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234\0",
    "proc/cpuinfo": 6 * A78,
    "proc/meminfo": "MemTotal:        7802000 kB\n",
    "var/lib/nvpmodel/status": "pmode:0001",
    "sys/class/hwmon/hwmon3/name": "soctherm_oc\n",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "4\n",
    "sys/class/hwmon/hwmon3/oc3_event_cnt": "0\n",
    **{f"{CPU}/cpu{i}/cpufreq/cpuinfo_max_freq": "1510400\n" for i in range(6)},
    **{f"{CPU}/cpu{i}/cpufreq/scaling_max_freq": "1510400\n" for i in range(6)},
    **{f"{CPU}/cpu{i}/cpufreq/scaling_cur_freq": "1510400\n" for i in range(6)},
}
LAPTOP: Mapping[str, str] = {
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    "sys/class/dmi/id/product_name": "21KC\n",
    "sys/class/dmi/id/product_version": "ThinkPad X1\n",
    "etc/machine-id": "0123456789abcdef\n",
    "proc/cpuinfo": 2 * ULTRA,
    "proc/meminfo": "MemTotal:       31900000 kB\n",
    "sys/class/drm/card0/device/uevent": "DRIVER=i915\nPCI_ID=8086:7D45\n",
    "sys/class/accel/accel0/device/uevent": "DRIVER=intel_vpu\nPCI_ID=8086:7D1D\n",
    f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq": "4800000\n",
    f"{CPU}/cpu0/cpufreq/scaling_max_freq": "4800000\n",
    f"{CPU}/cpu0/cpufreq/base_frequency": "1700000\n",
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "2900000\n",
    f"{CPU}/cpu1/cpufreq/cpuinfo_max_freq": "3800000\n",
    f"{CPU}/cpu0/thermal_throttle/package_throttle_count": "17\n",
}


def write_root(root: Path, files: Mapping[str, str], **changes: str) -> Path:
    """Write the files of a board below a folder, and return it."""
    for name, text in {**files, **changes}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
