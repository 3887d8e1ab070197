"""Calm times of the reference as files: one a device and runtime, named by both, in a folder of the user's."""

from pathlib import Path


def calm_file(folder: Path, version: int, runtime: str, fingerprint: str) -> Path:
    """Return the file of a device's calm time.

    Args:
        folder: the cache folder; on a board the one beside the measuring folder.
        version: of the reference network.
        runtime: that runs the network, with its version.
        fingerprint: of the device.
    """
    return folder / f"reference-{version}-{runtime}-{fingerprint}.txt"


def kept_calm_ms(folder: Path) -> dict[str, list[float]]:
    """Return the calm times of a folder, in ms, by the fingerprint of their device; needs no NumPy."""
    found: dict[str, list[float]] = {}
    for path in sorted(folder.glob("reference-*.txt")):
        try:
            found.setdefault(path.stem.rpartition("-")[2], []).append(float(path.read_text()))
        except (OSError, ValueError):  # being written, or damaged: it is measured anew then
            continue
    return found
