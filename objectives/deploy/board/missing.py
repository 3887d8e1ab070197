"""What a board lacks for a device, and the command that installs it there."""

from collections.abc import Mapping, Sequence
from typing import Any

from objectives.deploy.device import Device

PIP_NAMES = {"litert": "ai-edge-litert"}  # where a runtime's package is called otherwise
OF_PROVIDER = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
}
REFERENCE_READERS = ("onnxruntime", "openvino")  # run the reference network (`objectives.latency.reference_runs`)
NO_WHEELS = ("armv6l", "armv7l", "i686")  # systems of 32 bits
ENVIRONMENT = "~/automl"  # of an environment that we propose


def missing(device: Device, board: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing that the board lacks; empty where it can measure.

    Args:
        device: what is asked for.
        board: what `objectives.deploy.board.description.describe` has returned there.
    """
    found = board["runtimes"].get(device.runtime)
    lacking = lacks(device.runtime, _package(device), board)
    if lacking:
        return [f"device={device.name}: {_lacks(board, lacking)}; {_install(board, lacking)}"]
    assert found is not None  # else it is among what lacks
    if "error" in found:
        return [f"device={device.name}: {device.runtime} does not start on the board: {found['error']}"]
    known: list[str] = found["providers"]
    if any(device.provider == name or device.provider.startswith(f"{name}.") for name in known):
        return []
    line = f"device={device.name}: {device.runtime} has no '{device.provider}' on the board; it has {', '.join(known)}"
    if package := OF_PROVIDER.get(device.provider):
        line += f"; {_install(board, [package])} in place of {device.runtime}"
        if "nvidia,tegra" in board["hardware"]["soc"]:
            line += " (on a Jetson NVIDIA's own wheel for its JetPack)"
    return [line]


def lacks(runtime: str, package: str, board: Mapping[str, Any]) -> list[str]:
    """Return the packages that a board lacks to run a runtime, and the reference network beside it.

    Args:
        runtime: one of `objectives.deploy.device.RUNTIMES`.
        package: what installs it.
        board: as of `missing`.
    """
    lacking = [] if board["numpy"] is not None else ["numpy"]
    if runtime not in board["runtimes"]:
        lacking.append(package)
    if not {runtime, *board["runtimes"]} & set(REFERENCE_READERS):
        lacking.append(REFERENCE_READERS[0])
    return lacking


def advice(board: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing that would make figures those of the usual deployed program."""
    if board["opencv"] is None and board["numpy"] is not None:
        return [
            "the board has no OpenCV: letterbox and NMS are NumPy's there, which takes milliseconds longer; "
            + _install(board, ["opencv-python-headless"])
        ]
    return []


def _package(device: Device) -> str:
    return OF_PROVIDER.get(device.provider) or PIP_NAMES.get(device.runtime, device.runtime)


def _lacks(board: Mapping[str, Any], lacking: Sequence[str]) -> str:
    return f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed for {_python(board)}"


def _python(board: Mapping[str, Any]) -> str:
    return f"the board's {board['executable']} (Python {board['python']})"


def _install(board: Mapping[str, Any], packages: Sequence[str]) -> str:
    """Return what to do; an environment where Debian's Python refuses pip, or there is none."""
    machine = board["hardware"]["system"].rpartition(" ")[2]
    if machine in NO_WHEELS and set(packages) - {"numpy"}:
        return f"there are no wheels for {machine}: install a system of 64 bits on the board"
    if board["has_pip"] and not board["externally_managed"]:
        return f"install there: {board['executable']} -m pip install {' '.join(packages)}"
    first = "" if board["has_venv"] else "sudo apt install python3-venv && "
    installed = [PIP_NAMES.get(name, name) for name in board["runtimes"]] + ["numpy"] * (board["numpy"] is not None)
    names = " ".join(dict.fromkeys([*packages, *installed]))  # the environment starts empty
    make = f"{first}{board['executable']} -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install {names}"
    return f"install there: {make}; then set device.python={ENVIRONMENT}/bin/python"
