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
        "classes.case": Code(_N, "classes whose names differ in case alone", "kept apart"),
        "classes.gap": Code(_N, "class indices below the highest that have no name", "names are taken as written"),
        "classes.spaces": Code(_N, "class names with spaces around them", "the spaces were removed"),
        "classes.twice": Code(_N, "categories without boxes that have the name of another one", "left out"),
        "classes.unnamed": Code(_W, "classes without a name", "named by their index, or 'object'; give them names"),
        "classes.unused": Code(_N, "classes without a box", "left out"),
        "files.closed": Code(_W, "folders that may not be read", "left out; grant access to use them"),
        "files.column": Code(_N, "columns taken as the class, being the only text", "look whether it is right"),
        "files.deeper": Code(_N, "more sets of annotations further down", "not read; name their folder to use them"),
        "files.differ": Code(_W, "sets of annotations of the same pictures with other boxes", "not read; compare them"),
        "files.moved": Code(_N, "paths of another place", "read from the folders that lie here"),
        "files.other_task": Code(_N, "annotation files of another task", "not read"),
        "files.same": Code(_N, "more sets of annotations of the same pictures and boxes", "not read"),
        "files.unreadable": Code(_W, "annotation files that cannot be read", "left out; mend the files"),
        "images.ambiguous": Code(_W, "image names that fit several files", "left out; give the folder with the name"),
        "images.bad_size": Code(_N, "images without a usable width and height", "the picture's were taken"),
        "images.empty_file": Code(_W, "image files of 0 bytes", "left out; replace the files"),
        "images.exif_assumed": Code(
            _N, "images that lie under an EXIF turn", "their boxes were taken as drawn on the turned picture"
        ),
        "images.exif_turned": Code(
            _N, "images under an EXIF turn that their annotations ignore", "their boxes were turned along"
        ),
        "images.format": Code(
            _W, "images in a format that the trainer does not read", "left out; convert them to JPEG or PNG"
        ),
        "images.joined": Code(_N, "entries that have the image of another entry", "their boxes were put together"),
        "images.listed_twice": Code(_N, "images that are listed again in their split", "read once"),
        "images.missing": Code(_W, "images that are named but not there", "left out; restore the files to use them"),
        "images.no_decoder": Code(
            _W, "HEIC images, for which no decoder is installed", "left out; pip install pi-heif, or convert them"
        ),
        "images.not_an_image": Code(_W, "entries that are no image", "left out with their boxes"),
        "images.other_shape": Code(
            _E, "images of another shape than their annotations say", "left out; export the annotations again"
        ),
        "images.other_size": Code(
            _N, "images of another size than their annotations say", "their boxes were scaled to the picture"
        ),
        "images.renamed": Code(_N, "images whose file is not named as the annotations say", "found by what is alike"),
        "images.too_large": Code(_W, "images of more pixels than are safely decoded", "left out; cut them into tiles"),
        "images.too_small": Code(_W, "images of under 10 pixels a side, which the trainer does not take", "left out"),
        "images.truncated": Code(_W, "images whose file ends too early", "left out; replace the files"),
        "images.unlabelled": Code(_N, "pictures that no annotation names", "not used"),
        "images.unreadable": Code(_W, "images that cannot be decoded", "left out; replace the files"),
        "labels.annotators": Code(_N, "images with several people's annotations", "the first one's were taken"),
        "labels.apart": Code(_N, "label files that lie apart from where their picture's should", "read"),
        "labels.crowd": Code(_N, "crowd boxes", "left out"),
        "labels.duplicate_box": Code(_N, "boxes that are there twice", "counted once"),
        "labels.elsewhere": Code(
            _E, "images whose labels lie in another split's folder", "taken as background; move the files together"
        ),
        "labels.ignored": Code(_N, "regions that are marked to be ignored", "left out, taken as background"),
        "labels.missing": Code(_W, "images without an annotation file", "taken as background; label or remove them"),
        "labels.no_image": Code(_W, "boxes of an image that is not listed", "left out"),
        "labels.no_size": Code(_W, "boxes without area inside the image", "left out"),
        "labels.not_a_box": Code(_W, "lines or entries that are no box", "left out"),
        "labels.orphan": Code(_W, "label files without a picture", "left out; restore the pictures to use them"),
        "labels.outside": Code(_N, "boxes that reach beyond their image", "clipped to the image"),
        "labels.polygon": Code(_N, "polygons and turned boxes", "the upright boxes around them were taken"),
        "labels.unknown_class": Code(_E, "boxes of a class that has no name", "left out; name the class"),
        "splits.large_group": Code(
            _W,
            "images of groups too large for any split",
            "cut in the order of their names: neighbours may lie on both sides; name scenes with data.group",
        ),
        "splits.leak": Code(_E, "images of one split that are there in another", "remove one of the two copies"),
        "splits.missing": Code(_N, "splits that are named but not there", "left out"),
        "splits.moved": Code(_N, "images whose copies lie in another split", "moved there"),
        "splits.no_group": Code(_W, "images that the pattern of data.group does not match", "each a group of its own"),
        "splits.rare_class": Code(
            _W, "classes with too few groups of images to be in every split", "label more of them to have them scored"
        ),
        "splits.unlabelled": Code(_N, "images of a test split without any annotation", "left out"),
        "splits.unlisted": Code(_W, "annotated images that no list of a split names", "left out"),
        "splits.validation": Code(_N, "training images, whole photos each", "set aside, having no validation split"),
    }
)
