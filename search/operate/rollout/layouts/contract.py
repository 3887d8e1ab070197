"""The contract of a layout: the files of a version in, a folder that a serving system takes out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from search.operate.rollout.whole import VersionCard


@dataclass(frozen=True)
class PackedVersion:
    """What a layout is made of.

    Attributes:
        model: the ONNX file.
        card: of the version; its layouts and files are not known yet.
        lineage: where the detector comes from.
    """

    model: Path
    card: VersionCard
    lineage: Path


class ServingLayout(ABC):
    """A way to lay out a version for a serving system; one in each file beside this one.

    Attributes:
        name: as in `rollout.layouts`, and of the folder.
    """

    name: ClassVar[str]

    @abstractmethod
    def write(self, version: PackedVersion, folder: Path) -> None:
        """Write the layout into an empty folder; files of the version may be linked, nobody changes them.

        Raises:
            AutomlError: the system cannot take this detector, in one line.
        """
