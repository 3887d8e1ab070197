"""Codes of findings: what each means, how bad it is, and what is done about it.

A code is a promise to scripts: it is never renamed and never means something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # scores would be a lie: `automl data check` exits with 1, a strict search stops
    WARNING = "warning"  # scores are true, but lower or less certain than they need to be
    NOTE = "note"  # mended, or worth knowing


@dataclass(frozen=True)
class Code:
    """Meaning of a finding's code.

    Attributes:
        severity: how bad it is.
        what: what was counted, in the plural ("boxes outside their image").
        action: what is done about it, or what the user can do.
    """

    severity: Severity
    what: str
    action: str


_E, _W, _N = Severity

CODES: Mapping[str, Code] = MappingProxyType(
    {
        "images.empty_file": Code(_W, "image files of 0 bytes", "left out; replace the files"),
        "images.format": Code(
            _W, "images in a format that the trainer does not read", "left out; convert them to JPEG or PNG"
        ),
        "images.missing": Code(_W, "images that are named but not there", "left out; restore the files to use them"),
        "images.no_decoder": Code(
            _W, "HEIC images, for which no decoder is installed", "left out; pip install pi-heif, or convert them"
        ),
        "images.too_large": Code(_W, "images of more pixels than are safely decoded", "left out; cut them into tiles"),
        "images.too_small": Code(_W, "images of under 10 pixels a side, which the trainer does not take", "left out"),
        "images.unreadable": Code(_W, "images that cannot be decoded", "left out; replace the files"),
        "images.truncated": Code(_W, "images whose file ends too early", "left out; replace the files"),
        "labels.missing": Code(_W, "images without an annotation file", "taken as background; label or remove them"),
        "labels.outside": Code(_N, "boxes that reach beyond their image", "clipped to the image"),
        "labels.no_size": Code(_W, "boxes without area inside the image", "left out"),
        "labels.duplicate_box": Code(_N, "boxes that are there twice", "counted once"),
        "labels.not_a_box": Code(_W, "lines or entries that are no box", "left out"),
        "splits.large_group": Code(
            _W,
            "images of groups too large for any split",
            "cut in the order of their names: neighbours may lie on both sides; name scenes with data.group",
        ),
        "splits.leak": Code(_E, "images of one split that are there in another", "remove one of the two copies"),
        "splits.moved": Code(_N, "images whose copies lie in another split", "moved there"),
        "splits.no_group": Code(_W, "images that the pattern of data.group does not match", "each a group of its own"),
        "splits.rare_class": Code(
            _W, "classes with too few groups of images to be in every split", "label more of them to have them scored"
        ),
    }
)
