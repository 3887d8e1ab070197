"""What is known of a version of the data set, in its folder: the version, what was left out of it, what was found."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from search.operate.stream.contract import DataVersion


@dataclass(frozen=True)
class VersionRecord:
    """A version of the data set, and how it came to be.

    Attributes:
        version: as its fact has it.
        held: split -> fingerprint by class names of the first version, of val and test: they never change.
        first_classes: classes of the first version, by which `held` is counted.
        sides: group -> side, of the first data set's images.
        left_out: lines: labelled images that are in no split, and why.
        findings: lines of the check.
        first_train: fingerprint of the train split of `data.root`, which each version reads anew; empty: not known.
    """

    version: DataVersion
    held: dict[str, str]
    first_classes: tuple[str, ...]
    sides: dict[str, str]
    left_out: tuple[str, ...]
    findings: tuple[str, ...]
    first_train: str = ""

    def write(self, path: Path) -> None:
        """Write it into a folder that has no name yet."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")


def read_record(path: Path) -> VersionRecord | None:
    """Return the record of a version; None if there is no such version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    version = values["version"]
    for key in ("classes", "new_classes"):
        version[key] = tuple(version[key])
    lists = {key: tuple(values[key]) for key in ("first_classes", "left_out", "findings")}
    trained = values.get("first_train", "")
    return VersionRecord(DataVersion(**version), values["held"], sides=values["sides"], first_train=trained, **lists)
