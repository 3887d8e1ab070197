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
        "balance.background": Code(
            _W,
            "images without boxes, in splits where they are more than half",
            "used as background; label or remove some",
        ),
        "balance.classes": Code(
            _N, "classes with under a tenth of the boxes of the commonest", "all are used; add images of the rare ones"
        ),
        "balance.classes_far": Code(
            _W,
            "classes with under a tenth of the boxes of the commonest, the rarest under a hundredth",
            "all are used; add images of the rare ones",
        ),
        "balance.odd_shape": Code(
            _N,
            "boxes of a width to height far off that of their class",
            "used as they are; look whether they are slips",
        ),
        "balance.odd_size": Code(
            _N, "boxes of a size far off that of their class", "used as they are; look whether they are slips"
        ),
        "classes.case": Code(_N, "classes whose names differ in case alone", "kept apart"),
        "classes.few": Code(_W, "classes with under 10 boxes to learn from", "used as they are; add images of them"),
        "classes.gap": Code(_N, "class indices below the highest that have no name", "names are taken as written"),
        "classes.near_equal": Code(
            _W, "pairs of class names that may mean one class", "kept apart; give their boxes one name if they are one"
        ),
        "classes.not_in_test": Code(
            _N, "classes without a box in the test split", "the test says nothing of them; move images there"
        ),
        "classes.not_in_train": Code(
            _W,
            "classes without a box in the training split",
            "scored without being learnt, so lower than they need to be; move images there",
        ),
        "classes.not_in_val": Code(
            _W, "classes without a box in the validation split", "learnt without being scored; move images there"
        ),
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
        "images.alike": Code(
            _N, "images that nearly equal another one of their split", "used as they are; they teach little new"
        ),
        "images.alpha": Code(_N, "images with transparency among others", "read without it"),
        "images.ambiguous": Code(_W, "image names that fit several files", "left out; give the folder with the name"),
        "images.animated": Code(_N, "images of several frames", "the first frame is used"),
        "images.augmented": Code(
            _N,
            "images that are augmented copies of a photo of their split",
            "used as they are; they count for fewer photos",
        ),
        "images.bad_size": Code(_N, "images without a usable width and height", "the picture's were taken"),
        "images.cmyk": Code(_N, "CMYK images among others", "turned into colours of a screen"),
        "images.colour": Code(_N, "colour images among others", "used in colour"),
        "images.deep": Code(
            _N, "images of more than 8 bits a channel", "read with 8; dark where the range is not filled"
        ),
        "images.duplicate": Code(_W, "images of a split that are there a second time", "used twice; remove the copies"),
        "images.empty_file": Code(_W, "image files of 0 bytes", "left out; replace the files"),
        "images.exif_assumed": Code(
            _N, "images that lie under an EXIF turn", "their boxes were taken as drawn on the turned picture"
        ),
        "images.exif_turned": Code(
            _N, "images under an EXIF turn that their annotations ignore", "their boxes were turned along"
        ),
        "images.flat": Code(
            _W, "images that show nothing but one colour", "used as they are; look whether they are broken"
        ),
        "images.format": Code(
            _W, "images in a format that the trainer does not read", "left out; convert them to JPEG or PNG"
        ),
        "images.grey": Code(_N, "grey images among others", "read as colour images"),
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
        "images.small": Code(_N, "images under 32 pixels a side", "used as they are"),
        "images.stretched": Code(_N, "images over 20 times as long as wide", "used as they are; cut them into tiles"),
        "images.too_large": Code(_W, "images of more pixels than are safely decoded", "left out; cut them into tiles"),
        "images.too_small": Code(_W, "images of under 10 pixels a side, which the trainer does not take", "left out"),
        "images.truncated": Code(_W, "images whose file ends too early", "left out; replace the files"),
        "images.turned": Code(_N, "images under an EXIF turn", "turned as viewers show them, boxes with them"),
        "images.unlabelled": Code(_N, "pictures that no annotation names", "not used"),
        "images.unreadable": Code(_W, "images that cannot be decoded", "left out; replace the files"),
        "images.unsupported": Code(
            _N, "files beside the images that are none that can be read", "not used; convert them if they are images"
        ),
        "labels.annotators": Code(_N, "images with several people's annotations", "the first one's were taken"),
        "labels.apart": Code(_N, "label files that lie apart from where their picture's should", "read"),
        "labels.crowd": Code(_N, "crowd boxes", "left out"),
        "labels.crowded": Code(
            _N, "images with far more boxes than the others", "used as they are; look whether they are slips"
        ),
        "labels.dense": Code(
            _N,
            "images with over 100 boxes",
            "as many detections as they need are kept (data.detections_max); an rtdetr head finds 100 at most",
        ),
        "labels.disagree": Code(
            _W, "copies of an image that have other boxes", "used as they are; correct one of the two"
        ),
        "labels.duplicate_box": Code(_N, "boxes that are there twice", "counted once"),
        "labels.elsewhere": Code(
            _E, "images whose labels lie in another split's folder", "taken as background; move the files together"
        ),
        "labels.far_outside": Code(
            _W,
            "boxes whose centre is outside their image",
            "left out as far as they are outside; look whether the image was replaced",
        ),
        "labels.huge": Code(
            _N, "boxes over nearly the whole image", "used as they are; look whether the object is so large"
        ),
        "labels.ignored": Code(_N, "regions that are marked to be ignored", "left out, taken as background"),
        "labels.missing": Code(_W, "images without an annotation file", "taken as background; label or remove them"),
        "labels.near_duplicate_box": Code(
            _W, "boxes that nearly equal another of their class and image", "used as they are; remove one of the two"
        ),
        "labels.no_image": Code(_W, "boxes of an image that is not listed", "left out"),
        "labels.no_size": Code(_W, "boxes without area inside the image", "left out"),
        "labels.not_a_box": Code(_W, "lines or entries that are no box", "left out"),
        "labels.orphan": Code(
            _W, "annotation files without an image", "not used; restore the images, or remove the files"
        ),
        "labels.outside": Code(_N, "boxes that reach beyond their image", "clipped to the image"),
        "labels.over_cap": Code(
            _W, "images with more boxes than detections that are kept", "the rest is lost; raise data.detections_max"
        ),
        "labels.polygon": Code(_N, "polygons and turned boxes", "the upright boxes around them were taken"),
        "labels.same_everywhere": Code(
            _W,
            "images that have the boxes of others to the letter",
            "used as they are; look whether an export was pasted",
        ),
        "labels.shared": Code(
            _W,
            "images that share an annotation file, for their names differ in the suffix alone",
            "used with the same boxes; rename one of them",
        ),
        "labels.sliver": Code(
            _N, "boxes over 50 times as long as wide", "used as they are; look whether they are slips"
        ),
        "labels.tiny": Code(_W, "boxes under 3 pixels a side", "used as they are; look whether they are slips"),
        "labels.too_small": Code(
            _W,
            "boxes too small to be found at the largest input size that is searched",
            "used as they are; search larger input sizes, or cut the images into tiles",
        ),
        "labels.two_classes": Code(
            _W, "boxes that nearly equal one of another class", "used as they are; remove one of the two"
        ),
        "labels.unknown_class": Code(_E, "boxes of a class that has no name", "left out; name the class"),
        "splits.alike": Code(
            _W,
            "images that look like one of another split, with other boxes",
            "used as they are; look whether the camera alone is the same",
        ),
        "splits.group_leak": Code(
            _E,
            "images of a group that is also in another split",
            "move each group to one split, or take data.splits=repair",
        ),
        "splits.large_group": Code(
            _W,
            "images of groups too large for any split",
            "cut in the order of their names: neighbours may lie on both sides; name scenes with data.group",
        ),
        "splits.leak": Code(
            _E,
            "images of one split that are there in another",
            "remove one of the two copies, or take data.splits=repair",
        ),
        "splits.missing": Code(_N, "splits that are named but not there", "left out"),
        "splits.moved": Code(_N, "images whose copies lie in another split", "moved there"),
        "splits.near_leak": Code(
            _E,
            "images of one split that nearly equal one of another, boxes too",
            "remove one of the two, move both to one split, or take data.splits=repair",
        ),
        "splits.no_group": Code(_W, "images that the pattern of data.group does not match", "each a group of its own"),
        "splits.other_classes": Code(
            _N,
            "classes whose share of the boxes is another than in training",
            "used as they are; split anew if that is not meant",
        ),
        "splits.other_pictures": Code(
            _N,
            "splits with pictures of other sizes than in training",
            "used as they are; split anew if that is not meant",
        ),
        "splits.other_shapes": Code(
            _N,
            "splits with boxes of other shapes than in training",
            "used as they are; split anew if that is not meant",
        ),
        "splits.other_sizes": Code(
            _N, "splits with boxes of other sizes than in training", "used as they are; split anew if that is not meant"
        ),
        "splits.rare_class": Code(
            _W, "classes with too few groups of images to be in every split", "label more of them to have them scored"
        ),
        "splits.series": Code(
            _W,
            "images that look much like their neighbour in a series of names, which is in another split",
            "used as they are; name the series with data.group",
        ),
        "splits.source_leak": Code(
            _E, "augmented copies of a photo that is also in another split", "move all copies of a photo to one split"
        ),
        "splits.unlabelled": Code(_N, "images of a test split without any annotation", "left out"),
        "splits.unlisted": Code(_W, "annotated images that no list of a split names", "left out"),
        "splits.validation": Code(_N, "training images, whole photos each", "set aside, having no validation split"),
    }
)
